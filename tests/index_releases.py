"""Releases of an index as the gateway has them, from rows of test data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envcheck.index.pages import File
from envcheck.index.releases import Release, releases_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def listed(filename: str, **fields: Any) -> File:
    """A file on a page."""
    return File(filename=filename, url=f"https://index.invalid/{filename}", **fields)


def recorded(rows: Iterable[Sequence[Any]]) -> list[Release]:
    """Of rows as in ``data/logs/index.json``: version, day, yanked, Requires-Python, file names."""
    return releases_of(
        listed(name, uploaded=day or "", yanked=yanked, requires_python=requires or "")
        for _, day, yanked, requires, names in rows
        for name in names
    )
