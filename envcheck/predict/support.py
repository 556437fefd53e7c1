"""What each release of a project has for each target, by file names and Requires-Python alone.

A table shows single releases, yanked ones too; what counts as *newest*, and in the timeline, are
final releases that are not yanked (pre-releases where there is nothing else, or if they are asked
for).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envcheck.index.releases import Release
from envcheck.knowledge import table
from envcheck.model.wheels import Cell, Mark, ReleaseSupport
from envcheck.model.wheels import Place as PlaceDocument
from envcheck.model.wheels import Project as ProjectDocument
from envcheck.predict.offered import pythons, systems
from envcheck.predict.projects import admits, numbers
from envcheck.predict.tags import ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.target import Target
    from envcheck.predict.projects import Project


class Choice(NamedTuple):
    """Which releases are shown. ``newest``: at most so many, None: all; ``since``: a day;
    ``specifier``: as in a requirement.
    """

    newest: int | None = 10
    since: str = ""
    specifier: str = ""
    pre: bool = False


_DEFAULT = Choice()


def place(target: Target) -> PlaceDocument:
    """A target for a document."""
    return PlaceDocument(
        id=target.id,
        python=target.python,
        wanted=ranks(target).best,
        libc=target.libc,
        architecture=target.architecture,
        implementation=target.implementation,
        free_threaded=target.free_threaded,
        system=target.system,
        release=target.release,
        note=target.note,
    )


def maintained(day: str, *, years: int = 0) -> list[str]:
    """Minor versions of CPython that were released by a day and not ended by then, or not longer
    ago than ``years``.
    """
    month = day[:7]
    return [
        row["python"]
        for row in table("python_releases")["rows"]
        if row["released"]
        <= month
        <= f"{int(row['end_of_life'][:4]) + years}{row['end_of_life'][4:]}"
    ]


def counted(project: Project, *, pre: bool = False) -> list[Release]:
    """The releases that count, the oldest version first. ``2.13.0`` and ``2.13.0+cpu`` are one."""
    mask = project.standing & (project.all if pre else project.final)
    mask = mask or project.standing  # as installers do: pre-releases if there is nothing else
    builds: dict[str, list[Release]] = {}
    for number in numbers(mask):
        release = project.releases[number]
        builds.setdefault(release.version.public, []).append(release)
    return [_together(releases) for releases in builds.values()]


def _together(builds: list[Release]) -> Release:
    first = builds[0]
    if len(builds) == 1:
        return first
    files = tuple(file for build in builds for file in build.files)
    dates = [build.uploaded for build in builds if build.uploaded]
    return Release(Version(first.version.public), files, None, min(dates, default=""))


def shown(project: Project, choice: Choice) -> list[int]:
    """Numbers of the releases of a table, the newest version first. Raises InvalidSpecifier."""
    wanted = SpecifierSet(choice.specifier)
    early = choice.pre or bool(wanted.prereleases)
    early = early or project.all & project.final == 0
    found = [
        number
        for number, release in enumerate(project.releases)
        if (early or not release.version.is_prerelease)
        and (not release.uploaded or day(release.uploaded) >= choice.since)
        and wanted.contains(release.version, prereleases=True)
    ]
    return found[::-1][: choice.newest]


def support(
    project: Project, targets: Sequence[Target], choice: Choice = _DEFAULT
) -> ProjectDocument:
    """The table of a project, without its timeline. Raises InvalidSpecifier."""
    releases = counted(project, pre=choice.pre)
    newest = releases[-1] if releases else None
    return ProjectDocument(
        name=project.name,
        newest=mark(newest) if newest else None,
        oldest=mark(releases[0]) if releases else None,
        counted=len(releases),
        listed=len(project.releases),
        prereleases=any(release.version.is_prerelease for release in releases),
        releases=[_release(project, n, targets) for n in shown(project, choice)],
        notes=_notes(project, newest),
    )


def _notes(project: Project, newest: Release | None) -> list[str]:
    """``newest``: of the releases that count."""
    if newest is None:
        return ["all its releases are yanked"] if project.releases else []
    notes = []
    latest = project.releases[project.standing.bit_length() - 1]
    if not project.final & project.standing:
        notes.append("it has pre-releases only")
    elif latest.version > newest.version and latest.version.is_prerelease:
        when = day(latest.uploaded) or "undated"
        notes.append(f"there is a newer pre-release, {latest.version} ({when})")
    platforms = {name for file in newest.wheels for name in platforms_of(file.filename)}
    if "any" in platforms and len(platforms) > 1:
        notes.append(
            f"{newest.version} has a wheel for any platform beside those made for some: it may lack"
            " what they bring along"
        )
    undated = sum(not release.uploaded for release in project.releases)
    if undated:
        many = "any" if undated == len(project.releases) else str(undated)
        notes.append(f"the index does not say when {many} of its releases was uploaded")
    return notes


def mark(release: Release) -> Mark:
    """A release by name and time."""
    return Mark(version=str(release.version), uploaded=release.uploaded)


def day(uploaded: str) -> str:
    """The day of a time, empty if that is not known."""
    return uploaded[:10]


def _release(project: Project, number: int, targets: Sequence[Target]) -> ReleaseSupport:
    release = project.releases[number]
    wheels = release.wheels
    variants = [file.filename for file in wheels if file.variant]
    return ReleaseSupport(
        version=str(release.version),
        uploaded=release.uploaded,
        cells=[cell(project, number, target) for target in targets],
        wheels=len(wheels) - len(variants),
        sdists=len(release.files) - len(wheels),
        requires_python=release.requires_python,
        prerelease=release.version.is_prerelease,
        yanked=release.yanked,
        variants=variants,
    )


def cell(project: Project, number: int, target: Target) -> Cell:
    """What an installer would take of a release that it was told to take."""
    kind, file = project.choice(number, target)
    release = project.releases[number]
    better = "" if kind in ("wheel", "generic") else _reason(kind, release, target)
    if file is None:
        return Cell(state=kind, reason=better)
    tag, rank = _tag(file.filename, target) if file.is_wheel else ("", ())
    yanked = file.yanked is not None
    return Cell(
        state="yanked" if yanked else kind,
        file=file.filename,
        tag=tag,
        rank=list(rank),
        uploaded=file.uploaded,
        reason=f"yanked: {file.yanked or 'no reason is given'}" if yanked else better,
    )


def platforms_of(filename: str) -> list[str]:
    """Platform tags of a wheel."""
    return filename.removesuffix(".whl").rpartition("-")[2].split(".")


def _tag(filename: str, target: Target) -> tuple[str, tuple[int, ...]]:
    """Of the tags that a wheel's name stands for the one that is liked best, and its rank."""
    order = ranks(target)
    parts = filename.removesuffix(".whl").split("-")[-3:]
    best: tuple[tuple[int, int], str] | None = None
    for tag in product(*(part.split(".") for part in parts)):
        text = "-".join(tag)
        rank = order.rank(f"-{text}.whl")
        if rank is not None and (best is None or (rank, text) < best):
            best = (rank, text)
    return (best[1], best[0]) if best else ("", ())


def _reason(kind: str, release: Release, target: Target) -> str:
    """Why there is no wheel."""
    if kind == "python":
        said = {f.requires_python for f in release.files} - {""}
        excluding = sorted(text for text in said if not admits(text, target.python))
        return f"Requires-Python {' or '.join(excluding)} excludes {target.python}"
    if kind == "unknown":
        return f"the platform of {target.id} is not known"
    names = tuple(file.filename for file in release.wheels if not file.variant)
    if not names:
        return "there are only wheels with variant labels" if release.wheels else "no wheels"
    order = ranks(target)
    interpreter, _, wanted = order.best.rpartition("-")
    here = tuple(name for name in names if order.runs(name))
    made = pythons(here, free_threaded=target.free_threaded)
    if made:
        return f"no wheel for {interpreter} on this platform, there are those of {', '.join(made)}"
    if here or not order.platforms:
        wanted = interpreter
    return f"no wheel for {wanted}, there are those of {_systems(here or names)}"


@lru_cache(maxsize=256)
def _systems(names: tuple[str, ...]) -> str:
    return systems(names)
