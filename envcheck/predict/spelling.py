"""Which project may have been meant by a name that no index has."""

from __future__ import annotations

from difflib import get_close_matches

from envcheck.knowledge import table

_ALIKE = 0.8  # of 1: one letter of five, two that changed places


def nearest(name: str) -> str:
    """`` (did you mean `numpy`?)``, of the projects known here, none of which is asked for; empty
    if none is like it.
    """
    tables = [table(one)["rows"] for one in ("bytecode", "projects")]
    known = {str(row["project"]) for rows in tables for row in rows} - {name}
    close = get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)
    return f" (did you mean `{close[0]}`?)" if close else ""
