"""The matrix as one page: works offline, sorts by its headers, asks nobody for anything.

Everything that is shown went through ``printable.line`` and ``html.escape``; a policy in the page
keeps whatever would get through from running or loading.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from envcheck.report.matrix_details import details
from envcheck.report.matrix_page import SCRIPT, STYLE, policy
from envcheck.report.matrix_plots import plots, svg
from envcheck.report.matrix_predicted import NOT_DONE
from envcheck.report.matrix_reference import to_html
from envcheck.report.matrix_rows import table
from envcheck.report.matrix_values import NOTHING
from envcheck.report.matrix_words import circumstances, counts, definitions, done, title
from envcheck.report.printable import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.cell import Run
    from envcheck.report.matrix import View
    from envcheck.report.matrix_rows import Column, Note, Row, Table
    from envcheck.report.matrix_values import Entry

HEADINGS = (("why", "Why"), ("not run", "Not run here"), ("remark", "Remarks"))
DETAILED = 300  # cells whose details are in the page; all are in the document


def render(run: Run, view: View) -> str:
    """The document."""
    shown = table(run, view.freshness)
    name = escape(title(run))
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="generator" content="envcheck">',
        f"<title>{name}: compatibility matrix</title>",
        f"<style>{STYLE}</style></head><body>",
        *_head(run, view),
        "<main>",
        *_grid(shown),
        *_notes(shown),
        *_plots(shown),
        *(to_html(view.answers) if view.answers is not None else ()),
        f"<h2>{done(run).capitalize()}</h2>",
        *_pairs(circumstances(run, view.freshness)),
        "<h2>Columns</h2>",
        *_pairs(definitions(run, shown)),
        *_cells(shown),
        "</main>",
        f"<script>{SCRIPT}</script>",
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(run: Run, view: View) -> Iterator[str]:
    fresh = view.freshness
    stale = ' <span class="stale">stale</span>' if fresh and fresh.state == "stale" else ""
    said = dict(circumstances(run, fresh))
    before = "predicted " if done(run) == "predicted" else ""
    words = ", ".join(
        f'<span class="word {status}">{count} {before}{status}</span>'
        for status, count in counts(run).items()
    )
    yield f"<header><h1>{escape(title(run))}{stale}</h1>"
    if run.header.summary:
        yield f"<p>{escape(line(run.header.summary))}</p>"
    when = escape(said.get(done(run), "at a time that is not known"))
    yield f'<p>{words or "no cells"} <span class="faint">{done(run)} {when}</span></p>'
    if done(run) == "predicted":
        yield f'<p class="warn">Predicted: {NOT_DONE}.</p>'
    if fresh:
        yield from (f'<p class="warn">{escape(line(reason))}</p>' for reason in fresh.reasons)
    yield "</header>"


def _grid(shown: Table) -> Iterator[str]:
    yield '<p id="how" class="faint cells">Headers sort. Numbers lead to the reasons below the '
    yield "table, Pythons to the details.</p>"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Cells">'
    yield '<table id="cells" class="cells" aria-describedby="how">'
    yield '<caption><span class="unseen">Cells of the matrix</span></caption><thead><tr>'
    for column in shown.columns:
        kind = ' class="number"' if column.numeric else ""
        yield f'<th scope="col" data-key="{escape(column.key)}"{kind}>'
        yield f'<button type="button">{escape(column.title)}</button></th>'
    yield "</tr></thead><tbody>"
    for number, row in enumerate(shown.rows):
        fields = zip(shown.columns, row.entries, strict=True)
        yield f'<tr class="row-{row.status}">'
        yield "".join(_field(row, number, *pair) for pair in fields)
        yield "</tr>"
    yield "</tbody></table></div>"


def _field(row: Row, number: int, column: Column, entry: Entry) -> str:
    """A cell of the table. Without a ``data-sort`` it is sorted last."""
    sort = "" if entry.text == NOTHING else escape(entry.text)
    if column.numeric:
        sort = "" if entry.sort is None else str(entry.sort)
    attributes = f' data-sort="{sort}"' if sort else ""
    attributes += ' class="number"' if column.numeric and column.key != "python" else ""
    text = escape(entry.text)
    if column.key == "status":
        text = f'<span class="word {row.status}">{text}</span>'
        text += ' <span class="stale">stale</span>' if row.stale else ""
    elif column.key in ("os", "version"):
        attributes += f' title="{text}"'
    marks = "".join(
        f'<sup><a href="#note{mark}">{mark}</a></sup>' for mark in row.marks.get(column.key, ())
    )
    if column.key == "python":
        linked = f'<a href="#cell{number}">{text}</a>' if row.result and number < DETAILED else text
        return f'<th scope="row"{attributes}>{linked}</th>'
    return f"<td{attributes}>{text}{marks}</td>"


def _notes(shown: Table) -> Iterator[str]:
    for kind, heading in HEADINGS:
        notes = [note for note in shown.notes if note.kind == kind]
        if notes:
            yield f"<h2>{heading}</h2><ol>"
            yield from (text for note in notes for text in _note(note, shown))
            yield "</ol>"


def _note(note: Note, shown: Table) -> Iterator[str]:
    cause = f" <code>{escape(note.cause)}</code>" if note.cause else ""
    yield f'<li id="note{note.number}" value="{note.number}">{prose(note.text)}{cause}'
    yield f'<br><span class="faint mono cells">{escape(shown.about(note))}</span>'
    if note.remedy:
        yield f"<br><strong>Fix:</strong> {prose(note.remedy)}"
    if note.evidence:
        log = "\n".join(escape(line(text)) for text in note.evidence)
        what = shown.evidence.capitalize()
        yield f"<details><summary>{what}</summary><pre>{log}</pre></details>"
    yield "</li>"


def prose(text: str) -> str:
    """A sentence in which what stands between backticks is code."""
    parts = escape(line(text)).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{p}</code>" if n % 2 else p for n, p in enumerate(parts))


def _plots(shown: Table) -> Iterator[str]:
    found = plots(shown.rows)
    if found:
        heading = "Disk, predicted" if shown.predicted else "Install, import, disk"
        yield f'<h2>{heading}</h2><div class="plots">'
        yield from (svg(plot, number) for number, plot in enumerate(found))
        yield "</div>"


def _pairs(pairs: list[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>"
    yield from (f"<dt>{escape(label)}</dt><dd>{prose(text)}</dd>" for label, text in pairs)
    yield "</dl>"


def _cells(shown: Table) -> Iterator[str]:
    yield "<h2>Cells</h2>"
    for number, row in enumerate(shown.rows[:DETAILED]):
        if row.result is not None:
            yield details(row.result, number)
    if len(shown.rows) > DETAILED:
        yield f'<p class="faint">and {len(shown.rows) - DETAILED} more, in the document</p>'
