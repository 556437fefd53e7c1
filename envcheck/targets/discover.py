"""Which environment is meant when none is named. A few ``stat`` calls, no child process.

envcheck is often installed for itself, by pipx or uv, while torch is elsewhere: its own environment
is then never the answer as long as there is another.
"""

from __future__ import annotations

import os
import sys

from envcheck.config import variable
from envcheck.targets import search, venv
from envcheck.targets.interpreter import Interpreter, around, this_interpreter


def default() -> Interpreter:
    """The active environment; ``chosen_by`` says why it is this one."""
    extended = _extended(sys.prefix)
    if extended:
        return venv.environment(extended, chosen_by="uv run")
    tool = tool_environment(sys.prefix)
    if not tool:
        return (not _asked_for() and _named_by("VIRTUAL_ENV")) or this_interpreter()
    gone = _gone("VIRTUAL_ENV") or _gone("CONDA_PREFIX")
    found = _named_by("VIRTUAL_ENV") or _named_by("CONDA_PREFIX") or _in_project() or _on_path()
    if found is None:
        found = this_interpreter()
        found.own_tool = True
        found.chosen_by = f"no other was found than envcheck's own, made by {tool}"
    found.chosen_by += gone
    return found


def tool_environment(prefix: str) -> str:
    """Which tool made this environment for one program; empty if it is an ordinary one.

    pipx: its metadata file, or its directories; ``uv tool``: its receipt; ``uvx``: an entry of the
    cache; pre-commit: its repositories.
    """
    if os.path.exists(os.path.join(prefix, "pipx_metadata.json")):
        return "pipx"
    if os.path.exists(os.path.join(prefix, "uv-receipt.toml")):
        return "uv tool"
    path = os.path.realpath(prefix).replace(os.sep, "/")
    for tool, mark in (
        ("pipx", "/pipx/venvs/"),
        ("pipx run", "/pipx/.cache/"),
        ("pipx run", "/.cache/pipx/"),
        ("uvx", "/archive-v"),
        ("uvx", "/uv/cache/environments-v"),
        ("pre-commit", "/pre-commit/repo"),
    ):
        if mark in path:
            return tool
    return ""


def _extended(prefix: str) -> str:
    """The environment on which ``uv run --with`` put a temporary one; empty if it is none."""
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            lines = file.read(4096).splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "extends-environment" and os.path.isdir(value.strip()):
            return value.strip()
    return ""


def _asked_for() -> bool:
    """Whether envcheck was started as ``PYTHON -m envcheck``: that interpreter is meant."""
    words = sys.orig_argv[1:]
    return "-m" in words and words[words.index("-m") + 1 :][:1] == ["envcheck"]


def _named_by(name: str) -> Interpreter | None:
    """The environment that a variable names, unless it is envcheck's own."""
    folder = variable(name)
    if not folder or _same(folder, sys.prefix) or not venv.is_environment(folder):
        return None
    return venv.environment(folder, chosen_by=name)


def _gone(name: str) -> str:
    folder = variable(name)
    if folder and not venv.is_environment(folder):
        return f" ({name} names {folder}, where there is none)"
    return ""


def _in_project() -> Interpreter | None:
    """``.venv`` or ``venv`` here or above, up to the project's root; not somebody else's."""
    try:
        folder = os.getcwd()
    except OSError:
        return None
    home = os.path.expanduser("~")
    while True:
        for name in (".venv", "venv"):
            candidate = os.path.join(folder, name)
            if os.path.exists(os.path.join(candidate, "pyvenv.cfg")) and _trusted(candidate):
                return venv.environment(
                    candidate, chosen_by=f"./{name}, in or above this directory"
                )
        above = os.path.dirname(folder)
        if folder in (above, home) or os.path.exists(os.path.join(folder, ".git")):
            return None
        folder = above


def _on_path() -> Interpreter | None:
    """The first ``python3`` or ``python`` on PATH that is not envcheck's own."""
    own = os.path.realpath(os.path.dirname(sys.executable))
    for name in ("python3", "python"):
        for file in search.on_path(name):
            if os.path.realpath(os.path.dirname(file)) != own:
                return around(file, chosen_by=f"{name} on PATH")
    return None


def _trusted(folder: str) -> bool:
    """Whether its owner is this user or root: its interpreter will be run."""
    return sys.platform == "win32" or os.stat(folder).st_uid in (0, os.geteuid())


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
