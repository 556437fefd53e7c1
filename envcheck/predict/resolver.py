"""Versions that fit together: PubGrub over finite sets of releases.

The algorithm is that of Natalie Weizenbaum's PubGrub (dart-lang/pub, doc/solver.md), which uv uses
too. A project's releases are known, so a set of versions is an integer, one bit each, and the
algebra of terms is that of integers. resolvelib, which pip uses, was measured first: it gives up
on closures of 200 distributions, and takes ten times as long on those that it resolves.

A *node* is a project, or a project with an extra, which needs the same release of the project. A
*term* ``(node, mask, positive)`` says that the node is selected with a release of ``mask``, or,
not positive, that it is not. An *incompatibility* is terms that never hold together.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    class Source(Protocol):
        """What is asked about nodes; numbers are bits of masks."""

        def usable(self, node: Node, mask: int) -> tuple[int | None, int]:
            """(the release of ``mask`` to try first, those that were found to be of no use)."""

        def hopeless(self, node: Node, mask: int) -> bool:
            """Whether no release of ``mask`` is of use."""

        def needs(self, node: Node, number: int) -> Iterable[tuple[Node, int]]:
            """What release ``number`` of ``node`` needs: nodes and the releases that will do."""


Node = tuple[str, str]  # normalized name, extra (empty: the project itself)
ROOT: Node = ("", "")
_GRUDGE = 5  # conflicts after which a node is decided before others
_STEPS = 200_000  # decisions and conflicts after which it is given up


class Term(NamedTuple):
    """See above."""

    mask: int
    positive: bool


class Incompatibility(NamedTuple):
    """``cause``: two others that it follows from; None: it is a fact: something is needed, or a
    release is of no use.
    """

    terms: dict[Node, Term]
    cause: tuple[Incompatibility, Incompatibility] | None = None


class Unsolvable(Exception):  # noqa: N818 - an answer, no error
    """Nothing fits together. ``proof``: the incompatibility that says so, with its causes."""

    def __init__(self, proof: Incompatibility) -> None:
        super().__init__("no releases fit together")
        self.proof = proof


class TooHard(Exception):  # noqa: N818
    """It was given up after too many steps."""


class _Step(NamedTuple):
    """What became known of a node: ``after`` with all that was known before."""

    node: Node
    term: Term
    after: Term
    level: int
    cause: Incompatibility | None  # None: a decision


def resolve(wanted: Sequence[tuple[Node, int]], source: Source) -> dict[Node, int]:
    """The release of each node that is needed, all as new as can be. Raises Unsolvable, TooHard.

    ``wanted``: nodes and the releases that will do.
    """
    return _Solver(wanted, source).solve()


class _Solver:
    def __init__(self, wanted: Sequence[tuple[Node, int]], source: Source) -> None:
        self._wanted = wanted
        self._source = source
        self._known: dict[Node, Term] = {}
        self._steps: list[_Step] = []
        self._of_node: dict[Node, list[int]] = {}  # numbers of steps
        self._level = 0
        self._decided: dict[Node, int] = {}
        self._about: dict[Node, list[Incompatibility]] = {}
        self._order: dict[Node, int] = {}  # as they were met
        self._conflicts: dict[Node, int] = {}
        self._open: list[tuple[tuple[int, int, int], Node]] = []  # a heap, not always up to date
        self._work = 0

    def solve(self) -> dict[Node, int]:
        self._add(Incompatibility({ROOT: Term(1, False)}))
        changed: Node | None = ROOT
        self._derive(ROOT, Term(1, True), self._about[ROOT][0])
        while changed is not None:
            self._propagate(changed)
            changed = self._decide()
            self._work += 1
            if self._work > _STEPS:
                raise TooHard
        return {node: number for node, number in self._decided.items() if node != ROOT}

    def _propagate(self, node: Node) -> None:
        queue = {node: None}
        while queue:
            current = next(iter(queue))
            del queue[current]
            for item in reversed(self._about.get(current, ())):
                found = self._check(item)
                if found is False:
                    continue
                if found is True:
                    derived = self._resolve_conflict(item)
                    unsure = self._check(derived)
                    assert not isinstance(unsure, bool)
                    term = derived.terms[unsure]
                    self._derive(unsure, Term(term.mask, not term.positive), derived)
                    queue = {unsure: None}
                    break
                term = item.terms[found]
                self._derive(found, Term(term.mask, not term.positive), item)
                queue[found] = None

    def _check(self, item: Incompatibility) -> bool | Node:
        """True: all its terms hold; a node: all but that one; False: else."""
        unsure: Node | None = None
        for node, term in item.terms.items():
            known = self._known.get(node)
            holds = _holds(known, term)
            if holds is False:
                return False
            if holds is None:
                if unsure is not None:
                    return False
                unsure = node
        return True if unsure is None else unsure

    def _decide(self) -> Node | None:
        """Choose a release of the next node; None when nothing is left."""
        chosen = self._next()
        if chosen is None:
            return None
        number: int | None = 0
        if chosen != ROOT:
            number, useless = self._source.usable(chosen, self._known[chosen].mask)
            if useless:
                self._add(Incompatibility({chosen: Term(useless, True)}))
        if number is None:
            return chosen
        conflict = False
        for needed, mask in self._needs(chosen, number):
            self._order.setdefault(needed, len(self._order))
            terms = {chosen: Term(1 << number, True)}
            if needed != chosen:
                terms[needed] = Term(mask, False)
                conflict = conflict or _holds(self._known.get(needed), terms[needed]) is True
                self._refuse(needed, mask)
            elif mask >> number & 1:
                continue
            else:  # it contradicts itself
                conflict = True
            self._add(Incompatibility(terms))
        if not conflict:
            self._level += 1
            self._decided[chosen] = number
            self._record(chosen, Term(1 << number, True), None)
        return chosen

    def _refuse(self, node: Node, mask: int) -> None:
        """Note that nothing of ``mask`` is of use, before others are looked at in vain."""
        if mask and self._source.hopeless(node, mask):
            self._add(Incompatibility({node: Term(mask, True)}))

    def _next(self) -> Node | None:
        """The node to decide: what was hard before, then what has one release left, then as met."""
        while self._open:
            rank, node = heappop(self._open)
            known = self._known.get(node)
            if known is None or not known.positive or node in self._decided:
                continue  # it was put there before something was taken back
            if rank == self._rank(node, known):
                return node
            heappush(self._open, (self._rank(node, known), node))
        return None

    def _rank(self, node: Node, known: Term) -> tuple[int, int, int]:
        hard = self._conflicts.get(node, 0)
        several = known.mask & (known.mask - 1) != 0
        return (-hard if hard >= _GRUDGE else 0, several, self._order[node])

    def _needs(self, node: Node, number: int) -> Iterable[tuple[Node, int]]:
        return self._wanted if node == ROOT else self._source.needs(node, number)

    def _resolve_conflict(self, item: Incompatibility) -> Incompatibility:
        new = False
        while True:
            self._work += 1
            for node in item.terms:
                self._conflicts[node] = self._conflicts.get(node, 0) + 1
            if not item.terms or (len(item.terms) == 1 and ROOT in item.terms):
                raise Unsolvable(item)
            latest, level_before, rest = self._latest(item)
            step = self._steps[latest]
            if step.cause is None or level_before < step.level:
                self._back_to(level_before)
                if new:
                    self._add(item)
                return item
            terms = {n: t for n, t in item.terms.items() if n != step.node}
            for node, term in step.cause.terms.items():
                if node != step.node:
                    terms[node] = _both(terms[node], term) if node in terms else term
            if rest is not None:
                terms[step.node] = rest
            item = Incompatibility(
                {n: t for n, t in terms.items() if n != ROOT or not t.positive} or {},
                (item, step.cause),
            )
            new = True

    def _latest(self, item: Incompatibility) -> tuple[int, int, Term | None]:
        """(the step that made the last of its terms hold, the level at which the others did, what
        of that term the step alone does not say).
        """
        latest, level_before = -1, 0
        for node, term in item.terms.items():
            number = self._satisfier(node, term)
            if number > latest:
                if latest >= 0:
                    level_before = max(level_before, self._steps[latest].level)
                latest = number
            else:
                level_before = max(level_before, self._steps[number].level)
        step = self._steps[latest]
        term = item.terms[step.node]
        rest: Term | None = None
        if _holds(step.term, term) is not True:
            # the step needed what was known before: its negation is part of what follows
            left = _both(step.term, Term(term.mask, not term.positive))
            rest = Term(left.mask, not left.positive)
            before = self._satisfier(step.node, rest)
            level_before = max(level_before, self._steps[before].level)
        return latest, level_before, rest

    def _satisfier(self, node: Node, term: Term) -> int:
        """The first step after which a term holds."""
        for number in self._of_node[node]:
            if _holds(self._steps[number].after, term) is True:
                return number
        raise AssertionError("a term that holds has a step that made it hold")

    def _back_to(self, level: int) -> None:
        while self._steps and self._steps[-1].level > level:
            step = self._steps.pop()
            numbers = self._of_node[step.node]
            numbers.pop()
            if numbers:
                self._known[step.node] = self._steps[numbers[-1]].after
            else:
                del self._known[step.node]
            if step.cause is None:
                self._decided.pop(step.node, None)
            before = self._known.get(step.node)
            if before is not None and before.positive:
                heappush(self._open, (self._rank(step.node, before), step.node))
        self._level = level

    def _derive(self, node: Node, term: Term, cause: Incompatibility) -> None:
        self._record(node, term, cause)

    def _record(self, node: Node, term: Term, cause: Incompatibility | None) -> None:
        known = self._known.get(node)
        after = term if known is None else _both(known, term)
        self._known[node] = after
        self._order.setdefault(node, len(self._order))
        self._of_node.setdefault(node, []).append(len(self._steps))
        self._steps.append(_Step(node, term, after, self._level, cause))
        if after.positive and cause is not None:
            heappush(self._open, (self._rank(node, after), node))

    def _add(self, item: Incompatibility) -> None:
        for node in item.terms:
            self._about.setdefault(node, []).append(item)


def _both(one: Term, other: Term) -> Term:
    """What holds if both do."""
    if one.positive:
        mask = one.mask & (other.mask if other.positive else ~other.mask)
        return Term(mask, True)
    if other.positive:
        return Term(other.mask & ~one.mask, True)
    return Term(one.mask | other.mask, False)


def _holds(known: Term | None, term: Term) -> bool | None:
    """Whether ``term`` follows from what is known; False: its contrary does; None: neither."""
    if known is None:
        return None
    if term.positive:
        if known.positive:
            common = known.mask & term.mask
            return True if common == known.mask else None if common else False
        return False if term.mask & ~known.mask == 0 else None
    if known.positive:
        common = known.mask & term.mask
        return True if not common else False if common == known.mask else None
    return True if term.mask & ~known.mask == 0 else None


def facts(proof: Incompatibility, keep: Callable[[Incompatibility], bool]) -> list[Incompatibility]:
    """What a proof rests on: facts that follow from no other, each once, in the order in which a
    person would tell them. The number of its steps is not limited, so neither is the stack here.
    """
    found: dict[int, Incompatibility] = {}
    seen: set[int] = set()
    stack = [proof]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if item.cause is None:
            if keep(item):
                found[id(item)] = item
        else:
            stack.extend(reversed(item.cause))
    return list(found.values())
