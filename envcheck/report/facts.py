"""Facts as short text, for people."""

from __future__ import annotations

from envcheck.report.printable import line, shorten
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.facts import FactSheet


def short(value: object, limit: int = 200) -> str:
    """A fact's value on one line; lists of records are counted."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "null"
    if isinstance(value, list):
        if any(isinstance(item, (dict, list)) for item in value):
            return f"{len(value)} record{'' if len(value) == 1 else 's'}"
        value = ", ".join(line(item) for item in value) or "none"
    elif isinstance(value, dict):
        value = ", ".join(f"{line(key)}: {short(item, 40)}" for key, item in value.items())
        value = f"{{{value}}}"
    return shorten(line(value), limit)


def fact_lines(sheet: FactSheet) -> Iterator[tuple[str, str]]:
    """Every fact as (``key = ``, text): its value, that it is absent, or why it is unknown."""
    for key in sheet:
        fact = sheet.fact(key)
        text = short(fact.value) if fact.known else fact.status
        if fact.status == "unknown":
            text = f"unknown: {line(fact.reason)}"
        where = f"  ({line(fact.source)})" if fact.source else ""
        yield f"{line(key)} = ", text + where
