"""What of the distance to the newest releases is a finding; ``predict/distance`` says why it is.

What another requirement, the user's or a distribution's, keeps back is none (``asked``, ``held``).
What ended for this Python or platform (``python``, ``wheel``) is a warning for what the matrix asks
for, and nothing for a dependency. What never was for this cell (``generic``), and what is old since
something that newer ones need cannot be had (``blocked``), is a failure, whatever can be imported.
What is ``unknown`` is a warning of what the matrix asks for, if it is a year older than the newest.

A yanked release, and a pre-release that was not asked for, are warnings.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from envcheck.index.pages import normalized
from envcheck.matrix.causes.base import Verdict
from envcheck.matrix.observed import asked_of, world_of
from envcheck.predict.closure import Closure, Picked
from envcheck.predict.distance import Distance, behind
from envcheck.predict.projects import asks_early
from envcheck.predict.shortfall import no_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from envcheck.index.releases import Release
    from envcheck.model.cell import Installed
    from envcheck.model.matrix import Cell
    from envcheck.model.target import Target
    from envcheck.predict.projects import Project
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.world import World

ANCIENT = 365  # days between two releases after which an unexplained step back is a finding


def assess(
    cell: Cell,
    distributions: Sequence[Installed],
    releases: Callable[[str], Sequence[Any] | None],
    target: Target,
    *,
    metadata: Callable[[Any], bytes] | None = None,
) -> tuple[list[Installed], Verdict | None]:
    """Each with the newest release, the distance and the reason; the worst finding, if any.

    ``metadata`` gives METADATA of a wheel on the index; without it no requirement of a distribution
    is known, and what is not explained stays ``unknown``. Whatever ``releases`` and ``metadata``
    raise leaves one distribution without an answer.
    """
    world = world_of(cell, releases, metadata)
    asked = asked_of(cell.test, target, constraints=True)
    picked = {one.name: one for one in _picked(world, target, distributions)}
    late = behind(world, target, Closure(picked, solved=True), asked, follow=False)
    done, found = [], []
    for one in distributions:
        mine = picked.get(normalized(one.name))
        if mine is None:
            done.append(one)
            continue
        distance = of(mine, late)
        newest = mine.project.releases[distance.newest]
        told = replace(
            one,
            newest=str(newest.version),
            newest_uploaded=newest.uploaded,
            releases_behind=distance.behind,
            reason=distance.reason,
        )
        done.append(told)
        found.append((told, distance))
    return done, worst(found, target, asked, pre=cell.index.pre)


def of(picked: Picked, late: Mapping[str, Distance]) -> Distance:
    """The distance of something, which is none where it is not in ``late``."""
    newest = picked.project.newest()
    assert newest is not None
    return late.get(picked.name, Distance(picked, newest))


def worst(
    distances: Iterable[tuple[Installed, Distance]],
    target: Target,
    asked: Sequence[Requirement],
    *,
    pre: bool,
) -> Verdict | None:
    """The worst finding: failures first, then what is asked for. ``pre``: whether pre-releases of
    everything are asked for.
    """
    found = []
    for one, distance in distances:
        name = distance.picked.name
        early = pre or any(each.name == name and asks_early(each.specifier) for each in asked)
        if verdict := finding(one, distance, target, asked_for_early=early):
            found.append((verdict.warning, not one.requested, verdict))
    found.sort(key=lambda item: item[:2])
    return found[0][2] if found else None


def finding(
    one: Installed, distance: Distance, target: Target, *, asked_for_early: bool
) -> Verdict | None:
    """What is to be said of a cell that has this."""
    project = distance.picked.project
    mine, newest = project.releases[distance.picked.number], project.releases[distance.newest]
    title = f"{one.name} {mine.version}{_of(mine)}"
    instead = f"{title} was installed instead of {newest.version}{_of(newest)}"
    evidence = (f"{one.name}=={one.version}", f"newest: {newest.version}", distance.reason)
    shown = tuple(text for text in evidence if text)
    later = f"the newest is {newest.version}{_of(newest)}, {_count(distance.behind)} later"
    if distance.why in ("blocked", "generic"):
        text = f"{instead}: {distance.reason}"
        return Verdict("older-release", text, distance.remedy, shown)
    if mine.yanked is not None:
        why = f" ({mine.yanked.strip()})" if mine.yanked.strip() else ""
        text = f"{title} was withdrawn by its publisher{why}"
        return Verdict("older-release", text, "ask for another release", shown, warning=True)
    if mine.version.is_prerelease and not asked_for_early and newest.version < mine.version:
        text = f"{title} is a pre-release: {_no_final(target, project, distance.newest)}"
        return Verdict("older-release", text, "", shown, warning=True)
    if not one.requested:
        return None
    if distance.why == "python":
        text = f"{title} is the newest for Python {target.minor}; {later}: {distance.reason}"
        return Verdict("older-release", text, "use a newer Python", shown, warning=True)
    if distance.why == "wheel":
        text = f"{title} is the newest with a wheel for this cell; {later}: {distance.reason}"
        return Verdict("older-release", text, distance.remedy, shown, warning=True)
    if distance.why == "unknown" and _days(mine, newest) > ANCIENT:
        text = f"{instead}, {_count(distance.behind)} later; why is not known"
        remedy = f"ask for {one.name}>={newest.version} to see why"
        return Verdict("older-release", text, remedy, shown, warning=True)
    return None


def _picked(world: World, target: Target, distributions: Iterable[Installed]) -> Iterator[Picked]:
    """What was installed, as far as the index has it. Extras are not known: what applies with any
    extra limits nothing.
    """
    for one in distributions:
        project = world.project(normalized(one.name))
        number = _number(project, one.version)
        if number is not None:
            yield Picked(project, number, world.choice(project, number, target))


def _number(project: Project, version: str) -> int | None:
    """Of the release of that version, else of the one that it is a local build of."""
    try:
        public = Version(version).public
    except InvalidVersion:
        return None
    exact = project.number(version)
    return project.number(public) if exact is None else exact


def _no_final(target: Target, project: Project, number: int) -> str:
    release = project.releases[number]
    kind = project.choice(number, target).kind
    if kind == "python":
        needs = f"needs Python {release.requires_python}"
        return f"the newest final release, {release.version}, {needs}"
    if kind == "nothing":
        return no_wheel(target, project, number, instead=False)[0]
    return f"the newest final release is {release.version}"


def _of(release: Release) -> str:
    return f" of {release.uploaded[:10]}" if release.uploaded else ""


def _count(number: int) -> str:
    return f"{number} release{'' if number == 1 else 's'}"


def _days(older: Release, newer: Release) -> int:
    """Between the two uploads; 0 if they are not known."""
    try:
        days = [date.fromisoformat(release.uploaded[:10]) for release in (older, newer)]
    except ValueError:
        return 0
    return (days[1] - days[0]).days
