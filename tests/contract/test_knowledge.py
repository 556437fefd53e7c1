"""Every table of knowledge says up to when it is complete, and each row where it comes from."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import envcheck.knowledge
from envcheck.knowledge import table

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = sorted(file.stem for file in Path(envcheck.knowledge.__file__).parent.glob("*.json"))


def rows(value: Any) -> Iterator[dict[str, Any]]:
    """The objects in the lists of a table."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from rows(inner)
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


@pytest.mark.parametrize("name", NAMES)
def test_table(name: str) -> None:
    found = table(name)
    assert found["about"]
    assert date.fromisoformat(found["date"]).year >= 2026
    for row in rows(found):
        assert row.get("source") or found.get("source"), f"{name}: no source for {row}"
        said = row.get("date") or found["date"]
        assert re.fullmatch(r"\d{4}-\d\d(-\d\d)?", said), f"{name}: no date for {row}"


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_used(name: str) -> None:
    package = Path(envcheck.knowledge.__file__).parent.parent
    sources = "".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    assert f'table("{name}")' in sources
