"""How far the distributions of a closure are from their newest releases, and why.

The closure may be what a resolver found, or what was installed. *Newest* is the newest final
release on the index that is not yanked, whatever it is for. *Behind* counts the final releases, not
yanked, between it and the one of the closure, the newest included. Why it is not the newest, in
this order:

- ``asked``: the user's own requirement or constraint excludes it.
- ``held``: a requirement of another distribution of the closure excludes it.
- ``python``: its Requires-Python excludes this Python, and the newest that does not is taken.
- ``wheel``: no newer release has a wheel for this interpreter (or an sdist), and the one that is
  taken has a wheel made for it: the publisher supported it until then.
- ``generic``: no newer release has a wheel for this interpreter, and the one that is taken never
  claimed to run here: its wheel is for any platform, or it is built.
- ``blocked``: a newer release could be had, but not something that it needs; an older one is taken
  because it does not say that it needs it.
- ``unknown``: none of these could be shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from packaging.specifiers import InvalidSpecifier

from envcheck.predict.blockers import blockers
from envcheck.predict.projects import numbers
from envcheck.predict.shortfall import no_wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.target import Target
    from envcheck.predict.closure import Closure, Picked
    from envcheck.predict.projects import Project
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.world import World

Why = Literal["", "asked", "held", "python", "wheel", "generic", "blocked", "unknown"]


class Distance(NamedTuple):
    """One distribution and the newest release. ``behind``: final releases between the two;
    ``reason``: one sentence for ``why``; ``remedy`` where there is one.
    """

    picked: Picked
    newest: int
    behind: int = 0
    why: Why = ""
    reason: str = ""
    remedy: str = ""


def behind(
    world: World,
    target: Target,
    closure: Closure,
    requirements: Sequence[Requirement],
    constraints: Sequence[Requirement] = (),
    *,
    follow: bool = True,
) -> dict[str, Distance]:
    """Those of ``closure`` for which the index has a newer final release, by name.

    ``follow``: whether what blocks a newer release is also looked for beyond what it needs itself.
    """
    late = []
    for picked in closure.picked.values():
        newest = picked.project.newest()
        if newest is not None and newest > picked.number:
            late.append((picked, newest))
    if not late:
        return {}
    limits = _limits(world, target, closure, {picked.name for picked, _ in late})
    own: dict[str, list[Requirement]] = {}
    for one in (*requirements, *constraints):
        own.setdefault(one.name, []).append(one)
    found = {}
    for picked, newest in late:
        said = [("", one) for one in own.get(picked.name, ())]
        distance, newer = _limited(picked, newest, [*said, *limits[picked.name]])
        if newer:
            distance = _beyond(world, target, distance, newer, follow=follow)
        found[picked.name] = distance
    return found


def _limits(
    world: World, target: Target, closure: Closure, names: set[str]
) -> dict[str, list[tuple[str, Requirement]]]:
    """Who of the closure wants what of those projects."""
    found: dict[str, list[tuple[str, Requirement]]] = {name: [] for name in names}
    for picked in closure.picked.values():
        metadata = world.required_by(picked.project, picked.number, target).metadata
        for extra in ("", *picked.extras):
            for one in metadata.required(target, extra):
                if one.name in names and one.specifier:
                    found[one.name].append((f"{picked.name} {picked.version}", one))
    return found


def _limited(
    picked: Picked, newest: int, limits: Sequence[tuple[str, Requirement]]
) -> tuple[Distance, int]:
    """Each limit in turn is taken away from what could be had: what is left, as a mask."""
    project = picked.project
    newer = project.final & project.standing & ~((1 << (picked.number + 1)) - 1)
    found = Distance(picked, newest, newer.bit_count())
    for who, one in limits:
        within = newer & _allowed(project, one.specifier)
        if within.bit_length() < newer.bit_length():
            why: Why = "held" if who else "asked"
            asks = f"{who} needs {one.text}" if who else f"the matrix asks for {one.text}"
            found = found._replace(why=why, reason=asks)
        newer = within
        if not newer:
            break
    return found, newer


def _allowed(project: Project, specifier: str) -> int:
    """What cannot be read limits nothing."""
    try:
        return project.allowed(specifier)[0]
    except InvalidSpecifier:
        return project.all


def _beyond(world: World, target: Target, found: Distance, newer: int, *, follow: bool) -> Distance:
    """Nobody excludes the releases of ``newer``, still the closure has an older one."""
    project = found.picked.project
    kinds = {number: world.choice(project, number, target).kind for number in numbers(newer)}
    admitted = {number: kind for number, kind in kinds.items() if kind != "python"}
    top = max(kinds)
    if kinds[top] == "python":
        release = project.releases[top]
        reason = f"{release.version} needs Python {release.requires_python}"
        found = found._replace(why="python", reason=reason)
        if not admitted:
            return found
    if set(admitted.values()) == {"nothing"}:
        reason, remedy = no_wheel(target, project, max(admitted), instead=False)
        made_for_here = found.picked.choice.kind == "wheel"
        why: Why = "wheel" if made_for_here else "generic"
        return found._replace(why=why, reason=reason, remedy=remedy)
    top = max(number for number, kind in admitted.items() if kind != "nothing")
    title = f"{project.name} {project.versions[top]}"
    needed = world.required_by(project, top, target).metadata.required(target)
    stands = blockers(world, target, needed, follow=follow)
    first = next((one for one in stands if one.kind != "unknown"), None)
    if first is not None:
        reason = f"{title} needs {first.name}; {first.sentence}"
        return found._replace(why="blocked", reason=reason, remedy=first.remedy)
    return found._replace(why="unknown", reason="")
