"""Findings: what a check says about a target, and the report that holds them all.

NamedTuples, not msgspec or dataclasses: these are on the path of every ``envcheck doctor``, and
importing either costs more than bare Python's whole start.
"""

from __future__ import annotations

from envcheck.typed import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from envcheck.model.facts import FactSheet

SCHEMA = "envcheck.report/1"  # of a report as a document
SEVERITIES = ("note", "warning", "error")  # in ascending order
STATUSES = ("pass", "fail", "skip", "unknown", "crash")


class Evidence(NamedTuple):
    """A fact that led to the finding. ``value`` is short text, ``source`` where it was read."""

    fact: str
    value: str
    source: str = ""


class Remedy(NamedTuple):
    """What mends it: a sentence, and commands that can be pasted as they are, in order."""

    text: str
    commands: tuple[str, ...] = ()


class Anchor(NamedTuple):
    """Where the requirement is written that a finding is about. ``line`` counts from 1."""

    path: str
    line: int = 1


class Waiver(NamedTuple):
    """Why a finding is tolerated. ``expires`` is an ISO date or empty."""

    reason: str
    expires: str = ""


class Finding(NamedTuple):
    """What a check says. ``subject`` tells findings of one code apart (a distribution, a path).

    ``detail`` is why, in one or two sentences; ``cause`` the code of the finding that explains this
    one (it is shown below that); ``required`` marks an answer without which the verdict is open.
    """

    code: str
    status: str
    severity: str
    title: str
    detail: str = ""
    subject: str = ""
    evidence: tuple[Evidence, ...] = ()
    remedy: Remedy | None = None
    anchor: Anchor | None = None
    required: bool = False
    cause: str = ""
    waiver: Waiver | None = None
    source: str = ""

    @property
    def open(self) -> bool:
        """Whether it counts: a failure that is not waived, even if another one explains it."""
        return self.status == "fail" and self.waiver is None


class Counts(NamedTuple):
    """How many findings of each kind; waived ones only in ``waived``, folded ones in their own."""

    error: int = 0
    warning: int = 0
    note: int = 0
    passed: int = 0
    skipped: int = 0
    unknown: int = 0
    crash: int = 0
    waived: int = 0


class Report(NamedTuple):
    """All a reporter receives. ``verdict`` is ``pass``, ``warn``, ``fail`` or ``inconclusive``."""

    sheet: FactSheet
    findings: tuple[Finding, ...]
    verdict: str
    counts: Counts
    profiles: tuple[str, ...] = ()
    version: str = ""
    created: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> dict[str, Any]:
        """What was examined, as the sheet names it."""
        return dict(self.sheet.target)


def fail(title: str, **fields: Any) -> Finding:
    """A failure; ``evaluate`` fills in what is left empty of code and severity."""
    return Finding("", "fail", fields.pop("severity", ""), title, **fields)


def passed(title: str, **fields: Any) -> Finding:
    """Looked at and in order."""
    return Finding("", "pass", fields.pop("severity", ""), title, **fields)


def skip(title: str, **fields: Any) -> Finding:
    """Not applicable here; ``detail`` says why."""
    return Finding("", "skip", fields.pop("severity", ""), title, **fields)


def unknown(title: str, **fields: Any) -> Finding:
    """Could not be judged; ``detail`` says why."""
    return Finding("", "unknown", fields.pop("severity", ""), title, **fields)
