"""Which project may have been meant by a name that no index has."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from envcheck.knowledge import table

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALIKE = 0.8  # of 1: one letter of five, two that changed places


def nearest(name: str, met: Iterable[str] = ()) -> str:
    """`` (did you mean `numpy`?)``, of the projects known here and of those that were ``met``, none
    of which is asked for; empty if none is like it.
    """
    tables = [table("bytecode")["rows"], table("projects")["rows"]]
    known = {str(row["project"]) for rows in tables for row in rows}
    known = {*known, *met} - {name}
    close = get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)
    return f" (did you mean `{close[0]}`?)" if close else ""
