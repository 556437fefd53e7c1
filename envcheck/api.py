"""The two functions of the Python interface: examine a target, judge its sheet."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import envcheck
from envcheck import checks
from envcheck.evaluate import evaluate
from envcheck.targets import choose
from envcheck.targets.base import AgentRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.facts import FactSheet
    from envcheck.model.finding import Report


def examine(
    *,
    python: str | None = None,
    venv: str | None = None,
    image: str | None = None,
    container: str | None = None,
    ssh: str | None = None,
    facts: str | None = None,
    deep: bool = False,
    online: bool = False,
    timeout: float = 0.0,
) -> FactSheet:
    """The fact sheet of one target; of the active environment if none is named.

    ``timeout`` in seconds for the whole collection; 0 means 30, with ``deep`` 300.
    Raises UsageError if two targets are named, TargetError if it cannot be examined.
    """
    target = choose(
        python=python, venv=venv, image=image, container=container, ssh=ssh, facts=facts
    )
    seconds = timeout or (300.0 if deep else 30.0)
    request = AgentRequest(deep=deep, online=online, versions=deep, timeout=seconds)
    return target.start(request).finish()


def judge(
    sheet: FactSheet,
    *,
    profiles: Sequence[str] = (),
    wants: Sequence[str] = (),
    fail_on: str = "error",
) -> Report:
    """Judge ``sheet`` against ``profiles``: names or TOML files. Raises DataError."""
    profile = None
    if profiles:
        from envcheck.profiles import load

        profile = load(tuple(profiles), os.getcwd())
    now = time.gmtime()
    report = evaluate(
        sheet,
        checks.load(),
        profile=profile,
        wants=frozenset(wants),
        today=time.strftime("%Y-%m-%d", now),
        fail_on=fail_on,
    )
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    return report._replace(version=envcheck.__version__, created=created)
