"""Holding a fact sheet from elsewhere to what its facts are declared to be.

Checks trust the types of the facts that they read. What a file says instead becomes *unknown*: the
sheet may be from another version of envcheck, or from somebody's editor.
"""

from __future__ import annotations

from typing import Any

from envcheck.schemas import fields


def conform(document: dict[str, Any]) -> dict[str, Any]:
    """The sheet with every known fact of the wrong type made unknown; the original is not changed.

    Facts that this envcheck does not know are kept: nothing here reads them.
    """
    facts = document.get("facts")
    if not isinstance(facts, dict):
        return document
    declared = fields()
    return {**document, "facts": {key: _held(facts[key], declared.get(key)) for key in facts}}


def _held(entry: Any, declared: Any) -> Any:
    if declared is None or not isinstance(entry, dict) or entry.get("status") != "known":
        return entry
    wrong = mismatch(entry.get("value"), declared)
    if not wrong:
        return entry
    held = {"status": "unknown", "reason": f"the sheet does not have what belongs there: {wrong}"}
    if isinstance(entry.get("source"), str):
        held["source"] = entry["source"]
    return held


def mismatch(value: Any, declared: Any) -> str:
    """Why ``value`` is not of the declared type, in a sentence; empty if it is.

    ``declared`` is a word (``integer`` …), or for a record a table of words by field, or a list of
    one such table for records. A record's field may be null: not observed for that one.
    """
    if isinstance(declared, list):
        return _each(value, declared[0])
    if isinstance(declared, dict):
        return _record(value, declared)
    if declared == "strings":
        return _each(value, "string")
    kind = _kind(value)
    fits = kind == declared or (declared == "number" and kind == "integer")
    return "" if fits else f"{_an(kind)}, not {_an(declared)}"


def _each(value: Any, declared: Any) -> str:
    if not isinstance(value, list):
        return f"{_an(_kind(value))}, not a list"
    for number, item in enumerate(value, 1):
        if wrong := mismatch(item, declared):
            return f"item {number} of {len(value)}: {wrong}"
    return ""


def _record(value: Any, declared: dict[str, Any]) -> str:
    if not isinstance(value, dict):
        return f"{_an(_kind(value))}, not a record"
    for name, kind in declared.items():
        member = value.get(name)
        if member is not None and (wrong := mismatch(member, kind)):
            return f"its {name} is {wrong}"
    return ""


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "number" if value - value == 0 else "infinite number"
    names = {int: "integer", str: "string", dict: "map", list: "list", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _an(kind: str) -> str:
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"
