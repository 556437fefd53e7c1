"""Judging literal facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from envcheck import checks
from envcheck.checks.base import Context
from envcheck.evaluate import judge
from envcheck.model.facts import FactSheet
from envcheck.model.finding import Finding

#: a fact that could not be observed
UNKNOWN = object()
Judged = Callable[..., list[Finding]]


def entry(value: Any) -> dict[str, Any]:
    if value is UNKNOWN:
        return {"status": "unknown", "reason": "it was not to be seen"}
    return {"status": "absent"} if value is None else {"status": "known", "value": value}


@pytest.fixture
def judged() -> Judged:
    """``judged(CODE, {key: value}, profile=TOML)``: the findings of one check.

    A value of None is an absent fact; a key that is not given is unknown.
    """

    def run(
        code: str,
        facts: Mapping[str, Any],
        *,
        profile: str = "",
        target: Mapping[str, Any] | None = None,
        agent: Mapping[str, Any] | None = None,
        today: str = "2026-11-20",
        wants: frozenset[str] = frozenset(),
    ) -> list[Finding]:
        document = {
            "schema": "envcheck.facts/1",
            "agent": agent or {"status": "ok"},
            "target": target or {"kind": "python", "name": "python"},
            "facts": {key: entry(value) for key, value in facts.items()},
        }
        loaded = None
        if profile:
            from envcheck import profiles

            loaded = profiles.loads('name = "test"\n' + profile)
        (check,) = [check for check in checks.load() if check.code == code]
        context = Context(FactSheet(document), loaded, wants=wants, today=today)
        return judge(check, context)

    return run
