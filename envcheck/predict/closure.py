"""What an installer would install on a target, all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envcheck.predict import resolver
from envcheck.predict.projects import asks_early
from envcheck.predict.requirements import applies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from envcheck.index.pages import File
    from envcheck.model.target import Target
    from envcheck.predict.projects import Choice, Project
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.resolver import Incompatibility, Node
    from envcheck.predict.world import World


class Picked(NamedTuple):
    """One distribution of a closure. ``number``: of its release in the project."""

    project: Project
    number: int
    choice: Choice
    extras: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Normalized."""
        return self.project.name

    @property
    def version(self) -> str:
        """Normalized."""
        return str(self.project.versions[self.number])

    @property
    def beside_others(self) -> bool:
        """Whether it is a wheel for any platform though its release has wheels for one: there is a
        reason why those were made.
        """
        wheels = self.project.releases[self.number].wheels
        return self.choice.kind == "generic" and any(
            not file.filename.endswith("-any.whl") for file in wheels
        )

    @property
    def file(self) -> File:
        """What would be downloaded."""
        assert self.choice.file is not None
        return self.choice.file


class Closure(NamedTuple):
    """``picked`` by name; if nothing fits, ``proof`` says why, or is None if it was given up.
    ``unread``: sentences on what could not be known on the way.
    """

    picked: Mapping[str, Picked]
    solved: bool
    proof: Incompatibility | None = None
    unread: tuple[str, ...] = ()


def close(
    world: World,
    target: Target,
    requirements: Sequence[Requirement],
    constraints: Sequence[Requirement] = (),
    only: Mapping[str, int] | None = None,
) -> Closure:
    """The closure of ``requirements``, each as new as the others allow.

    ``only``: name -> the only releases that are considered, such as the newest. Pages that could
    not be read count as empty: see ``world.troubles``.
    """
    here = [one for one in requirements if applies(one.marker, target)]
    source = _Source(world, target, here, constraints, only or {})
    wanted = [pair for one in here for pair in source.nodes(one)]
    try:
        found = resolver.resolve(wanted, source)
    except resolver.Unsolvable as error:
        return Closure({}, False, error.proof, tuple(source.unread))
    except resolver.TooHard:
        unread = (*source.unread, "resolving it takes too many steps")
        return Closure({}, False, None, unread)
    return Closure(_picked(world, target, found), True, None, tuple(source.unread))


def _picked(world: World, target: Target, found: Mapping[Node, int]) -> dict[str, Picked]:
    extras: dict[str, list[str]] = {}
    for name, extra in found:
        if extra:
            extras.setdefault(name, []).append(extra)
    picked = {}
    for (name, extra), number in found.items():
        if not extra:
            project = world.project(name)
            choice = world.choice(project, number, target)
            picked[name] = Picked(project, number, choice, tuple(sorted(extras.get(name, ()))))
    return picked


class _Source:
    """Answers the resolver."""

    def __init__(
        self,
        world: World,
        target: Target,
        requirements: Sequence[Requirement],
        constraints: Sequence[Requirement],
        only: Mapping[str, int],
    ) -> None:
        self.world = world
        self.target = target
        self.unread: dict[str, None] = {}
        self._limits = dict(only)
        # who asks for pre-releases takes them for who else needs that project, too
        self._early = {
            one.name for one in (*requirements, *constraints) if asks_early(one.specifier)
        }
        self._named: dict[str, int] = {}  # who names a yanked release takes it for others, too
        for one in (*requirements, *constraints):
            mask = world.project(one.name).named(one.specifier) if not one.url else 0
            self._named[one.name] = self._named.get(one.name, 0) | mask
        for one in constraints:
            mask = self._admitted(one)
            self._limits[one.name] = self._limits.get(one.name, mask) & mask

    def nodes(self, requirement: Requirement) -> Iterable[tuple[Node, int]]:
        """A requirement as nodes: the project, or one for each extra."""
        if requirement.url:
            self.unread[f"{requirement.name} comes from an address, not from an index"] = None
            return
        name = requirement.name
        mask = self._admitted(requirement)
        mask &= self._limits.get(name, mask)
        if trouble := self.world.troubles.get(name):
            self.unread[f"which releases {name} has is not known: {trouble.message}"] = None
        for extra in requirement.extras or ("",):
            yield (name, extra), mask

    def usable(self, node: Node, mask: int) -> tuple[int | None, int]:
        early = node[0] in self._early
        return self.world.first_usable(self.world.project(node[0]), mask, self.target, early=early)

    def hopeless(self, node: Node, mask: int) -> bool:
        return self.usable(node, mask)[0] is None

    def needs(self, node: Node, number: int) -> Iterable[tuple[Node, int]]:
        name, extra = node
        project = self.world.project(name)
        known = self.world.required_by(project, number, self.target)
        if known.trouble:
            title = f"{name} {project.versions[number]}"
            self.unread[f"what {title} requires is not known: {known.trouble}"] = None
        if extra:
            yield (name, ""), 1 << number
        for requirement in known.metadata.required(self.target, extra):
            yield from self.nodes(requirement)
        for line in dict.fromkeys(known.metadata.unread):
            title = f"{name} {project.versions[number]}"
            self.unread[f"{title} requires something that cannot be read: {line}"] = None

    def _admitted(self, requirement: Requirement) -> int:
        early = requirement.name in self._early
        named = self._named.get(requirement.name, 0)
        return self.world.admitted(requirement, self.target, early=early, named=named)
