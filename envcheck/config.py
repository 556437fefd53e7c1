"""Settings and the environment: the one place of host code that reads ``os.environ``."""

from __future__ import annotations

import os
import sys


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
