"""What an installer would get on one day and on another."""

from __future__ import annotations

from typing import NamedTuple

SCHEMA = "envcheck.dated/1"


class Moved(NamedTuple):
    """A distribution. Versions are empty where there is none; sizes None where not known."""

    name: str
    before: str
    after: str
    download: int | None = None  # bytes more
    disk: int | None = None  # bytes more, allocated


class CellsMoved(NamedTuple):
    """Cells in which the same changed. Statuses as ``fail (no-wheel)``."""

    cells: tuple[str, ...]
    before: str
    after: str
    moved: tuple[Moved, ...]
    download: int | None = None
    disk: int | None = None
    why: str = ""


class Dated(NamedTuple):
    """``before`` and ``after``: the days. ``same``: cells in which nothing changed."""

    subject: str
    before: str
    after: str
    groups: tuple[CellsMoved, ...]
    same: tuple[str, ...] = ()
