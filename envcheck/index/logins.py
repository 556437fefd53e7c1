"""Credentials by origin: of addresses, and of netrc. None ever goes to another origin."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from envcheck.config import variable
from envcheck.index.addresses import origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from netrc import netrc


class Logins:
    """What this process was given, and what netrc says. Each is the value of a header."""

    def __init__(self) -> None:
        self._known: list[tuple[str, str]] = []  # address's beginning, header
        self._netrc: netrc | None = None
        self._read = False

    def learn(self, url: str) -> str:
        """``url`` without credentials; what it held is used for what lies at the same origin."""
        parts = urlsplit(url)
        if "@" not in parts.netloc:
            return url
        login, _, host = parts.netloc.rpartition("@")
        bare = parts._replace(netloc=host).geturl()
        known = (bare, basic(login))
        if known not in self._known:
            self._known.append(known)
        return bare

    def header(self, url: str, before: Sequence[str] = ()) -> str:
        """``Authorization`` for ``url``, empty if there is none: that of the longest address that
        it is below, else of its origin, else netrc's for its host.

        netrc knows neither schemes nor ports: who was redirected (``before``: from where) to
        another of them on one host, or away from https, does not take netrc's along.
        """
        here = origin(urlsplit(url))
        if self._known:
            same = [pair for pair in self._known if origin(urlsplit(pair[0])) == here]
            if same:
                return max(same, key=lambda pair: len(pair[0]) * url.startswith(pair[0]))[1]
        for earlier in before:
            scheme, host, _ = there = origin(urlsplit(earlier))
            if there != here and (host == here[1] or (scheme == "https" != here[0])):
                return ""
        return self._of_netrc(here[1])

    def _of_netrc(self, host: str) -> str:
        if not self._read:
            self._netrc, self._read = _netrc(), True
        found = self._netrc.authenticators(host) if self._netrc else None
        if not found:
            return ""
        return _header((found[0] or found[1] or "").encode(), (found[2] or "").encode())


def basic(login: str) -> str:
    """The header of ``user:password`` as an address has it, in UTF-8 (RFC 7617)."""
    user, _, password = login.partition(":")
    return _header(unquote(user).encode(), unquote(password).encode())


def proxy_authorization(proxy: str) -> dict[str, str]:
    """Headers for a proxy, with the credentials of its URL."""
    login = urlsplit(proxy).netloc.rpartition("@")[0]
    return {"Proxy-Authorization": basic(login)} if login else {}


def _header(user: bytes, password: bytes) -> str:
    from base64 import b64encode

    return f"Basic {b64encode(user + b':' + password).decode()}"


def _netrc() -> netrc | None:
    """The first that there is, as curl and pip have it: `NETRC`, `~/.netrc`, `~/_netrc`."""
    places = [variable("NETRC")] if variable("NETRC") else ["~/.netrc", "~/_netrc"]
    for place in places:
        path = os.path.expanduser(place)
        if os.path.exists(path):
            from netrc import NetrcParseError, netrc

            try:
                return netrc(path)
            except (NetrcParseError, OSError, UnicodeError):
                return None
    return None
