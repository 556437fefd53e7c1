"""Where the agent runs and how its facts come back. Adding a target: one module, one line here."""

from __future__ import annotations

#: option of the command line -> (module, what it examines)
TARGETS: dict[str, tuple[str, str]] = {
    "python": ("interpreter", "another interpreter, by path or by a name on PATH"),
}
