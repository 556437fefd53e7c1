"""The table of a matrix run before it is written: columns, rows, and a reason for each blank.

All texts are safe to show (``printable.line``); formats add their own quoting. The first seven
columns are those of the public pages that such tables are compared with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envcheck.model.cell import CAUSES
from envcheck.report import matrix_predicted
from envcheck.report import matrix_values as values
from envcheck.report.matrix_values import NOT_RUN, NOTHING, Entry
from envcheck.report.printable import line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envcheck.model.cell import CellResult, Run
    from envcheck.model.freshness import Freshness

    Readers = tuple[tuple["Column", Callable[[CellResult], Entry]], ...]

EVIDENCE = 6  # lines of a log that are kept beside a reason
LONG = 1000  # characters of a sentence


class Column(NamedTuple):
    """``key``: as in CSV. ``numeric``: shown at the right, sorted by ``Entry.sort``."""

    key: str
    title: str
    numeric: bool = False


class Row(NamedTuple):
    """``entries`` has one for each column; ``marks`` the numbers of its notes, by column's key."""

    id: str
    status: str
    entries: tuple[Entry, ...]
    marks: dict[str, tuple[int, ...]]
    result: CellResult | None
    stale: bool = False


class Note(NamedTuple):
    """``kind``: ``why`` (the package), ``not run`` (this machine) or ``remark``."""

    number: int
    kind: str
    cells: tuple[str, ...]
    cause: str
    text: str
    remedy: str = ""
    evidence: tuple[str, ...] = ()


class Table(NamedTuple):
    """A run, ready to be written."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]
    predicted: bool = False

    @property
    def evidence(self) -> str:
        """What the evidence of its notes is: lines of a log, or what else was predicted."""
        return "also" if self.predicted else "log"

    def about(self, note: Note) -> str:
        """The cells of a note in words: ``all cells`` or their ids."""
        if len(note.cells) == len(self.rows) > 1:
            return "all cells"
        shown = ", ".join(note.cells[:12])
        more = len(note.cells) - 12
        return f"{shown} and {more} more" if more > 0 else shown


#: What each column is read with, after Python and os.
SEED: tuple[tuple[Column, Callable[[CellResult], Entry]], ...] = (
    (Column("status", "status"), values.status),
    (Column("wheel", "wheel"), values.wheel),
    (Column("install", "install", numeric=True), values.install),
    (Column("import", "import", numeric=True), values.importing),
    (Column("disk", "disk", numeric=True), values.disk),
)
FURTHER: tuple[tuple[Column, Callable[[CellResult], Entry]], ...] = (
    (Column("version", "version"), values.version),
    (Column("behind", "behind", numeric=True), values.behind),
    (Column("download", "download", numeric=True), values.download),
    (Column("smoke", "smoke"), values.smoke),
    (Column("memory", "peak memory", numeric=True), values.memory),
)
PREDICTED: tuple[tuple[Column, Callable[[CellResult], Entry]], ...] = (
    (Column("version", "version"), values.version),
    (Column("behind", "behind", numeric=True), values.behind),
    (Column("download", "download", numeric=True), values.download),
    (Column("class", "class"), matrix_predicted.class_),
    (Column("bytecode", "with bytecode", numeric=True), matrix_predicted.with_bytecode),
)
PYTHON, OS = Column("python", "python", numeric=True), Column("os", "os / libc")


def table(run: Run, freshness: Freshness | None = None) -> Table:
    """All cells of ``run``, those that were not done included, in the order of their ids."""
    axes = _further_axes(run.results)
    further = PREDICTED if matrix_predicted.is_prediction(run) else FURTHER
    columns = (PYTHON, OS, *(column for column, _ in SEED))
    columns += tuple(Column(f"axis {line(name)}", line(name)) for name in axes)
    columns += tuple(column for column, _ in further)
    families = {result.cell.os: values.libc(result) for result in run.results if result.libc}
    stale = freshness.cells if freshness else frozenset()
    if len(stale) == len(run.results):
        stale = frozenset()  # said once, of the whole table
    notes = _Notes()
    rows = [_row(result, axes, further, families, notes, stale) for result in run.results]
    done = {row.id for row in rows}
    rows += [
        _missing(line(name), len(columns), families, notes)
        for name in run.missing
        if line(name) not in done
    ]
    rows.sort(key=lambda row: natural(row.id))
    predicted = matrix_predicted.is_prediction(run)
    return Table(columns, tuple(rows), notes.numbered(rows), predicted)


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts 3.9 before 3.10."""
    parts = re.split(r"(\d+)", text)
    return [(0, int(part[:18]), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _further_axes(results: Iterable[CellResult]) -> list[str]:
    """Axes besides Python and os: the matrix's own, and those that have several values."""
    found: dict[str, set[str]] = {}
    for result in results:
        for name, value in result.cell.axes.items():
            found.setdefault(name, set()).add(value)
    usual = ("architecture", "installer")
    return [
        name
        for name, said in found.items()
        if name not in ("python", "os") and (name not in usual or len(said) > 1)
    ]


def _row(
    result: CellResult,
    axes: list[str],
    further: Readers,
    families: dict[str, str],
    notes: _Notes,
    stale: frozenset[str],
) -> Row:
    name = line(result.cell.id)
    family = families.get(result.cell.os, "")
    os = line(result.cell.os) + (f" ({family})" if family else "")
    readers = SEED + further
    found = {column.key: read(result) for column, read in readers}
    entries = [_python(result.cell.python), Entry(os), *(found[column.key] for column, _ in SEED)]
    entries += [Entry(line(result.cell.axes.get(axis, NOTHING))) for axis in axes]
    entries += [found[column.key] for column, _ in further]
    marks: dict[str, list[int]] = {}
    if result.status != "pass":
        marks["status"] = [notes.add(name, *_reason(result))]
    for text in (*result.cell.notes, *result.notes):
        marks.setdefault("status", []).append(notes.add(name, "remark", "", line(text)))
    blank: dict[str, list[Column]] = {}
    for column, _ in readers:
        if found[column.key].text == NOTHING and found[column.key].why:
            blank.setdefault(found[column.key].why, []).append(column)
    for why, missing in blank.items():
        text = f"{', '.join(column.title for column in missing)}: {why}"
        for column in missing:
            marks.setdefault(column.key, []).append(notes.add(name, "remark", "", text))
    return Row(
        name,
        result.status,
        tuple(entries),
        {key: tuple(dict.fromkeys(numbers)) for key, numbers in marks.items()},
        result,
        result.cell.id in stale,
    )


def _python(version: str) -> Entry:
    numbers = re.findall(r"\d+", version)[:2]
    sort = int(numbers[0]) * 1000 + int(numbers[1]) if len(numbers) == 2 else None
    return Entry(line(version), sort)


def _missing(name: str, columns: int, families: dict[str, str], notes: _Notes) -> Row:
    """A cell that the plan has and the run has not."""
    python, _, os = name.partition("-")
    text = "it was planned and not done: the run ended first, or is still going on"
    number = notes.add(name, "not run", "interrupted", text, "`envcheck matrix run --resume`")
    family = f" ({families[os]})" if os in families else ""
    entries = [_python(python), Entry(f"{os}{family}" or NOTHING), Entry("missing")]
    entries += [Entry()] * (columns - len(entries))
    return Row(name, "missing", tuple(entries), {"status": (number,)}, None)


def _reason(result: CellResult) -> tuple[str, str, str, str, tuple[str, ...]]:
    """Kind, cause, sentence, remedy and evidence of a cell that did not pass."""
    kind = "not run" if result.status in NOT_RUN else "why"
    cause = line(result.cause)
    sentence = shorten(line(result.sentence), LONG) or CAUSES.get(cause, "")
    failed = next((step for step in result.steps if step.status in ("failed", "timeout")), None)
    if not sentence and failed:
        sentence = line(failed.detail) or f"the step `{failed.name}` {failed.status}"
    evidence = tuple(shorten(line(text), 300) for text in result.evidence[:EVIDENCE])
    return (
        kind,
        cause,
        sentence or "no reason was recorded",
        shorten(line(result.remedy), LONG),
        evidence,
    )


class _Notes:
    """Notes as they are found; cells with the same reason share one."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str, str, str], list[str]] = {}
        self._position: dict[tuple[str, str, str, str], int] = {}
        self._evidence: list[tuple[str, ...]] = []

    def add(
        self,
        cell: str,
        kind: str,
        cause: str,
        text: str,
        remedy: str = "",
        evidence: tuple[str, ...] = (),
    ) -> int:
        """Its position, from 1, in the order of finding."""
        key = (kind, cause, text, remedy)
        if key not in self._cells:
            self._cells[key] = []
            self._evidence.append(evidence)
            self._position[key] = len(self._cells)
        self._cells[key].append(cell)
        return self._position[key]

    def numbered(self, rows: list[Row]) -> tuple[Note, ...]:
        """All, numbered as the rows mention them; changes the rows' marks in place."""
        order: dict[int, int] = {}
        for row in rows:
            for key in row.marks:
                for number in row.marks[key]:
                    order.setdefault(number, len(order) + 1)
                row.marks[key] = tuple(order[number] for number in row.marks[key])
        rank = {row.id: position for position, row in enumerate(rows)}
        found = [
            Note(
                order[position],
                kind,
                tuple(sorted(set(cells), key=rank.__getitem__)),
                cause,
                text,
                remedy,
                evidence,
            )
            for position, (((kind, cause, text, remedy), cells), evidence) in enumerate(
                zip(self._cells.items(), self._evidence, strict=True), 1
            )
        ]
        return tuple(sorted(found, key=lambda note: note.number))
