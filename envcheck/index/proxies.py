"""Which proxy leads to an address: the configured one, else the environment's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck.config import variable
from envcheck.errors import IndexTrouble

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_NAMES = ("http_proxy", "https_proxy", "all_proxy")


class Proxies:
    """Proxies as URLs. ``configured`` holds for everything, as pip's ``--proxy`` does; else the
    standard library's reading of the environment (and of the system on macOS and Windows) does.
    """

    def __init__(self, configured: str) -> None:
        self._configured = configured
        self._found: dict[str, str] | None = None
        self._known: dict[tuple[str, str], str] = {}

    def proxy(self, parts: SplitResult) -> str:
        """For an address; empty if there is none. Raises IndexTrouble if it is of another kind."""
        key = (parts.scheme, parts.netloc)
        if key not in self._known:
            self._known[key] = _checked(self._configured or self._of_environment(parts))
        return self._known[key]

    def _of_environment(self, parts: SplitResult) -> str:
        if self._found is None:
            self._found = _environment()
        proxy = self._found.get(parts.scheme) or self._found.get("all", "")
        if not proxy:
            return ""
        from urllib.request import proxy_bypass

        return "" if proxy_bypass(parts.netloc.rpartition("@")[2]) else proxy


def _environment() -> dict[str, str]:
    """By scheme. ``urllib.request`` takes long to import, and mostly there is nothing to read."""
    if sys.platform not in ("darwin", "win32"):
        if not any(variable(name) or variable(name.upper()) for name in _NAMES):
            return {}
    from urllib.request import getproxies

    return getproxies()


def _checked(proxy: str) -> str:
    if not proxy:
        return ""
    scheme, mark, _ = proxy.partition("://")
    if not mark:
        return f"http://{proxy}"
    if scheme.lower() not in ("http", "https"):
        raise IndexTrouble(
            "trouble", f"a proxy by {scheme[:20]} cannot be used: only by http and https"
        )
    return proxy
