"""Sources as syntax trees, and which modules Python itself has."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

from envcheck.knowledge import table


@lru_cache(maxsize=512)
def parsed(source: bytes) -> ast.Module | None:
    """The syntax tree; None if this Python cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=32)
def removed(version: tuple[int, int]) -> frozenset[str]:
    """Modules that the standard library of a Python has no longer."""
    return frozenset(
        module
        for row in table("removed_modules")["rows"]
        if tuple(int(part) for part in row["removed"].split(".")) <= version
        for module in row["modules"]
    )
