"""The matrix for a terminal or a log: a table that fits, the reasons below it.

What does not fit beside the first columns follows in a table of its own: nothing is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from envcheck.report import matrix_predicted
from envcheck.report.matrix_more import more
from envcheck.report.matrix_reference import to_text
from envcheck.report.matrix_rows import table
from envcheck.report.matrix_words import circumstances, definitions, done, tally, title
from envcheck.report.printable import ascii_only, line, no_command, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envcheck.model.cell import Run
    from envcheck.report.matrix import View
    from envcheck.report.matrix_rows import Note, Row, Table
    from envcheck.report.matrix_values import Entry

GAP = "  "
WIDEST = 28  # columns of one field
STYLES = {
    "pass": "32", "warn": "1;33", "fail": "1;31", "inconclusive": "1;35", "error": "35",
    "skipped": "2", "missing": "2",
}  # fmt: skip
HEADINGS = (("why", "Why"), ("not run", "Not run here"), ("remark", "Remarks"))

#: What is told of the circumstances where it is to be brief.
BRIEF = (
    "tested", "predicted", "stale", "note", "subject", "versions", "backend", "download", "disk",
    "not known", "run", "by",
)  # fmt: skip
HINT = "hint: -v says what the columns mean, under which conditions, and more of the logs"


class Field(NamedTuple):
    """Text of one field, as wide as ``cell_len`` says, and the SGR codes it is shown with."""

    text: str
    style: str = ""


def render(run: Run, view: View) -> str:
    """The document. Line ends aside, only what is printable; colour only if asked for."""
    shown = table(run, view.freshness)
    stale = bool(view.freshness and view.freshness.state == "stale")
    head = f"{title(run)}: {tally(run)}"
    lines = [_styled(Field(head, "1"), view) + ("  STALE" if stale else ""), ""]
    lines += rows(shown, view)
    for kind, heading in HEADINGS:
        notes = [note for note in shown.notes if note.kind == kind]
        if notes:
            lines += ["", _styled(Field(heading, "1"), view)]
            lines += (text for note in notes for text in _note(note, shown, view))
    if view.answers is not None:
        lines += ["", *to_text(view.answers, view.width)]
    told = circumstances(run, view.freshness)
    if view.brief:
        told = [pair for pair in told if pair[0] in BRIEF]
        hint = matrix_predicted.HINT if done(run) == "predicted" else HINT
        return finished([*lines, "", *_pairs(told, view), "", *wrap(hint, view.width)], view)
    lines += ["", _styled(Field(done(run).capitalize(), "1"), view), *_pairs(told, view)]
    if view.verbose > 0:
        for name, pairs in more(run):
            lines += ["", _styled(Field(name, "1"), view), *_pairs(pairs, view)]
    lines += ["", _styled(Field("Columns", "1"), view), *_pairs(definitions(run, shown), view)]
    return finished(lines, view)


def finished(lines: Iterable[str], view: View) -> str:
    """The lines as one text, in characters that the stream can show."""
    text = "".join(f"{no_command(part.rstrip())}\n" for part in lines)
    return text if view.unicode else ascii_only(text)


def rows(shown: Table, view: View) -> Iterator[str]:
    """The table, as several under one another if it is too wide."""
    names = [column.key for column in shown.columns]
    grid = [
        [_field(row, *pair) for pair in zip(names, row.entries, strict=True)] for row in shown.rows
    ]
    heads = [Field(column.title, "1") for column in shown.columns]
    right = [column.numeric for column in shown.columns]
    right[0] = False
    keys = [number for number, column in enumerate(shown.columns) if column.key in _keys(shown)]
    yield from layout(heads, grid, view, right, keys, "predicted" if shown.predicted else "")


def layout(
    heads: Sequence[Field],
    grid: Sequence[Sequence[Field]],
    view: View,
    right: Sequence[bool],
    keys: Sequence[int] = (0,),
    caption: str = "",
) -> Iterator[str]:
    """Aligned columns; those that do not fit follow below, each time after the columns ``keys``
    and below ``caption``.
    """
    widths = [
        max(cell_len(line[number].text) for line in (heads, *grid)) for number in range(len(heads))
    ]
    for number, columns in enumerate(_pages(widths, keys, view.width)):
        if number:
            yield from ("", caption) if caption else ("",)
        for fields in (heads, *grid):
            yield GAP.join(
                _padded(fields[column], widths[column], right[column], view) for column in columns
            )


def _keys(shown: Table) -> list[str]:
    """Columns that tell rows apart."""
    usual = {"status", "wheel", "install", "import", "disk", "version", "behind", "download"}
    further = {"smoke", "memory", "class", "bytecode"}
    return [c.key for c in shown.columns if c.key not in usual | further]


def _pages(widths: list[int], keys: Sequence[int], width: int) -> list[list[int]]:
    """Numbers of columns that stand beside one another within ``width``."""
    pages: list[list[int]] = [[]]
    for number in range(len(widths)):
        wanted = [*pages[-1], number]
        if sum(widths[n] + len(GAP) for n in wanted) - len(GAP) > width and len(pages[-1]) > len(
            keys
        ):
            if all(n in keys for n in range(number, len(widths))):
                break
            pages.append(list(keys))
        if number not in pages[-1]:
            pages[-1].append(number)
    return pages


def _field(row: Row, key: str, entry: Entry) -> Field:
    marks = row.marks.get(key, ())
    text = short(entry.text)
    if marks:
        text += f" [{','.join(map(str, marks))}]"
    if key == "status" and row.stale:
        text += " stale"
    return Field(text, STYLES.get(row.status, "") if key == "status" else "")


def short(text: str) -> str:
    """At most WIDEST columns of it."""
    while cell_len(text) > WIDEST:
        text = text[: -2 if text.endswith("…") else -1].rstrip("…") + "…"
    return text


def _padded(field: Field, width: int, right: bool, view: View) -> str:
    blank = " " * (width - cell_len(field.text))
    text = _styled(field, view)
    return blank + text if right else text + blank


def _styled(field: Field, view: View) -> str:
    if not view.colour or not field.style:
        return field.text
    return f"\x1b[{field.style}m{field.text}\x1b[0m"


def _note(note: Note, shown: Table, view: View) -> Iterator[str]:
    head = f"[{note.number}] "
    cause = f" ({note.cause})" if note.cause else ""
    yield from _hung(head, f"{shown.about(note)}: {note.text}{cause}", view)
    if note.remedy:
        yield from _hung(" " * len(head) + "fix: ", note.remedy, view)
    for text in note.evidence if view.verbose > 0 else note.evidence[:1]:
        yield from _hung(" " * len(head) + f"{shown.evidence}: ", text, view)


def _pairs(pairs: list[tuple[str, str]], view: View) -> Iterator[str]:
    width = max((len(label) for label, _ in pairs), default=0)
    for label, text in pairs:
        yield from _hung(f"{label.ljust(width)}  ", text, view)


def _hung(head: str, text: str, view: View) -> Iterator[str]:
    body = wrap(line(text), max(view.width - len(head), 20), 0, cell_len)
    yield head + body[0]
    yield from (" " * len(head) + part for part in body[1:])
