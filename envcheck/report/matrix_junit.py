"""JUnit XML: a suite for the matrix, a case for each cell.

``failure`` is a cell in which the package does not work, ``error`` one that could not be judged
(infrastructure, inconclusive); what was not run is ``skipped``. A warning passes and is written
to ``system-out``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from envcheck.report.matrix_rows import table
from envcheck.report.matrix_words import circumstances, name
from envcheck.report.printable import line, shorten

if TYPE_CHECKING:
    from envcheck.model.cell import Run
    from envcheck.report.matrix import View
    from envcheck.report.matrix_rows import Row, Table

MESSAGE = 500  # characters in an attribute
ELEMENTS = {
    "fail": "failure", "error": "error", "inconclusive": "error", "skipped": "skipped",
    "missing": "skipped",
}  # fmt: skip


def render(run: Run, view: View) -> str:
    """The document; valid against Jenkins' ``junit-10.xsd``."""
    shown = table(run, view.freshness)
    place = "envcheck.predicted" if shown.predicted else "envcheck"
    cases: list[str] = []
    kinds = []
    for row in shown.rows:
        kinds.append(ELEMENTS.get(row.status, ""))
        cases += _case(row, shown, f"{place}.{name(run)}")
    counts = {
        "tests": len(kinds),
        "failures": kinds.count("failure"),
        "errors": kinds.count("error"),
    }
    seconds = sum(result.seconds for result in run.results)
    numbers = _attributes(counts | {"time": f"{seconds:.3f}"})
    suite: dict[str, object] = {"name": f"{place}.{name(run)}", **counts}
    suite |= {"skipped": kinds.count("skipped"), "time": f"{seconds:.3f}"}
    if run.header.started:
        suite["timestamp"] = line(run.header.started).rstrip("Z")
    properties = [
        f"      <property {_attributes({'name': label, 'value': text})}/>"
        for label, text in circumstances(run, view.freshness)
    ]
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites name="envcheck matrix" {numbers}>',
        f"  <testsuite {_attributes(suite)}>",
        "    <properties>",
        *properties,
        "    </properties>",
        *cases,
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _attributes(values: dict[str, object]) -> str:
    return " ".join(f"{key}={quoteattr(str(value))}" for key, value in values.items())


def _case(row: Row, shown: Table, suite: str) -> list[str]:
    """One cell. ``type`` is its cause: a word of the published document."""
    named: dict[str, object] = {"classname": suite, "name": row.id}
    if row.result is not None:
        named["time"] = f"{row.result.seconds:.3f}"
    head = f"    <testcase {_attributes(named)}"
    body = escape("\n".join(_body(row, shown)))
    kind = ELEMENTS.get(row.status, "")
    if not kind:
        return [f"{head}>", f"      <system-out>{body}</system-out>", "    </testcase>"]
    reasons = [note for note in shown.notes if note.number in row.marks.get("status", ())]
    cause = reasons[0].cause if reasons else ""
    predicted = "predicted: " if shown.predicted else ""
    message = shorten(f"{predicted}{reasons[0].text if reasons else row.status}", MESSAGE)
    said = _attributes({"type": cause or row.status, "message": message})
    return [f"{head}>", f"      <{kind} {said}>{body}</{kind}>", "    </testcase>"]


def _body(row: Row, shown: Table) -> list[str]:
    """The row and its notes as plain text."""
    lines = [
        f"{column.title}: {entry.text}"
        for column, entry in zip(shown.columns, row.entries, strict=True)
    ]
    numbers = {number for marks in row.marks.values() for number in marks}
    for note in shown.notes:
        if note.number in numbers:
            lines.append(f"{note.cause}: {note.text}" if note.cause else note.text)
            lines += [f"fix: {note.remedy}"] if note.remedy else []
            lines += [f"{shown.evidence}: {text}" for text in note.evidence]
    return lines
