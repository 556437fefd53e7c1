"""Everything of a closure that a target cannot have, not the first of it.

A resolver stops at the first contradiction. Here every dependency is followed as if what is missing
were there: each takes the newest release that this target can have, and what has none blocks.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from envcheck.model.prediction import Blocker
from envcheck.predict.building import prospect
from envcheck.predict.requirements import applies
from envcheck.predict.shortfall import no_wheel, python_wanted
from envcheck.predict.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.model.target import Target
    from envcheck.predict.projects import Project
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.world import World

MOST = 50


def blockers(
    world: World,
    target: Target,
    requirements: Sequence[Requirement],
    only: Mapping[str, int] | None = None,
    *,
    follow: bool = True,
) -> list[Blocker]:
    """What blocks ``requirements``, each project once, the nearest first; at most 50.

    ``only``: name -> the only releases that are considered. ``follow``: whether what these need is
    looked at, too. What has only an sdist and cannot be built comes last, and only if something
    else blocks.
    """
    found: dict[str, Blocker] = {}
    sdists: dict[str, tuple[Requirement, int, tuple[str, ...]]] = {}
    queue: deque[tuple[Requirement, tuple[str, ...]]] = deque(
        (one, ()) for one in requirements if applies(one.marker, target)
    )
    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    while queue and len(found) < MOST:
        requirement, path = queue.popleft()
        key = (requirement.name, requirement.specifier, requirement.extras)
        if key in seen or requirement.url or requirement.name in found:
            continue
        seen.add(key)
        project = world.project(requirement.name)
        limit = (only or {}).get(requirement.name)
        mask = world.admitted(requirement, target, early=limit is not None, named=limit or 0)
        if limit is not None:
            if mask and not mask & limit:
                continue  # it is there, and another requirement asks for another one
            mask &= limit
        number = world.first_usable(project, mask, target)[0]
        if number is None:
            found[requirement.name] = blocker(world, target, project, requirement, mask, path)
            continue
        title = f"{project.name} {project.versions[number]}"
        here = path if path[-1:] == (title,) else (*path, title)  # an extra of itself
        if world.choice(project, number, target).kind == "sdist":
            sdists[project.name] = requirement, number, path
        if not follow:
            continue
        metadata = world.required_by(project, number, target, exact=False).metadata
        for extra in ("", *requirement.extras):
            queue.extend((one, here) for one in metadata.required(target, extra))
    return [*found.values(), *_builds(world, target, sdists)] if found else []


def _builds(
    world: World,
    target: Target,
    sdists: Mapping[str, tuple[Requirement, int, tuple[str, ...]]],
) -> list[Blocker]:
    """Those that cannot be built there; where sdists are not looked into, those that might not."""
    files = {
        name: world.choice(world.project(name), number, target).file
        for name, (_, number, _) in sdists.items()
    }
    if world.thorough:
        for file in files.values():
            if file is not None:
                world.session.want(file)  # all at once
    found = []
    for name, (requirement, number, path) in sdists.items():
        title = f"{name} {world.project(name).versions[number]}"
        problem = "whether its sdist can be built was not looked at (`envcheck why` does)"
        file = files[name]
        if file is not None and (world.thorough or world.is_known(file)):
            problem = prospect(world.sdist(file), target).problem
        if problem:
            found.append(
                Blocker(
                    name=name,
                    requirement=requirement.text,
                    kind="sdist-build",
                    sentence=f"{title} has no wheel for this target, and {problem}",
                    path=list(path),
                )
            )
    return found


def blocker(
    world: World,
    target: Target,
    project: Project,
    requirement: Requirement,
    mask: int,
    path: tuple[str, ...] = (),
) -> Blocker:
    """Why no release of ``mask`` can be had there. The newest one tells."""
    name = project.name
    kind, sentence, remedy = "not-found", "", ""
    if trouble := world.troubles.get(name):
        kind, sentence = "unknown", trouble.message
    elif not project.releases:
        near = "" if path else nearest(name, world.session.names())
        sentence = f"the index has no project {name}{near}"
        if project.found:
            sentence = f"the index lists {name} without a file"
    elif not mask:
        newest = project.newest()
        assert newest is not None
        # somebody published something that needs it: it is elsewhere
        lags = ", so the index lags or has a part only" if path else ""
        newest_is = f"the newest is {project.versions[newest]}{lags}"
        sentence = f"the index has no {requirement.text}: {newest_is}"
    else:
        kind, sentence, remedy = why_not(world, target, project, mask)
    return Blocker(
        name=name,
        requirement=requirement.text,
        kind=kind,
        sentence=sentence,
        remedy=remedy,
        path=list(path),
    )


def why_not(world: World, target: Target, project: Project, mask: int) -> tuple[str, str, str]:
    """(class, sentence, remedy) for releases none of which can be had there."""
    number = mask.bit_length() - 1
    release = project.releases[number]
    choice = world.choice(project, number, target)
    title = f"{project.name} {release.version}"
    if choice.kind == "unknown":
        return "unknown", f"the C library of {target.id} is not known", ""
    if choice.kind == "python":
        says = release.requires_python
        for below in range(number - 1, -1, -1):
            if mask >> below & 1 and world.choice(project, below, target).kind == "nothing":
                older = why_not(world, target, project, 1 << below)
                return "requires-python", f"{title} needs Python {says}; {older[1]}", older[2]
        remedy = f"use {python_wanted(says)}"
        return "requires-python", f"{title} needs Python {says}", remedy
    sentence, remedy = no_wheel(target, project, number)
    return "no-file", sentence, remedy
