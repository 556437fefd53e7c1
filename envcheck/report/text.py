"""Plain text (placeholder of the first commit: one line a finding)."""

from __future__ import annotations

from envcheck.model.finding import Report
from envcheck.report.base import Options


def render(report: Report, options: Options) -> str:
    """One line a finding and a closing count."""
    lines = [f"{f.status:8} {f.code} {f.title}" for f in report.findings]
    lines.append(f"verdict: {report.verdict}")
    return "\n".join(lines) + "\n"
