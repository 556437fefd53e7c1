"""What became of a matrix between two runs of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

SCHEMA = "envcheck.comparison/1"

#: ``worse`` counts (exit status 1); ``note`` is a change that may be noise or is no fault;
#: ``open`` says that nothing can be said: the new run did not judge what the old one did.
Kind = Literal["worse", "better", "note", "open"]
KINDS: tuple[Kind, ...] = ("worse", "better", "note", "open")


class Change(NamedTuple):
    """One thing that changed in one cell. ``before`` and ``after`` as a person reads them."""

    cell: str
    what: str  # status, cause, wheel, version, import, install, disk, download, memory, cell
    kind: Kind
    before: str
    after: str
    why: str = ""


class Comparison(NamedTuple):
    """``old`` and ``new`` name the runs; ``same`` cells are those in which nothing changed.

    ``notes``: what holds for all cells, such as that the machine was slower.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    cells: int = 0
    same: int = 0
    notes: tuple[str, ...] = ()

    def count(self, kind: Kind) -> int:
        """How many changes are of a kind."""
        return sum(change.kind == kind for change in self.changes)


class Past(NamedTuple):
    """One run in a history. ``since``: what changed from the run of that matrix before it."""

    id: str
    matrix: str
    started: str
    backend: str
    counts: dict[str, int]
    versions: tuple[str, ...] = ()
    since: Comparison | None = None
