"""Settings and the environment: the one place of host code that reads ``os.environ``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from envcheck.model.profile import WaiverEntry


def variable(name: str) -> str:
    """An environment variable, empty if unset."""
    return os.environ.get(name, "")


def cache_dir() -> str:
    """Where envcheck keeps what it can make again: ``ENVCHECK_CACHE_DIR``, else the user's cache."""
    chosen = variable("ENVCHECK_CACHE_DIR")
    if chosen:
        return chosen
    if sys.platform == "win32":
        return os.path.join(variable("LOCALAPPDATA") or os.path.expanduser("~"), "envcheck", "cache")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches/envcheck")
    base = variable("XDG_CACHE_HOME")
    if not os.path.isabs(base):  # the XDG specification: relative paths are to be ignored
        base = os.path.expanduser("~/.cache")
    return os.path.join(base, "envcheck")


def identity() -> tuple[str, str, str]:
    """Home directory, user name and host name of this process: what ``redact`` hides."""
    home = os.path.expanduser("~")
    user = variable("USER") or variable("LOGNAME") or variable("USERNAME")
    host = os.uname().nodename if hasattr(os, "uname") else variable("COMPUTERNAME")
    return ("" if home == "~" else home), user, host


class Settings(NamedTuple):
    """What holds for one command, from all sources."""

    profile: tuple[str, ...] = ()
    fail_on: str = "error"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    color: str = "auto"
    want: tuple[str, ...] = ()
    timeout: float = 0.0
    paths: tuple[tuple[str, str], ...] = ()
    waivers: tuple[WaiverEntry, ...] = ()


def resolve(command_line: Mapping[str, Any], cwd: str) -> Settings:
    """Settings as default < ``[tool.envcheck]`` < ``ENVCHECK_*`` < command line."""
    lists = ("profile", "select", "ignore", "report", "want")
    said = {name: tuple(v) if name in lists else v for name, v in command_line.items()}
    return Settings(**said)
