"""JSON Schemas of the documents (2020-12), and the declared type of every fact.

The files here are made by ``python -m envcheck.schemas.generate`` and checked in; a test compares.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

_FOLDER = os.path.dirname(os.path.abspath(__file__))
NAMES = (
    "agreement", "cell", "dated", "facts", "matrix", "profile", "report", "run", "smoke", "wheels",
    "why",
)  # fmt: skip


def text(name: str) -> str:
    """The JSON Schema of the documents of that name, one of NAMES."""
    with open(os.path.join(_FOLDER, f"{name}.schema.json"), encoding="utf-8") as file:
        return file.read()


@lru_cache(maxsize=1)
def fields() -> dict[str, Any]:
    """The declared type of each fact by its dotted key: a word, or for records a table of words."""
    with open(os.path.join(_FOLDER, "fields.json"), encoding="utf-8") as file:
        declared: dict[str, Any] = json.load(file)
    return declared
