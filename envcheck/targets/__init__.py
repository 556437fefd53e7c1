"""Where the agent runs and how its facts come back. Adding a target: one module, one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.targets.base import Target

#: option of the command line -> (module, what it examines)
TARGETS: dict[str, tuple[str, str]] = {
    "python": ("interpreter", "another interpreter, by path or by a name on PATH"),
}


def choose(
    *,
    python: str | None = None,
    venv: str | None = None,
    image: str | None = None,
    container: str | None = None,
    ssh: str | None = None,
    facts: str | None = None,
) -> Target:
    """The target that was named, else the active environment.

    Raises UsageError or TargetError if it cannot be found.
    """
    from envcheck.targets.interpreter import Interpreter, this_interpreter

    return Interpreter(python, chosen_by="--python") if python else this_interpreter()
