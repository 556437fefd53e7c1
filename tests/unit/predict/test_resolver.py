"""The resolver against brute force, and what is promised of its answers beside being right."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envcheck.predict import resolver
from envcheck.predict.resolver import ROOT, TooHard, Unsolvable, facts, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.predict.resolver import Node

    Needs = Mapping[tuple[Node, int], Sequence[tuple[Node, int]]]
    Wanted = Sequence[tuple[Node, int]]

ALL = (1 << 8) - 1


class World:
    """``useless``: releases that nobody can take. Counts what it is asked."""

    def __init__(self, needs: Needs, useless: Mapping[Node, int] | None = None) -> None:
        self._needs = needs
        self._useless = useless or {}
        self.asked: list[Node] = []
        self.read: list[tuple[Node, int]] = []

    def usable(self, node: Node, mask: int) -> tuple[int | None, int]:
        self.asked.append(node)
        useless = 0
        while mask:
            number = mask.bit_length() - 1
            if not self._useless.get(node, 0) >> number & 1:
                return number, useless
            useless |= 1 << number
            mask &= ~(1 << number)
        return None, useless

    def hopeless(self, node: Node, mask: int) -> bool:
        return not mask & ~self._useless.get(node, 0)

    def needs(self, node: Node, number: int) -> Sequence[tuple[Node, int]]:
        self.read.append((node, number))
        return self._needs.get((node, number), ())

    def holds(self, found: Mapping[Node, int], wanted: Wanted) -> bool:
        """Whether all that is needed is there, and can be taken."""
        needed = [*wanted]
        for node, number in found.items():
            if self._useless.get(node, 0) >> number & 1:
                return False
            needed += self._needs.get((node, number), ())
        return all(node in found and mask >> found[node] & 1 for node, mask in needed)


def node(name: str, extra: str = "") -> Node:
    return name, extra


A, B, C, D = map(node, "abcd")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, Wanted, int, int]:
    count, releases = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    nodes = st.sampled_from([node(f"p{number}") for number in range(count)])
    masks = st.integers(0, (1 << releases) - 1)
    needs = {
        (node(f"p{number}"), release): draw(st.lists(st.tuples(nodes, masks), max_size=3))
        for number in range(count)
        for release in range(releases)
    }
    useless = draw(st.dictionaries(nodes, masks, max_size=2))
    wanted = draw(st.lists(st.tuples(nodes, masks), min_size=1, max_size=3))
    return World(needs, useless), wanted, count, releases


def solvable(world: World, wanted: Wanted, count: int, releases: int) -> bool:
    nodes = [node(f"p{number}") for number in range(count)]
    for numbers in itertools.product([None, *range(releases)], repeat=count):
        chosen = zip(nodes, numbers, strict=True)
        if world.holds({n: number for n, number in chosen if number is not None}, wanted):
            return True
    return False


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_it_finds_what_there_is_and_nothing_else(case: tuple[World, Wanted, int, int]) -> None:
    world, wanted, count, releases = case
    answer = answered(world, wanted)
    if isinstance(answer, Unsolvable):
        assert not solvable(world, wanted, count, releases)
        assert proves(world, wanted, answer, count, releases)
    else:
        assert world.holds(answer, wanted)
        assert set(answer) == reached(world, answer, wanted)
        assert list(answer.items()) == list(resolve(wanted, world).items())


def answered(world: World, wanted: Wanted) -> dict[Node, int] | Unsolvable:
    try:
        return resolve(wanted, world)
    except Unsolvable as error:
        return error


def reached(world: World, found: Mapping[Node, int], wanted: Wanted) -> set[Node]:
    """What is needed by way of what was found: nothing else may be there."""
    seen: set[Node] = set()
    open_ = [n for n, _ in wanted]
    while open_:
        current = open_.pop()
        if current not in seen:
            seen.add(current)
            open_ += [n for n, _ in world.needs(current, found[current])]
    return seen


def proves(world: World, wanted: Wanted, error: Unsolvable, count: int, releases: int) -> bool:
    """Whether the facts of the proof alone leave no way: no selection satisfies all of them."""
    told = facts(error.proof, lambda item: True)
    nodes = [node(f"p{number}") for number in range(count)]
    for numbers in itertools.product([None, *range(releases)], repeat=count):
        chosen: dict[Node, int | None] = {**dict(zip(nodes, numbers, strict=True)), ROOT: 0}
        if not any(all(_true(chosen[n], term) for n, term in item.terms.items()) for item in told):
            return False
    return True


def _true(number: int | None, term: resolver.Term) -> bool:
    selected = number is not None and bool(term.mask >> number & 1)
    return selected == term.positive


def test_the_newest_first() -> None:
    world = World({(A, 7): [(B, ALL)]})
    assert resolve([(A, ALL)], world) == {A: 7, B: 7}


def test_what_has_no_use_is_passed_over() -> None:
    world = World({}, {A: 0b1111_0000})
    assert resolve([(A, ALL)], world) == {A: 3}
    assert world.asked == [A]


def test_a_step_back() -> None:
    """The newest `a` needs what `b` does not allow: `a` was asked first, and so was `b`."""
    world = World({(A, 7): [(C, 0b1)], (B, 7): [(C, 0b10)], (A, 6): [(C, 0b10)]})
    assert resolve([(A, ALL), (B, ALL)], world) == {A: 7, B: 6, C: 0}
    assert resolve([(B, ALL), (A, ALL)], world) == {A: 6, B: 7, C: 1}


def test_dependencies_are_decided_in_the_order_in_which_they_are_required() -> None:
    world = World({(A, 7): [(C, ALL), (B, ALL), (D, ALL)]})
    resolve([(A, ALL)], world)
    assert world.asked == [A, C, B, D]


def test_what_is_pinned_is_decided_before_others() -> None:
    world = World({})
    resolve([(A, ALL), (B, 0b100), (C, ALL)], world)
    assert world.asked == [B, A, C]


def test_cycles_and_things_that_need_themselves() -> None:
    world = World({(A, 7): [(B, ALL)], (B, 7): [(A, 0b1000_0000), (B, ALL)]})
    assert resolve([(A, ALL)], world) == {A: 7, B: 7}
    world = World({(A, 7): [(A, 0b1)]})  # a release that needs another one of its own project
    assert resolve([(A, ALL)], world) == {A: 6}


def test_an_extra_is_of_the_same_release() -> None:
    extra = node("a", "x")
    world = World({(extra, n): [(A, 1 << n), (B, ALL)] for n in range(8)})
    assert resolve([(extra, ALL), (A, 0b111)], world) == {A: 2, extra: 2, B: 7}


def test_a_contradiction_has_a_proof() -> None:
    world = World({(A, n): [(B, 0b1)] for n in range(8)} | {(C, 7): [(B, 0b10)]})
    with pytest.raises(Unsolvable) as caught:
        resolve([(A, ALL), (C, 0b1000_0000)], world)
    told = facts(caught.value.proof, lambda item: len(item.terms) > 1)
    named = {n for item in told for n in item.terms}
    assert {A, B, C} <= named
    assert all(item.cause is None for item in told)


def test_nothing_that_would_do() -> None:
    with pytest.raises(Unsolvable):
        resolve([(A, 0)], World({}))
    with pytest.raises(Unsolvable):
        resolve([(A, 0b1)], World({}, {A: ALL}))
    assert resolve([], World({})) == {}


def test_what_is_needed_by_a_release_that_is_given_up_stays_out() -> None:
    world = World({(A, 7): [(B, ALL), (C, 0)], (A, 6): []})
    assert resolve([(A, ALL)], world) == {A: 6}


def test_too_hard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "_STEPS", 50)
    nodes = [node(f"p{number}") for number in range(60)]
    with pytest.raises(TooHard):
        resolve([(n, ALL) for n in nodes], World({}))


def test_too_many_conflicts_are_too_hard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pigeons that fit into no holes: whoever decides this needs very many steps."""
    monkeypatch.setattr(resolver, "_STEPS", 300)
    holes = 7
    pigeons = [node(f"pigeon{number}") for number in range(holes + 1)]
    needs = {
        (pigeon, hole): [(node(f"hole{hole}"), 1 << number)]
        for number, pigeon in enumerate(pigeons)
        for hole in range(holes)
    }
    with pytest.raises(TooHard):
        resolve([(pigeon, (1 << holes) - 1) for pigeon in pigeons], World(needs))


def ladder(length: int) -> World:
    """Each needs the next two, the last some older one of the first: no conflict, one step back."""
    nodes = [node(f"p{number}") for number in range(length)]
    needs = {
        (nodes[number], release): [
            (nodes[other], ALL) for other in (number + 1, number + 2) if other < length
        ]
        for number in range(length)
        for release in range(8)
    }
    return World(needs)


def test_a_large_world_takes_steps_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    holds = resolver._holds

    def counted(*terms: resolver.Term) -> bool | None:
        looks.append(None)
        return holds(*terms)

    monkeypatch.setattr(resolver, "_holds", counted)

    def steps(length: int) -> tuple[int, int, int]:
        looks.clear()
        world = ladder(length)
        assert len(resolve([(node("p0"), ALL)], world)) == length
        return len(world.asked), len(world.read), len(looks)

    small, large = steps(250), steps(1000)
    assert large[0] == large[1] == 1000  # each is decided once, and read once
    assert large[2] <= 4.2 * small[2]
