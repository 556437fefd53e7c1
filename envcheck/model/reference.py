"""A table that somebody else published, and what a run says to each of its rows."""

from __future__ import annotations

from typing import NamedTuple

#: The columns that such tables have after Python and os.
COLUMNS = ("status", "wheel", "install", "import", "disk")
NOTHING = "-"


class ReferenceRow(NamedTuple):
    """``values``: column -> as published, NOTHING where it says nothing."""

    python: str
    os: str
    libc: str
    values: dict[str, str]


class Reference(NamedTuple):
    """``tested``: the day that the table says it was tested; ``remarks``: what is known."""

    name: str
    subject: str
    tested: str
    source: str
    rows: tuple[ReferenceRow, ...]
    remarks: tuple[str, ...] = ()


class Answer(NamedTuple):
    """One row against the cell of a run. ``here``: column -> as our table says it.

    ``agrees``: nothing that both say differs; ``explanations``: (column, sentence) for whatever
    one says and the other does not, or says differently. ``cell`` is empty if the run has none.
    """

    row: ReferenceRow
    cell: str
    here: dict[str, str]
    agrees: bool
    explanations: tuple[tuple[str, str], ...]


class Answers(NamedTuple):
    """All rows, for a reporter."""

    reference: Reference
    rows: tuple[Answer, ...]
