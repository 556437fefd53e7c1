"""Markdown for a bug report: what matters in sight, everything else folded away.

GitHub cuts comments at 65,536 characters, so the document stays below ``LIMIT`` bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report import text
from envcheck.report.headline import headline, label, subject
from envcheck.report.outline import family, headword, rank, summary
from envcheck.report.printable import code_span, fence, line, markdown, shorten

if TYPE_CHECKING:
    from envcheck.model.finding import Finding, Report
    from envcheck.report.base import Options

LIMIT = 60_000  # bytes
SHOWN = 50  # findings in sight


def render(report: Report, options: Options, *, limit: int = LIMIT) -> str:
    """What matters, and the full text in ``<details>``; with ``verbose`` of 2 all facts."""
    parts = [
        f"### envcheck: {markdown(summary(report))}",
        "",
        f"Examined {code_span(subject(report.sheet))}"
        + (f" for {', '.join(map(code_span, report.profiles))}" if report.profiles else ""),
        "",
        *_facts(report),
        *_findings(report),
        *(f"{markdown(note)}\n" for note in report.notes),
    ]
    head = "\n".join(parts)
    verbose = max(options.verbose, 1)
    plain = text.render(report, options._replace(verbose=verbose, width=100, unicode=True))
    version = f"envcheck {line(report.version)}".strip()
    opening = f"\n<details><summary>{markdown(version)} report</summary>\n\n"
    room = limit - len(_bytes(head + opening)) - 200
    details = "\n".join(fence(_cut(plain, room), "text"))
    return f"{_fit(head, limit - 400)}{opening}{details}\n\n</details>\n"


def _facts(report: Report) -> list[str]:
    rows = []
    for prefix in dict.fromkeys(family(finding.code) for finding in report.findings):
        words = headline(prefix, report.sheet)
        if words:
            rows.append([markdown(label(prefix)), markdown(words)])
    return [_table(rows, ["", "found"]), ""] if rows else []


def _findings(report: Report) -> list[str]:
    worst = sorted((f for f in report.findings if rank(f) <= 5), key=rank)
    lines = [text for finding in worst[:SHOWN] for text in _told(finding)]
    if len(worst) > SHOWN:
        lines.append(f"- … and {len(worst) - SHOWN} more")
    return [*lines, ""] if lines else []


def _told(finding: Finding) -> list[str]:
    """A list item; the commands in a block of their own, to be copied as they are."""
    title = markdown(shorten(line(finding.title), 300))
    head = f"- **{markdown(headword(finding))}** {code_span(finding.code)} {title}"
    if finding.cause:
        return [f"{head} (explained by {code_span(finding.cause)})"]
    if finding.waiver:
        return [f"{head} (reason: {markdown(finding.waiver.reason)})"]
    lines = [head]
    if finding.detail:
        lines += ["", f"  {markdown(shorten(line(finding.detail), 1000))}"]
    if finding.remedy:
        lines += ["", f"  Fix: {markdown(finding.remedy.text)}"]
        if finding.remedy.commands:
            commands = fence([line(text) for text in finding.remedy.commands], "sh")
            lines += ["", *(f"  {part}" for part in commands), ""]
    return lines


def _table(rows: list[list[str]], headers: list[str]) -> str:
    from tabulate import tabulate

    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def _bytes(written: str) -> bytes:
    return written.encode("utf-8", "backslashreplace")


def _fit(written: str, limit: int) -> str:
    """The whole lines of ``written`` that fit into ``limit`` bytes."""
    if len(_bytes(written)) <= limit:
        return written
    return "\n".join(_cut(written, limit)) + "\n"


def _cut(written: str, limit: int) -> list[str]:
    kept: list[str] = []
    used = 0
    lines = written.rstrip("\n").split("\n")
    for index, part in enumerate(lines):
        used += len(_bytes(part)) + 1
        if used > limit:
            return [*kept, f"… {len(lines) - index} more lines were cut"]
        kept.append(part)
    return kept
