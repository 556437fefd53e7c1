"""Addresses: where they lead, and as they may be asked for, followed and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from envcheck.errors import IndexTrouble

if TYPE_CHECKING:
    from urllib.parse import SplitResult

PORTS = {"http": 80, "https": 443}


class Route(NamedTuple):
    """Where a connection leads to. ``proxy``: URL of the one in between, or empty."""

    scheme: str
    host: str
    port: int
    proxy: str = ""

    @property
    def netloc(self) -> str:
        """As in ``Host``: without the scheme's own port."""
        return self.host_in_brackets + (f":{self.port}" if self.port != PORTS[self.scheme] else "")

    @property
    def host_in_brackets(self) -> str:
        """As in addresses, where that of an IPv6 address has them."""
        return f"[{self.host}]" if ":" in self.host else self.host


def origin(parts: SplitResult) -> tuple[str, str, int]:
    """(scheme, host, port). Raises ValueError if the port is none."""
    port = parts.port
    return parts.scheme, parts.hostname or "", PORTS.get(parts.scheme, 0) if port is None else port


def shown(url: str) -> str:
    """``url`` fit for a message: without credentials, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def quoted(url: str) -> str:
    """``url`` without fragment, and with only what a request may hold: the rest is quoted."""
    url = url.partition("#")[0]
    if url.isascii() and url.isprintable() and " " not in url:
        return url
    parts = urlsplit(url)
    safe = "!#$%&'()*+,/:;=?@[]~"
    path, query = quote(parts.path, safe), quote(parts.query, safe)
    try:
        netloc = parts.netloc.encode("idna").decode()
    except UnicodeError:
        raise IndexTrouble("trouble", f"{shown(url)} is no address") from None
    return parts._replace(netloc=netloc, path=path, query=query).geturl()


def redirected(url: str, to: str) -> str:
    """Where a redirect leads. Credentials that it names are not taken."""
    where = shown(url)
    try:
        parts = urlsplit(urljoin(url, to))
    except ValueError:
        raise IndexTrouble("trouble", f"{where}: it redirects to what is no address") from None
    if parts.scheme not in ("http", "https"):
        raise IndexTrouble("trouble", f"{where}: it redirects away from the web")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
