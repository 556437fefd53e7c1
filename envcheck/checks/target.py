"""PY: whether what was examined is what is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.model.finding import Finding, Remedy, fail

if TYPE_CHECKING:
    from collections.abc import Iterator


def found(context: Context) -> Iterator[Finding]:
    """No environment was found but the one that envcheck itself is installed in.

    ## Why it matters
    pipx, uv and the like make an environment for one program alone. What is installed there says
    nothing about where torch is, so everything about distributions stays open.

    ## Causes
    No environment is active, there is no `.venv` in the project, and no `python3` on PATH.

    ## Remedy
    Activate the environment, or name it with `--python` or `--venv`.

    ## Sources
    The documentation of pipx and of `uv tool`.
    """
    target = context.facts.target
    if target.get("kind") not in ("python", "venv", "conda"):
        raise NotApplicable("the target was named")
    if target.get("own_tool_environment") is True:
        yield fail(
            "no environment was found to examine",
            detail="There is only the one that was made for envcheck itself.",
            evidence=context.evidence("interpreter.prefix"),
            remedy=Remedy(
                "Activate the environment that is meant, or name it",
                ("envcheck doctor --venv .venv",),
            ),
        )


CHECKS = (Check("PY010", "an environment was found to examine", "warning", found),)
