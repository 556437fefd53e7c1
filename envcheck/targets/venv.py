"""A virtual or conda environment by its directory, also one whose interpreter does not start."""

from __future__ import annotations

import os

from envcheck.errors import TargetError
from envcheck.targets.interpreter import Interpreter

#: Where an environment's interpreter is: POSIX, Windows, conda on Windows.
INTERPRETERS = ("bin/python", "bin/python3", "Scripts/python.exe", "bin/pypy3", "python.exe")


def target(value: str, _python: str = "") -> Interpreter:
    """The environment in the directory ``value``. Raises TargetError if there is none."""
    folder = os.path.abspath(os.path.expanduser(value))
    if not os.path.isdir(folder):
        raise TargetError(f"cannot examine {value}: there is no such directory")
    if not is_environment(folder):
        inside = [name for name in (".venv", "venv") if is_environment(os.path.join(folder, name))]
        raise TargetError(
            f"cannot examine {value}: it is no Python environment",
            context=("it has neither pyvenv.cfg, conda-meta nor an interpreter in bin",),
            hint=f"did you mean {os.path.join(value, inside[0])}?" if inside else "",
        )
    return environment(folder, chosen_by="--venv")


def environment(folder: str, *, chosen_by: str) -> Interpreter:
    """The environment in ``folder``, which need not have an interpreter that starts."""
    kind = "conda" if os.path.isdir(os.path.join(folder, "conda-meta")) else "venv"
    executable = find_interpreter(folder) or os.path.join(folder, "bin", "python")
    return Interpreter(executable, chosen_by=chosen_by, kind=kind, environment=folder)


def is_environment(folder: str) -> bool:
    """Whether it looks like one, its interpreter gone or not."""
    marks = ("pyvenv.cfg", "conda-meta")
    return any(os.path.exists(os.path.join(folder, mark)) for mark in marks) or bool(
        find_interpreter(folder)
    )


def find_interpreter(folder: str) -> str:
    """Its interpreter, a dangling link included; empty if there is none."""
    for name in INTERPRETERS:
        file = os.path.join(folder, *name.split("/"))
        if os.path.lexists(file):
            return file
    return ""
