"""The command line. Adding a command: a module with ``add_arguments`` and ``run``, one line here."""

from __future__ import annotations

#: name -> (module, one-line summary)
COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("doctor", "say what is wrong with an environment and what mends it"),
}
