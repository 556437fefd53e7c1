"""Judging literal facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sheets import sheet

from envcheck import checks
from envcheck.checks.base import Context
from envcheck.evaluate import judge
from envcheck.model.finding import Finding

Judged = Callable[..., list[Finding]]


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
        given = sheet(facts, target=target, agent=agent)
        loaded = None
        if profile:
            from envcheck import profiles

            loaded = profiles.loads('name = "test"\n' + profile)
        (check,) = [check for check in checks.load() if check.code == code]
        context = Context(given, loaded, wants=wants, today=today)
        return judge(check, context)

    return run
