"""What is known about the world outside the target: dated tables, each row with its source.

A table is ``NAME.json`` here: an object with ``about``, ``date`` (up to which it is known to be
complete) and ``rows``. Past its date the answer is unknown, not a guess.
"""

from __future__ import annotations

import os
from functools import lru_cache

from envcheck.jsontext import value_at
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_FOLDER = os.path.dirname(os.path.abspath(__file__))


@lru_cache(maxsize=32)
def table(name: str) -> dict[str, Any]:
    """The table called ``name``, read when it is first asked for."""
    with open(os.path.join(_FOLDER, f"{name}.json"), encoding="utf-8") as file:
        document: dict[str, Any] = value_at(file.read())[0]
    return document
