"""The doctor: the cell's fact sheet by the same agent as everywhere, judged by the same checks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from envcheck import checks
from envcheck.errors import TargetError
from envcheck.evaluate import evaluate
from envcheck.redact import redact_report
from envcheck.targets.base import AgentRequest

if TYPE_CHECKING:
    from envcheck.matrix.session import Session

SECONDS = 30.0


def run(session: Session) -> None:
    """Leave `known.verdict` and `known.findings`; where there is no sheet, a note says why."""
    session.watch("facts")
    known = session.known
    try:
        sheet = session.room.target().start(AgentRequest(timeout=SECONDS)).finish()
    except TargetError as error:
        session.note(f"the doctor could not examine it: {error}")
        return
    report = evaluate(
        sheet,
        checks.load(asked=frozenset()),
        profile=None,
        wants=frozenset(),
        today=time.strftime("%Y-%m-%d", time.gmtime()),
        fail_on="error",
    )
    shown = redact_report(report, facts=False, pasteable=False)
    known.verdict = report.verdict
    known.findings = [
        {
            "code": finding.code,
            "severity": finding.severity,
            "status": finding.status,
            "title": finding.title,
            "detail": finding.detail,
        }
        for finding in shown.findings
        if finding.status not in ("pass", "skip")
    ]
