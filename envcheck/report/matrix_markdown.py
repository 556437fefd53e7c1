"""The matrix as Markdown, for ``reports/<matrix>.md``: the table in sight, then every reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report.matrix_more import more
from envcheck.report.matrix_predicted import NOT_DONE
from envcheck.report.matrix_rows import table
from envcheck.report.matrix_words import circumstances, definitions, done, tally, title
from envcheck.report.printable import code_span, fence, line, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.cell import Run
    from envcheck.report.matrix import View
    from envcheck.report.matrix_rows import Column, Note, Row, Table
    from envcheck.report.matrix_values import Entry

HEADINGS = (("why", "Why"), ("not run", "Not run here"), ("remark", "Remarks"))


def render(run: Run, view: View) -> str:
    """The document."""
    shown = table(run, view.freshness)
    fresh = view.freshness
    stale = " **stale**" if fresh and fresh.state == "stale" else ""
    said = dict(circumstances(run, fresh))
    parts = [f"# {markdown(title(run))}", ""]
    if run.header.summary:
        parts += [markdown(run.header.summary), ""]
    when = f"{done(run).capitalize()} {markdown(said.get(done(run), ''))}"
    parts += [f"{markdown(tally(run))}. {when}.{stale}", ""]
    parts += [f"Predicted: {NOT_DONE}.", ""] if done(run) == "predicted" else []
    parts += [grid(shown), ""]
    for kind, heading in HEADINGS:
        notes = [note for note in shown.notes if note.kind == kind]
        if notes:
            parts += [f"## {heading}", ""]
            parts += (text for note in notes for text in _note(note, shown))
    if view.answers is not None:
        from envcheck.report.matrix_reference import to_markdown

        parts += [*to_markdown(view.answers), ""]
    parts += [f"## {done(run).capitalize()}", "", *_pairs(circumstances(run, fresh)), ""]
    parts += ["## Cells", ""] if more(run) else []
    for name, pairs in more(run):
        parts += [f"- **{markdown(name)}**", *(f"  {pair}" for pair in _pairs(pairs))]
    parts += [""]
    parts += ["## Columns", "", *_pairs(definitions(run, shown))]
    return "\n".join(parts).rstrip("\n") + "\n"


def grid(shown: Table) -> str:
    """The table alone."""
    rows = [
        [_cell(row, *pair) for pair in zip(shown.columns, row.entries, strict=True)]
        for row in shown.rows
    ]
    right = [column.numeric and column.key != "python" for column in shown.columns]
    return pipe([markdown(column.title) for column in shown.columns], rows, right)


def pipe(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """A table of texts that are Markdown already; ``right`` says which columns are numbers."""
    from tabulate import tabulate

    sides = [
        "right" if number < len(right) and right[number] else "left" for number in range(len(heads))
    ]
    return tabulate(
        rows, heads, tablefmt="pipe", disable_numparse=True, colalign=sides if rows else None
    )


def _cell(row: Row, column: Column, entry: Entry) -> str:
    text = markdown(entry.text)
    if column.key == "status":
        text = text if row.status == "pass" else f"**{text}**"
        text += " stale" if row.stale else ""
    marks = row.marks.get(column.key, ())
    return text + (f" ({', '.join(map(str, marks))})" if marks else "")


def _note(note: Note, shown: Table) -> list[str]:
    """``(3)`` in the table is item 3 here, whatever the list's own numbers are."""
    cause = f" `{note.cause}`" if note.cause else ""
    lines = [f"- **({note.number})**{cause} {markdown(shown.about(note))}: {prose(note.text)}"]
    if note.remedy:
        lines += ["", f"  Fix: {prose(note.remedy)}"]
    if note.evidence:
        block = fence([line(text) for text in note.evidence], "text")
        lines += ["", *(f"  {part}" for part in block)]
    return [*lines, ""]


def prose(text: str) -> str:
    """A sentence in which what stands between backticks is code; nothing else of it is live."""
    parts = line(text).split("`")
    if len(parts) % 2 == 0:
        return markdown(text)
    return "".join(code_span(p) if n % 2 else markdown(p) for n, p in enumerate(parts))


def _pairs(pairs: list[tuple[str, str]]) -> list[str]:
    return [f"- **{markdown(label)}**: {prose(text)}" for label, text in pairs]
