"""GitHub Actions: annotations by workflow commands, and the job summary.

GitHub shows ten annotations of a kind for a step and silently drops the rest; a summary of more
than 1 MiB is refused as a whole. So the worst come first, the last one counts what is left, and the
summary is cut before the limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report.outline import headword, rank
from envcheck.report.printable import line, shorten
from envcheck.report.sarif import location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.finding import Finding, Report
    from envcheck.report.base import Options

LIMIT = 10  # annotations of one kind
MESSAGE = 2000  # characters
SUMMARY = 900_000  # bytes
_KINDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report, options: Options) -> str:
    """One workflow command a line; empty if there is nothing to say."""
    kinds: dict[str, list[Finding]] = {"error": [], "warning": [], "notice": []}
    for finding in sorted(report.findings, key=rank):
        kind = _kind(finding)
        if kind:
            kinds[kind].append(finding)
    lines = [text for kind, found in kinds.items() for text in _annotations(kind, found, options)]
    return "".join(f"{text}\n" for text in lines)


def summary(report: Report, options: Options) -> str:
    """Markdown for ``$GITHUB_STEP_SUMMARY``."""
    from envcheck.report import markdown

    text = markdown.render(report, options, limit=SUMMARY)
    return text + "\n"


def _kind(finding: Finding) -> str:
    """Consequences are told by their cause; what is waived, passed or optional by nothing."""
    if finding.cause or rank(finding) > 4:
        return ""
    if finding.status == "fail":
        return _KINDS.get(finding.severity, "warning")
    return "error" if finding.status == "crash" else "warning"


def _annotations(kind: str, findings: list[Finding], options: Options) -> Iterator[str]:
    shown = findings if len(findings) <= LIMIT else findings[: LIMIT - 1]
    for finding in shown:
        path, number = location(finding, options)
        yield command(
            kind, _message(finding), title=line(finding.code), file=path, line=str(number)
        )
    left = findings[len(shown) :]
    if left:
        codes = ", ".join(dict.fromkeys(line(finding.code) for finding in left))
        noun = kind if len(left) == 1 else f"{kind}s"
        text = shorten(f"and {len(left)} more {noun}, see the job summary: {codes}", MESSAGE)
        yield command(kind, text, title="envcheck")


def command(kind: str, message: str, **properties: str) -> str:
    """A workflow command: ``::error file=…,line=1::message``."""
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{kind} {written}::{_data(message)}"


def _message(finding: Finding) -> str:
    title = line(finding.title)
    if finding.status != "fail":
        title = f"{headword(finding)}: {title}"
    parts = [title]
    if finding.detail:
        parts.append(line(finding.detail))
    if finding.remedy:
        parts.append(f"fix: {line(finding.remedy.text)}")
        parts += [f"  {line(text)}" for text in finding.remedy.commands]
    return shorten("\n".join(parts), MESSAGE)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(line(text)).replace(":", "%3A").replace(",", "%2C")
