"""Fact sheets from plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envcheck.model.facts import FactSheet

if TYPE_CHECKING:
    from collections.abc import Mapping


def entry(value: Any) -> dict[str, Any]:
    """A fact as in a document: None is absent, ``{"unknown": REASON}`` unknown."""
    if isinstance(value, dict) and value.keys() == {"unknown"}:
        return {"status": "unknown", "reason": value["unknown"]}
    return {"status": "absent"} if value is None else {"status": "known", "value": value}


def sheet(
    facts: Mapping[str, Any],
    *,
    target: Mapping[str, Any] | None = None,
    agent: Mapping[str, Any] | None = None,
) -> FactSheet:
    """A sheet of these facts; a key that is not given is unknown."""
    return FactSheet(
        {
            "schema": "envcheck.facts/1",
            "agent": agent or {"status": "ok"},
            "target": target or {"kind": "python", "name": "python"},
            "facts": {key: entry(value) for key, value in facts.items()},
        }
    )
