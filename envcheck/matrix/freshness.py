"""How old a run's answers are: when it was tested, and whether something newer was released since.

A table is stale if a cell was tested more than ``stale_after`` days ago, or if a release exists
that the run could not know: newer than the newest it saw, final, and allowed by the requirement.
A matrix that pins a version is not stale because newer ones exist: that is said, and no more.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from envcheck.errors import EnvcheckError
from envcheck.index.pages import normalized
from envcheck.model.cell import PREDICTED
from envcheck.model.freshness import Freshness, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from envcheck.model.cell import CellResult, Run

#: Clocks of two machines may differ by so much; a day in the future beyond it is not believed.
TOLERANCE = dt.timedelta(days=1)


def assess(
    run: Run,
    now: str,
    newest: Mapping[str, str] | None = None,
    index: Mapping[str, str] | None = None,
) -> Freshness:
    """The freshness of ``run`` at ``now`` (UTC, as ``2026-11-20T21:00:00Z``).

    ``newest``: canonical name -> the newest final release that other runs saw; ``index``: the same
    as the index has it now, None if it was not asked.
    """
    today = day(now)
    days = {result.cell.id: day(result.started or run.header.started) for result in run.results}
    known = sorted(found for found in days.values() if found is not None)
    reasons, remarks = [], []
    age: int | None = None
    old: list[str] = []
    if today is None or not known:
        remarks.append("when it was tested is not known")
    elif known[-1] > today + TOLERANCE:
        remarks.append(f"it says that it was tested on {known[-1]}, which is in the future")
    else:
        age = max((today - known[0]).days, 0)
        limit = run.header.stale_after
        old = [name for name, found in days.items() if found and (today - found).days > limit]
        if old:
            which = "all" if len(old) == len(days) else f"{len(old)} of {len(days)}"
            reasons.append(f"{which} cells were tested more than {limit} days ago")
    newer, more = _newer(run, newest or {}, index)
    reasons += newer
    remarks += more
    state: State = "stale" if reasons else "unknown" if age is None else "fresh"
    return Freshness(
        tested=" to ".join(map(str, sorted({known[0], known[-1]}))) if known else "",
        age=age,
        state=state,
        reasons=tuple(reasons),
        remarks=tuple(remarks),
        cells=frozenset(old),
    )


def day(text: str) -> dt.date | None:
    """The day of a UTC time stamp."""
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


def known_releases(runs: Iterable[Run]) -> dict[str, str]:
    """Canonical name -> the newest final release that any of ``runs`` saw on its index."""
    found: dict[str, Version] = {}
    for run in runs:
        for name, version in _seen(run.results).items():
            found[name] = max(version, found.get(name, version))
    return {name: str(version) for name, version in found.items()}


def newest_of(
    names: Iterable[str], releases: Callable[[str], Sequence[Any] | None]
) -> dict[str, str]:
    """Canonical name -> its newest final release that is not yanked, as the index has it.

    ``releases``: as the gateway's; what it raises for one name leaves that one out.
    """
    from envcheck.predict.projects import of_releases

    found = {}
    for name in names:
        try:
            project = of_releases(name, releases(name))
        except EnvcheckError:
            continue
        final = project.newest(project.final & project.standing)
        if final is not None:
            found[name] = str(project.versions[final])
    return found


def subjects(run: Run) -> dict[str, list[Requirement]]:
    """Canonical name -> the requirements that name it, for what a matrix takes from the index."""
    found: dict[str, dict[str, Requirement]] = {}
    for result in run.results:
        for text in result.cell.test.requirements:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if requirement.url is None:
                found.setdefault(normalized(requirement.name), {})[text] = requirement
    return {name: list(said.values()) for name, said in found.items()}


def _newer(
    run: Run, newest: Mapping[str, str], index: Mapping[str, str] | None
) -> tuple[list[str], list[str]]:
    """Reasons and remarks about releases of what is tested."""
    wanted = subjects(run)
    reasons, remarks = [], []
    seen = _seen(run.results)
    for name, requirements in wanted.items():
        if index is not None and name not in index:
            remarks.append(f"the index did not say which release of {name} is the newest")
        told = [_version(known.get(name, "")) for known in (newest, index or {})]
        now = max((version for version in told if version is not None), default=None)
        then = seen.get(name)
        if now is None:
            continue
        if then is None:
            text = f"which release of {name} was the newest when it was tested is not known"
            remarks.append(text)
        elif now > then and any(each.specifier.contains(now) for each in requirements):
            reasons.append(f"{name} {now} was released since; {then} was the newest")
        elif now > then:
            remarks.append(f"{name} {now} was released since; `{requirements[0]}` leaves it out")
    if wanted and index is None and not reasons and run.header.backend != PREDICTED:
        remarks.append("whether newer releases exist is not known: the index was not asked")
    return reasons, remarks


def _seen(results: Iterable[CellResult]) -> dict[str, Version]:
    """Canonical name -> the newest release that was seen or installed."""
    found: dict[str, Version] = {}
    for result in results:
        for installed in result.distributions:
            for text in (installed.newest, installed.version):
                version = _version(text)
                if version is not None and not version.is_prerelease:
                    name = normalized(installed.name)
                    found[name] = max(version, found.get(name, version))
    return found


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
