"""How far what was installed is from the newest release, why, and whether that is a finding.

*Newest* is the newest final release on the index that is not yanked, whatever it is for.
*Behind* counts the final releases, not yanked, between it and the one installed, the newest
included. Why a cell did not get the newest, in this order:

- ``asked``: the user's own requirement, constraint or day excludes it. No finding.
- ``held``: a requirement of another installed distribution excludes it. No finding.
- ``python``: its Requires-Python excludes this Python, and the newest that does not was installed.
  A warning for what the matrix asks for; nothing for a dependency.
- ``wheel``: no newer release has a wheel for this interpreter (or an sdist), and the one that was
  installed has a wheel made for it: the publisher supported it until then. As ``python``.
- ``generic``: no newer release has a wheel for this interpreter, and the one that was installed
  never claimed to run here: its wheel is for any platform, or it was built. A failure.
- ``blocked``: a newer release could be had, but not something that it needs; an older one was
  installed because it does not say that it needs it. A failure, whatever can be imported.
- ``unknown``: none of these could be shown. Of what the matrix asks for a warning, if it is a year
  older than the newest.

A yanked release, and a pre-release that was not asked for, are warnings.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from envcheck.matrix.causes.base import Verdict
from envcheck.matrix.needs import Needs
from envcheck.predict.offers import Platform, allowed, state
from envcheck.predict.shortfall import no_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.model.cell import Installed
    from envcheck.model.matrix import Cell
    from envcheck.predict.offers import Offer

Why = Literal["", "asked", "held", "python", "wheel", "generic", "blocked", "unknown"]
ANCIENT = 365  # days between two releases after which an unexplained step back is a finding


class Distance(NamedTuple):
    """One distribution. ``reason``: one sentence for ``why``; ``remedy`` where there is one."""

    one: Installed
    mine: Offer
    newest: Offer
    behind: int
    why: Why = ""
    reason: str = ""
    remedy: str = ""


def assess(
    cell: Cell,
    distributions: Sequence[Installed],
    releases: Callable[[str], Sequence[Any] | None],
    *,
    python: str = "",
    libc: str = "",
    architecture: str = "x86_64",
    metadata: Callable[[Any], bytes] | None = None,
) -> tuple[list[Installed], Verdict | None]:
    """Each with the newest release, the distance and the reason; the worst finding, if any.

    ``metadata`` gives METADATA of a wheel on the index; without it no requirement of a distribution
    is known, and what is not explained stays ``unknown``. Whatever ``releases`` and ``metadata``
    raise leaves one distribution without an answer.
    """
    free_threaded = cell.python.endswith("t")
    platform = Platform(python or cell.python.rstrip("t"), libc, architecture, free_threaded)
    needs = Needs(cell, distributions, releases, metadata, platform)
    done, found = [], []
    for one in distributions:
        distance = _distance(one, needs)
        if distance is None:
            done.append(one)
            continue
        done.append(
            replace(
                one,
                newest=str(distance.newest.version),
                newest_uploaded=distance.newest.uploaded,
                releases_behind=distance.behind,
                reason=distance.reason,
            )
        )
        if verdict := finding(distance, platform, asked_for_early=needs.early(one.name)):
            found.append((verdict.warning, not one.requested, verdict))
    found.sort(key=lambda item: item[:2])
    return done, found[0][2] if found else None


def _distance(one: Installed, needs: Needs) -> Distance | None:
    """None if the index does not have what was installed."""
    listed = needs.offers(one.name)
    mine = _mine(one, listed)
    if mine is None:
        return None
    final = [offer for offer in listed if offer.final]
    newest = final[-1] if final else listed[-1]
    behind = sum(1 for offer in final if offer.version > mine.version)
    distance = Distance(one, mine, newest, behind)
    return _explained(distance, listed, needs) if behind else distance


def _mine(one: Installed, listed: list[Offer]) -> Offer | None:
    try:
        version = Version(one.version)
    except InvalidVersion:
        return None
    public = Version(version.public)
    exact = [offer for offer in listed if offer.version == version]
    return next(iter(exact or [offer for offer in listed if offer.version == public]), None)


def _explained(distance: Distance, listed: list[Offer], needs: Needs) -> Distance:
    """Why it is not the newest: each limit in turn is taken away from what could be had."""
    name, mine, platform = distance.one.name, distance.mine, needs.platform
    rest = [offer for offer in listed if offer.final and offer.version >= mine.version]
    target = rest[-1]
    for text, who in needs.limits(name):
        within = allowed(rest, text) or [mine]
        if within[-1].version < target.version:
            asked = not who
            why: Why = "asked" if asked else "held"
            reason = f"the matrix asks for {name}{text}" if asked else f"{who} needs {name}{text}"
            distance = distance._replace(why=why, reason=reason)
        rest, target = within, within[-1]
        if target.version <= mine.version:
            return distance
    admitted = [offer for offer in rest if state(offer, platform) != "python"] or [mine]
    if admitted[-1].version < target.version:
        reason = f"{target.version} needs Python {target.requires_python}"
        distance = distance._replace(why="python", reason=reason)
        target = admitted[-1]
        if target.version <= mine.version:
            return distance
    return _beyond_metadata(distance, target, admitted, needs)


def _beyond_metadata(
    distance: Distance, target: Offer, rest: list[Offer], needs: Needs
) -> Distance:
    """Nothing that a release says of itself excludes ``target``; still it was not installed."""
    name, mine, platform = distance.one.name, distance.mine, needs.platform
    newer = [offer for offer in rest if offer.version > mine.version]
    states = [needs.state(name, offer) for offer in newer]
    if all(found == "nothing" for found in states):
        reason, remedy = no_wheel(platform, name, target, [])
        made_for_here = state(mine, platform) == "wheel"
        return distance._replace(
            why="wheel" if made_for_here else "generic", reason=reason, remedy=remedy
        )
    usable = [offer for offer, found in zip(newer, states, strict=True) if found != "nothing"]
    if blocker := needs.blocker(name, usable[-1]):
        reason = f"{name} {usable[-1].version} needs {blocker.name}; {blocker.sentence}"
        return distance._replace(why="blocked", reason=reason, remedy=blocker.remedy)
    return distance._replace(why="unknown", reason="")


def finding(distance: Distance, platform: Platform, *, asked_for_early: bool) -> Verdict | None:
    """What is to be said of a cell that has this."""
    one, mine, newest = distance.one, distance.mine, distance.newest
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
        text = f"{title} is a pre-release: {_no_final(one.name, newest, platform)}"
        return Verdict("older-release", text, "", shown, warning=True)
    if not one.requested:
        return None
    if distance.why == "python":
        text = f"{title} is the newest for Python {platform.minor}; {later}: {distance.reason}"
        return Verdict("older-release", text, "use a newer Python", shown, warning=True)
    if distance.why == "wheel":
        text = f"{title} is the newest with a wheel for this cell; {later}: {distance.reason}"
        return Verdict("older-release", text, distance.remedy, shown, warning=True)
    if distance.why == "unknown" and _days(mine, newest) > ANCIENT:
        text = f"{instead}, {_count(distance.behind)} later; why is not known"
        remedy = f"ask for {one.name}>={newest.version} to see why"
        return Verdict("older-release", text, remedy, shown, warning=True)
    return None


def _no_final(name: str, newest: Offer, platform: Platform) -> str:
    found = state(newest, platform)
    if found == "python":
        return f"the newest final release, {newest.version}, needs Python {newest.requires_python}"
    if found == "nothing":
        return no_wheel(platform, name, newest, [])[0]
    return f"the newest final release is {newest.version}"


def _of(offer: Offer) -> str:
    return f" of {offer.uploaded[:10]}" if offer.uploaded else ""


def _count(number: int) -> str:
    return f"{number} release{'' if number == 1 else 's'}"


def _days(older: Offer, newer: Offer) -> int:
    """Between the two uploads; 0 if they are not known."""
    try:
        days = [date.fromisoformat(offer.uploaded[:10]) for offer in (older, newer)]
    except ValueError:
        return 0
    return (days[1] - days[0]).days
