"""A section of the tables: a published table beside our own, with a reason for each difference."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from rich.cells import cell_len

from envcheck.model.reference import COLUMNS, NOTHING
from envcheck.report.matrix_markdown import pipe, prose
from envcheck.report.printable import line, markdown, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.reference import Answer, Answers


def _title(answers: Answers) -> str:
    about = answers.reference
    return f"Compared with {line(about.name)} ({line(about.subject)}, tested {line(about.tested)})"


def _counts(answers: Answers) -> str:
    agree = sum(row.agrees for row in answers.rows)
    return f"{agree} of {len(answers.rows)} rows agree as far as both say something"


def _pair(row: Answer, column: str) -> str:
    there, here = line(row.row.values.get(column, NOTHING)), line(row.here.get(column, NOTHING))
    return there if there == here else f"{there} / {here}"


def to_markdown(answers: Answers) -> list[str]:
    """Lines: a table ``theirs / ours``, then each row's explanations."""
    heads = ["python", "os / libc", *COLUMNS, "agrees"]
    rows = [
        [
            markdown(row.row.python),
            markdown(f"{row.row.os} ({row.row.libc})"),
            *(markdown(_pair(row, column)) for column in COLUMNS),
            "yes" if row.agrees else "**no**",
        ]
        for row in answers.rows
    ]
    lines = [f"## {markdown(_title(answers))}", "", f"Theirs / ours; {_counts(answers)}.", ""]
    lines += [pipe(heads, rows), ""]
    for row in answers.rows:
        name = markdown(f"{row.row.python} {row.row.os}")
        lines += [f"- **{name}**: " + "; ".join(map(prose, _sentences(row))) + "."]
    lines += ["", *(f"- {prose(remark)}" for remark in answers.reference.remarks)]
    return [*lines, "", f"Source: {prose(answers.reference.source)}."]


def _sentences(row: Answer) -> Iterator[str]:
    for column, text in row.explanations:
        text = line(text).rstrip(".")
        yield text if column in ("", "status") else f"{column}: {text}"


def to_html(answers: Answers) -> Iterator[str]:
    """Elements of a page."""
    yield f"<h2>{escape(_title(answers))}</h2><p>Theirs / ours; {escape(_counts(answers))}.</p>"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Comparison">'
    yield '<table class="cells"><thead><tr>'
    heads = ("python", "os / libc", *COLUMNS, "agrees")
    yield "".join(f'<th scope="col" class="plain">{head}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for row in answers.rows:
        texts = [line(f"{row.row.os} ({row.row.libc})"), *(_pair(row, name) for name in COLUMNS)]
        fields = "".join(f"<td>{escape(text)}</td>" for text in texts)
        word = "<td>yes</td>" if row.agrees else '<td class="word warn">no</td>'
        yield f'<tr><th scope="row">{escape(line(row.row.python))}</th>{fields}{word}</tr>'
    yield "</tbody></table></div><dl>"
    for row in answers.rows:
        name = escape(line(f"{row.row.python} {row.row.os}"))
        yield f"<dt>{name}</dt><dd>{escape('; '.join(_sentences(row)))}.</dd>"
    yield "</dl>"
    remarks = (*answers.reference.remarks, f"Source: {answers.reference.source}.")
    yield from (f'<p class="faint cells">{escape(line(remark))}</p>' for remark in remarks)


def to_text(answers: Answers, width: int) -> Iterator[str]:
    """Lines of plain text."""
    yield f"{_title(answers)}: {_counts(answers)}"
    for row in answers.rows:
        head = f"{line(row.row.python)} {line(row.row.os)}  ".ljust(14)
        body = wrap("; ".join(_sentences(row)), max(width - len(head), 20), 0, cell_len)
        yield head + body[0]
        yield from (" " * len(head) + part for part in body[1:])
    for remark in answers.reference.remarks:
        yield from wrap(line(remark), width, 0, cell_len)
