"""How old the answers of a matrix run are, as the tables say it."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["fresh", "stale", "unknown"]


class Freshness(NamedTuple):
    """``state`` is ``unknown`` where nothing says when it was tested.

    ``tested``: days, as ``2026-11-20`` or ``2026-11-18 to 2026-11-20``; ``age``: whole days since
    the oldest of them. ``reasons``: why it is stale. ``remarks``: what could not be told, and what
    is newer but not asked for. ``cells``: ids of those that are stale by age.
    """

    tested: str = ""
    age: int | None = None
    state: State = "unknown"
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    cells: frozenset[str] = frozenset()
