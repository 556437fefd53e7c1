"""PKG12x: what installed distributions declare that they need."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context
from envcheck.checks.installed import Distribution, few, in_use, installed, listed
from envcheck.checks.markers import Markers, Requirement, environment, parse
from envcheck.checks.specifiers import agreeable, canonical, narrowed, satisfies
from envcheck.model.finding import Evidence, Finding, Remedy, fail, unknown
from envcheck.model.reading import records, text
from envcheck.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Unmet(NamedTuple):
    """A declared requirement that the environment does not meet; ``have`` is None if missing."""

    by: Distribution
    requirement: Requirement
    have: Distribution | None
    raw: str

    @property
    def wanted(self) -> str:
        """The requirement without its marker."""
        return self.requirement.name + self.requirement.specifier


class Survey(NamedTuple):
    """All declared requirements against what is installed. ``wanted``: name -> specifiers;
    ``users``: name -> who made them.
    """

    unmet: list[Unmet]
    malformed: list[tuple[Distribution, str]]
    undecided: list[str]
    wanted: dict[str, list[str]]
    users: dict[str, list[str]]


def survey(context: Context) -> Survey:
    """Of several distributions of one name the first one on the path counts; extras count where an
    installed distribution asks for them. Raises UnknownFact.
    """
    return context.once(_survey)


def _survey(context: Context) -> Survey:
    there = in_use(installed(context))
    markers = Markers(environment(context))
    found = Survey([], [], [], {}, {})
    extra_of: dict[str, str] = {}
    done: set[tuple[str, tuple[str, ...]]] = set()
    queue: list[tuple[Distribution, tuple[str, ...]]] = [(one, ()) for one in there.values()]
    while queue:
        one, extras = queue.pop()
        if (one.key, extras) in done:
            continue
        done.add((one.key, extras))
        for raw in one.requires:
            if extras and "extra" not in raw:
                continue  # it was seen when no extra was asked for
            marker = raw.rpartition(";")[2]
            if marker not in extra_of:
                extra_of[marker] = _extra(marker)
            if extra_of[marker] and extra_of[marker] not in extras:
                continue
            requirement = _applicable(raw, extras, markers, found.undecided)
            if requirement is None:
                continue
            if requirement is _MALFORMED:
                if not extras:
                    found.malformed.append((one, raw))
                continue
            have = there.get(requirement.name)
            if requirement.specifier:
                found.wanted.setdefault(requirement.name, []).append(requirement.specifier)
                found.users.setdefault(requirement.name, []).append(one.name)
            if have is None or satisfies(have.version, requirement.specifier) is False:
                unmet = Unmet(one, requirement, have, raw)
                if unmet not in found.unmet:
                    found.unmet.append(unmet)
            elif requirement.extras:
                queue.append((have, requirement.extras))
    return found


_MALFORMED = Requirement("")


def _extra(marker: str) -> str:
    """``name`` if the whole marker is ``extra == "name"``, as four fifths are; else empty."""
    marker = marker.strip(" \t")
    quote = marker[-1:]
    if not marker.startswith("extra == ") or quote not in ("'", '"') or marker.count(quote) != 2:
        return ""
    return canonical(marker[10:-1]) if marker[9] == quote else ""


def _applicable(
    raw: str, extras: tuple[str, ...], markers: Markers, undecided: list[str]
) -> Requirement | None:
    """The requirement if it applies, _MALFORMED if it is none, else None."""
    marker = raw.partition(";")[2].strip() if "@" not in raw else ""
    if marker and markers.holds(marker, extras) is False:
        return None
    requirement = parse(raw)
    if requirement is None:
        return _MALFORMED
    holds = markers.holds(requirement.marker, extras)
    if holds is None:
        undecided.append(raw)
    return requirement if holds else None


def missing(context: Context) -> Iterator[Finding]:
    """A distribution needs another one that is not installed.

    ## Why it matters
    Importing it fails with ModuleNotFoundError, at once or in the function that needs it.

    ## Causes
    `pip install --no-deps`, an uninstallation, an interrupted installation.

    ## Remedy
    Install what is missing.

    ## Sources
    Requires-Dist of the installed distributions, with markers evaluated for this target; the same
    question as `pip check` asks.
    """
    found = survey(context)
    interrupted = {
        canonical(name)
        for item in records(context.get("distributions.leftovers"))
        if (name := text(item.get("name")))
    }
    by_name: dict[str, list[Unmet]] = {}
    for item in found.unmet:
        if item.have is None:
            by_name.setdefault(item.requirement.name, []).append(item)
    for name, items in by_name.items():
        users = list(dict.fromkeys(str(item.by) for item in items))
        specifier = narrowed(found.wanted.get(name, ()))
        if agreeable(specifier) is False:
            specifier = ""  # PKG122 will speak of it, once it is there
        packaged = all(not item.by.from_wheel for item in items)
        yield fail(
            f"{name} is missing: {listed(users)} require{'s' * (len(users) == 1)} it",
            subject=name,
            severity="note" if packaged else "",
            detail="They came from the operating system's packages, which decide for themselves."
            if packaged
            else f"Declared: {listed([f'{item.by.name}: {item.raw}' for item in items])}.",
            evidence=tuple(
                item.by.evidence(f"{item.by} requires {item.raw}") for item in items[:5]
            ),
            remedy=None if packaged else remedies.install(context, [name + specifier]),
            cause="PKG103" if name in interrupted else "",
        )
    if found.undecided:
        yield unknown(
            f"{len(found.undecided)} requirements depend on what is not known of the target",
            detail=f"Undecided: {listed(found.undecided)}.",
        )


def conflicts(context: Context) -> Iterator[Finding]:
    """An installed version does not satisfy what another distribution requires.

    ## Why it matters
    The two were not made for each other: an import error, or a function that behaves differently.

    ## Causes
    A later `pip install` that upgraded or downgraded something others need.

    ## Remedy
    Install a version that satisfies all that require it; if there is none, upgrade those.

    ## Sources
    Requires-Dist of the installed distributions; the same question as `pip check` asks.
    """
    by_have: dict[str, list[Unmet]] = {}
    found = survey(context)
    for item in found.unmet:
        if item.have is not None:
            by_have.setdefault(item.have.key, []).append(item)
    for items in by_have.values():
        have = items[0].have
        if have is None:
            continue
        wishes = list(dict.fromkeys(f"{item.by} requires {item.wanted}" for item in items))
        packaged = all(not item.by.from_wheel for item in items)
        yield fail(
            f"{have} is installed, but {listed(wishes, limit=2)}",
            subject=have.name,
            severity="note" if packaged else "",
            evidence=(
                have.evidence(),
                *(i.by.evidence(f"{i.by} requires {i.raw}") for i in items[:5]),
            ),
            remedy=None if packaged else _agreed(context, have.name, items, found),
        )


def _agreed(context: Context, name: str, items: list[Unmet], found: Survey) -> Remedy:
    """A version that all that require it accept; there may be none."""
    wanted = items[0].requirement.name
    all_of_them = narrowed(found.wanted.get(wanted, ()))
    if agreeable(all_of_them) is False:
        together = list(dict.fromkeys(found.users.get(wanted, ())))
        why = f"No {name} suits them all: find versions of {listed(together, limit=8)} that agree"
        return remedies.upgrade(context, [*together, name], why=why)
    users = listed(dict.fromkeys(item.by.name for item in items))
    why = f"Install a release of {name} that all accept; if there is none, upgrade {users}"
    return remedies.install(context, [name + all_of_them], why=why)


def requires_python(context: Context) -> Iterator[Finding]:
    """A distribution says that it does not support this Python.

    ## Why it matters
    It may use syntax or modules that this Python does not have; nobody tests the combination.

    ## Causes
    `pip install --ignore-requires-python`, a site-packages directory copied to another Python,
    PYTHONPATH pointing into another environment.

    ## Remedy
    Install the release for this Python, or make an environment with a Python that it supports.

    ## Sources
    Requires-Python in the distribution's METADATA.
    """
    version = str(context["interpreter.version"])
    for one in in_use(installed(context)).values():
        if one.requires_python and satisfies(version.rstrip("+"), one.requires_python) is False:
            yield fail(
                f"{one} requires Python {one.requires_python}, this is {version}",
                subject=one.name,
                severity="" if one.from_wheel else "note",
                evidence=(
                    Evidence("distributions.installed", one.requires_python, one.path),
                    *context.evidence("interpreter.version"),
                ),
                remedy=remedies.install(
                    context, [one.name], why=f"Install a release of {one.name} for this Python"
                ),
            )


def parsable(context: Context) -> Iterator[Finding]:
    """A declared requirement cannot be understood.

    ## Why it matters
    Installers disagree about it: some refuse the distribution, some ignore the line.

    ## Causes
    An old or hand-written METADATA (`pytz (>dev)` and the like).

    ## Remedy
    Upgrade the distribution.

    ## Sources
    PEP 508.
    """
    by_user: dict[str, list[str]] = {}
    users = {}
    for one, raw in survey(context).malformed:
        by_user.setdefault(one.name, []).append(raw)
        users[one.name] = one
    for name, lines in by_user.items():
        shown = listed([repr(line) for line in lines])
        yield fail(
            f"{users[name]} declares what is no requirement: {shown}",
            subject=name,
            evidence=(users[name].evidence(listed(lines)),),
            remedy=remedies.install(context, [name], why=f"Upgrade {name}"),
        )


CHECKS = (
    Check("PKG121", "declared requirements are installed", "error", few(missing), ("PY001",)),
    Check("PKG122", "declared versions fit each other", "error", few(conflicts), ("PY001",)),
    Check("PKG123", "distributions support this Python", "error", few(requires_python), ("PY001",)),
    Check("PKG124", "declared requirements can be read", "note", few(parsable), ("PY001",)),
)
