"""The two functions of the Python interface: examine a target, judge its sheet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import envcheck
from envcheck import checks
from envcheck.config import working_directory
from envcheck.evaluate import evaluate
from envcheck.targets import choose
from envcheck.targets.base import TIMEOUT, TIMEOUT_DEEP, AgentRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.model.facts import FactSheet
    from envcheck.model.finding import Report
    from envcheck.model.profile import Profile


def examine(
    *,
    python: str | None = None,
    venv: str | None = None,
    image: str | None = None,
    container: str | None = None,
    ssh: str | None = None,
    facts: str | None = None,
    profiles: Sequence[str] = (),
    deep: bool = False,
    online: bool = False,
    timeout: float = 0.0,
    paths: Mapping[str, str] | None = None,
    modules: Sequence[str] = (),
) -> FactSheet:
    """The fact sheet of one target, as ``envcheck facts``; of the active environment if none is
    named. It is not redacted.

    ``profiles``: as for ``judge``; what they have requirements on is looked at too. ``timeout`` in
    seconds for the whole collection; 0 means 30, with ``deep`` 300. ``paths``: label -> further
    place whose disk matters. ``modules``: import names to import for real, with ``deep``.
    Raises UsageError if two targets are named, TargetError if it cannot be examined, DataError for
    a profile or a saved sheet that cannot be used.
    """
    target = choose(
        python=python, venv=venv, image=image, container=container, ssh=ssh, facts=facts
    )
    request = AgentRequest(
        deep=deep,
        online=online,
        versions=deep,
        smoke=deep,
        timeout=timeout or (TIMEOUT_DEEP if deep else TIMEOUT),
        paths=tuple((paths or {}).items()),
        modules=tuple(modules),
    )
    profile = _profile(profiles)
    return target.start(request if profile is None else request.for_profile(profile)).finish()


def judge(
    sheet: FactSheet,
    *,
    profiles: Sequence[str] = (),
    wants: Sequence[str] = (),
    fail_on: str = "error",
) -> Report:
    """The report on ``sheet``, as ``envcheck doctor``; waivers expire by today's date (UTC).

    ``profiles``: names of shipped ones or TOML files. ``wants``: as ``--want``. ``fail_on``: the
    lowest severity that makes the verdict ``fail``, or ``never``. Raises DataError for a profile
    that cannot be used.
    """
    now = time.gmtime()
    report = evaluate(
        sheet,
        checks.load(),
        profile=_profile(profiles),
        wants=frozenset(wants),
        today=time.strftime("%Y-%m-%d", now),
        fail_on=fail_on,
    )
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    return report._replace(version=envcheck.__version__, created=created)


def _profile(references: Sequence[str]) -> Profile | None:
    if not references:
        return None
    from envcheck.profiles import load

    return load(tuple(references), working_directory())
