"""How far the distributions of a closure are from their newest releases, and why.

The same words as ``matrix/releases.py`` has for what was installed, worked out from what the
resolver was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from envcheck.predict.blockers import blockers, why_not

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.model.target import Target
    from envcheck.predict.closure import Closure, Picked
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.world import World

Why = Literal["", "asked", "held", "python", "wheel", "generic", "blocked", "unknown"]


class Behind(NamedTuple):
    """One distribution that is not the newest. ``behind``: final releases between the two."""

    picked: Picked
    newest: int
    behind: int
    why: Why = ""
    reason: str = ""
    remedy: str = ""


def behind(
    world: World,
    target: Target,
    closure: Closure,
    requirements: Sequence[Requirement],
    constraints: Sequence[Requirement] = (),
) -> list[Behind]:
    """Those of ``closure`` for which the index has a newer final release."""
    late = []
    for picked in closure.picked.values():
        newest = picked.project.newest()
        if newest is not None and newest > picked.number:
            late.append((picked, newest))
    if not late:
        return []
    limits = _limits(world, target, closure, {picked.name for picked, _ in late})
    own: dict[str, list[Requirement]] = {}
    for one in (*requirements, *constraints):
        own.setdefault(one.name, []).append(one)
    return [
        _explained(world, target, picked, newest, own.get(picked.name, []), limits[picked.name])
        for picked, newest in late
    ]


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


def _explained(
    world: World,
    target: Target,
    picked: Picked,
    newest: int,
    own: Sequence[Requirement],
    limits: Sequence[tuple[str, Requirement]],
) -> Behind:
    """Each limit in turn is taken away from what could be had, as in ``matrix/releases.py``."""
    project = picked.project
    newer = project.final & project.standing & ~((1 << (picked.number + 1)) - 1)
    found = Behind(picked, newest, newer.bit_count())
    said: list[tuple[str, Requirement]] = [("", one) for one in own]
    for who, one in (*said, *limits):
        within = newer & project.allowed(one.specifier)[0]
        if within.bit_length() < newer.bit_length():
            why: Why = "held" if who else "asked"
            asks = f"{who} needs {one.text}" if who else f"the matrix asks for {one.text}"
            found = found._replace(why=why, reason=asks)
        newer = within
        if not newer:
            return found
    return _beyond(world, target, found, newer)


def _beyond(world: World, target: Target, found: Behind, newer: int) -> Behind:
    project = found.picked.project
    kinds = {n: world.choice(project, n, target).kind for n in _bits(newer)}
    admitted = {number: kind for number, kind in kinds.items() if kind != "python"}
    top = max(kinds)
    if kinds[top] == "python":
        release = project.releases[top]
        reason = f"{release.version} needs Python {release.requires_python}"
        found = found._replace(why="python", reason=reason)
        if not admitted:
            return found
    top = max(admitted)
    if set(admitted.values()) == {"nothing"}:
        _, reason, remedy = why_not(world, target, project, 1 << top)
        made_for_here = found.picked.choice.kind == "wheel"
        why: Why = "wheel" if made_for_here else "generic"
        return found._replace(why=why, reason=reason, remedy=remedy)
    top = max(number for number, kind in admitted.items() if kind != "nothing")
    title = f"{project.name} {project.versions[top]}"
    needed = world.required_by(project, top, target).metadata.required(target)
    stands = blockers(world, target, needed)
    if stands:
        reason = f"{title} needs {stands[0].name}; {stands[0].sentence}"
        return found._replace(why="blocked", reason=reason, remedy=stands[0].remedy)
    return found._replace(why="unknown", reason="")


def _bits(mask: int) -> list[int]:
    return [number for number in range(mask.bit_length()) if mask >> number & 1]


def by_name(found: Sequence[Behind]) -> Mapping[str, Behind]:
    """The same by the distribution's name."""
    return {one.picked.name: one for one in found}
