"""PY: the interpreter and its environment."""

from __future__ import annotations

from collections.abc import Iterator

from envcheck.checks.base import Check, Context
from envcheck.model.finding import Finding, Remedy, fail


def agent_runs(context: Context) -> Iterator[Finding]:
    """The interpreter is too old for envcheck to look inside.

    ## Why it matters
    Below Python 3.7 only the version is reported; every other fact is unknown.

    ## Causes
    A system Python, an old image, a virtual environment from years ago.

    ## Remedy
    Make an environment with a supported Python.

    ## Sources
    Python's release schedule, PEP 602.
    """
    agent = context.facts.agent
    if agent.get("status") == "unsupported":
        version = context.get("interpreter.version", "unknown")
        yield fail(
            f"Python {version} is too old to be examined",
            detail=str(agent.get("reason", "")),
            evidence=context.evidence("interpreter.version", "interpreter.executable"),
            remedy=Remedy("Make a virtual environment with Python 3.11 or newer"),
            required=True,
        )


CHECKS = (
    Check("PY001", "the interpreter can be examined", "error", agent_runs),
)
