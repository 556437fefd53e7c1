"""The command line. A command: one module with ``add_arguments`` and ``run``, one line here."""

from __future__ import annotations

#: name -> (module, one-line summary)
COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("doctor", "say what is wrong with an environment and what mends it"),
    "smoke": ("smoke", "train tiny models in an environment, or run a script of yours there"),
    "matrix": ("matrix", "install and try a package on each Python and operating system"),
    "wheels": ("wheels", "say what releases have wheels for which target, and since when"),
    "why": ("why", "say why a requirement does not install somewhere, and what would help"),
    "facts": ("facts", "observe an environment and write a fact sheet, to be judged anywhere"),
    "diff": ("diff", "say what differs between two environments, what matters first"),
    "explain": ("explain", "say what a code means, why it matters and what mends it"),
    "profile": ("profile", "list, show, check and write profiles: what an environment is for"),
    "list": ("listing", "list checks, families, facts, probes, profiles, reporters or targets"),
    "completion": ("completion", "print a completion script for bash, zsh or tcsh"),
}

#: Commands some of whose answers are kept: see ``answers.py``.
KEEPING = frozenset({"matrix", "why", "wheels"})
