"""From what the steps of a cell observed to its verdict, as the published result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from envcheck.matrix import releases
from envcheck.matrix.causes import Failure, classify
from envcheck.matrix.observed import target_of
from envcheck.model.cell import CellResult
from envcheck.store.writing import utc

if TYPE_CHECKING:
    from envcheck.matrix.backends.base import Backend
    from envcheck.matrix.causes.base import Verdict
    from envcheck.matrix.execution import StepOutcome
    from envcheck.matrix.session import Session
    from envcheck.model.matrix import Cell

Wheel = Literal["wheel", "sdist", "none", ""]


def conclude(session: Session) -> CellResult:
    """The result of a cell whose steps are done, or were ended by a failure."""
    known = session.known
    fields: dict[str, Any] = {"wheel": _wheel(session), "version": _version(session)}
    known.distributions, behind = releases.assess(
        session.cell,
        known.distributions,
        session.releases,
        target_of(
            session.cell,
            python=known.python,
            libc=known.libc,
            architecture=session.cell.axes["architecture"],
        ),
        metadata=session.metadata,
    )
    if known.ended is not None and not _explains(behind, known.ended.outcome):
        verdict = known.ended.verdict or classify(_failure(session, known.ended.outcome))
        fields["status"] = "error" if verdict.status == "error" else "fail"
        if verdict.cause in ("no-wheel", "no-compiler", "missing-header", "build-failed"):
            fields["wheel"] = "none"
    elif behind is not None:
        verdict = behind
        fields["status"] = verdict.status
    else:
        return session.result(status="pass", cold=session.cold, **fields)
    return session.result(
        cause=verdict.cause,
        sentence=verdict.sentence,
        remedy=verdict.remedy,
        evidence=list(verdict.evidence),
        cold=session.cold,
        **fields,
    )


def _explains(behind: Verdict | None, outcome: StepOutcome) -> bool:
    """Whether a release that never was for this cell is why it cannot be used."""
    failed = behind is not None and behind.status == "fail"
    return failed and outcome.step.name in ("import", "smoke")


def _failure(session: Session, outcome: StepOutcome) -> Failure:
    known = session.known
    return Failure(
        cell=session.cell,
        step=outcome.step,
        log=outcome.text,
        installer=known.installer,
        python=known.python,
        libc=known.libc,
        distribution=known.distribution,
        architecture=session.cell.axes["architecture"],
        faults=session.faults(),
        releases=session.releases,
        error=known.error,
        isolated=session.backend.isolated,
    )


def _wheel(session: Session) -> Wheel:
    known = session.known
    if not known.distributions:
        return ""
    return "sdist" if known.built else "wheel"


def _version(session: Session) -> str:
    """Of what was required first."""
    order = session.order
    found = {one.name: one.version for one in session.known.distributions}
    return next((found[name] for name in order if name in found), "")


def infrastructure(session: Session, sentence: str) -> CellResult:
    """A cell that met faults of the infrastructure each time it was tried."""
    return session.result(
        status="error",
        cause="infrastructure",
        sentence=sentence,
        remedy="mend it and run with --retry-failed",
    )


def unavailable(cell: Cell, backend: Backend, sentence: str) -> CellResult:
    """A cell that this machine cannot host."""
    return CellResult(
        cell=cell,
        backend=backend.name,
        isolated=backend.isolated,
        status="skipped",
        cause="unavailable",
        sentence=sentence,
        started=utc(),
        notes=list(cell.notes),
    )
