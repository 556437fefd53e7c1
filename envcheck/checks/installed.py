"""The installed distributions as checks see them: typed, whatever a sheet holds."""

from __future__ import annotations

from functools import wraps

from envcheck.checks.specifiers import canonical
from envcheck.model.finding import SEVERITIES, Evidence
from envcheck.model.reading import number, records, strings, text
from envcheck.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from envcheck.checks.base import Context
    from envcheck.model.finding import Finding

FACT = "distributions.installed"
_SYSTEM = ("/usr/lib/", "/usr/lib64/", "/usr/share/")  # where operating systems put theirs
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


class Distribution(NamedTuple):
    """One record of ``distributions.installed``; ``name`` as written, ``key`` canonical."""

    name: str
    key: str
    version: str = ""
    path: str = ""
    location: str = ""
    origin: str = ""
    format: str = ""
    installer: str = ""
    direct_url: str = ""
    editable: bool = False
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    tags: tuple[str, ...] = ()
    record: bool | None = None
    imports: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    damaged: tuple[tuple[str, str], ...] = ()
    damaged_count: int = 0
    shadowed: bool = False
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()

    @property
    def pinned(self) -> str:
        """As a requirement for exactly this."""
        return f"{self.name}=={self.version}" if self.version else self.name

    @property
    def from_wheel(self) -> bool:
        """pip, uv or the like unpacked it, so RECORD is binding; not an operating system or conda,
        which change files after that and decide themselves what goes together.
        """
        if self.installer:
            return self.installer not in ("conda", "debian", "rpm", "apk")
        location = self.location.replace("\\", "/")
        return not (location.startswith(_SYSTEM) or location.endswith("/dist-packages"))

    def evidence(self, value: str = "") -> Evidence:
        """Where it was read."""
        return Evidence(FACT, value or str(self), self.path)


def installed(context: Context) -> list[Distribution]:
    """All of them, in search order; the same list for every check. Raises UnknownFact."""
    return context.once(_installed)


def _installed(context: Context) -> list[Distribution]:
    return [one for record in records(context[FACT]) if (one := _read(record)) is not None]


def in_use(distributions: Iterable[Distribution]) -> dict[str, Distribution]:
    """The one of each name that an import or ``importlib.metadata`` finds first."""
    found: dict[str, Distribution] = {}
    for one in distributions:
        found.setdefault(one.key, one)
    return found


def has_distribution(context: Context, *names: str) -> bool | None:
    """Whether one of these distributions is installed; None if that is not known."""
    fact = context.facts.fact("distributions.installed")
    if not fact.known:
        return None
    found = {canonical(text(item.get("name"))) for item in records(fact.value)}
    return not found.isdisjoint(names)


def few(judge: Callable[[Context], Iterator[Finding]]) -> Callable[[Context], Iterator[Finding]]:
    """The check ``judge``, with its failures abridged."""

    @wraps(judge)
    def judged(context: Context) -> Iterator[Finding]:
        yield from abridged(judge(context))

    return judged


def abridged(findings: Iterable[Finding], limit: int = 8) -> Iterator[Finding]:
    """At most ``limit`` open failures one by one; the others as one that names their subjects."""
    shown: list[Finding] = []
    rest: list[Finding] = []
    for finding in findings:
        if finding.status != "fail":
            yield finding
        elif len(shown) < limit:
            shown.append(finding)
        else:
            rest.append(finding)
    yield from shown
    if len(rest) == 1:
        yield rest[0]
    elif rest:
        worst = max((f.severity for f in rest), key=("", *SEVERITIES).index)
        yield rest[0]._replace(
            title=f"{len(rest)} more like these",
            subject="",
            severity="" if any(not f.severity for f in rest) else worst,
            detail=listed([f.subject or f.title for f in rest], limit=12),
            remedy=None,
            cause=rest[0].cause if len({f.cause for f in rest}) == 1 else "",
        )


def name_of(requirement: str) -> str:
    """The distribution's name at the start of a requirement, as written."""
    requirement = requirement.strip()
    return requirement[: len(requirement) - len(requirement.lstrip(_NAME))]


def listed(items: Iterable[str], total: int = 0, limit: int = 3) -> str:
    """``a, b, c and 12 more``."""
    items = list(items)
    shown = items[:limit]
    more = max(total, len(items)) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _read(record: dict[str, Any]) -> Distribution | None:
    name = text(record.get("name"))
    if not name:
        return None
    missing = tuple(strings(record.get("missing")))
    damaged = tuple(
        (text(item.get("file")), text(item.get("what"))) for item in records(record.get("damaged"))
    )
    has_record = record.get("record")
    return Distribution(
        name,
        canonical(name),
        version=text(record.get("version")),
        path=text(record.get("path")),
        location=text(record.get("location")),
        origin=text(record.get("origin")),
        format=text(record.get("format")),
        installer=text(record.get("installer")).lower(),
        direct_url=text(record.get("direct_url")),
        editable=record.get("editable") is True,
        requires=tuple(strings(record.get("requires"))),
        requires_python=text(record.get("requires_python")),
        tags=tuple(strings(record.get("tags"))),
        record=has_record if isinstance(has_record, bool) else None,
        imports=tuple(strings(record.get("imports"))),
        missing=missing,
        missing_count=max(int(number(record.get("missing_count")) or 0), len(missing)),
        damaged=damaged,
        damaged_count=max(int(number(record.get("damaged_count")) or 0), len(damaged)),
        shadowed=record.get("shadowed") is True,
        problems=tuple(strings(record.get("problems"))),
    )
