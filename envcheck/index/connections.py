"""Connections to indexes: made through proxies and TLS, kept alive, limited for each host."""

from __future__ import annotations

import ssl
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from envcheck.errors import IndexTrouble
from envcheck.index.addresses import PORTS
from envcheck.index.line import Line
from envcheck.index.logins import proxy_authorization
from envcheck.index.names import connected
from envcheck.index.patience import Again
from envcheck.index.trust import Trust

if TYPE_CHECKING:
    from envcheck.index.addresses import Route
    from envcheck.index.patience import Patience
    from envcheck.index.sources import Network


class Connections:
    """Those of one client. Used by threads."""

    def __init__(self, network: Network, patience: Patience) -> None:
        self._patience = patience
        self._trust = Trust(network)
        self._idle: dict[Route, list[Line]] = {}
        self._count: dict[Route, int] = {}
        self._lines: set[Line] = set()
        self._closed = False
        self._changed = threading.Condition()

    def take(self, route: Route, *, fresh: bool = False) -> Line:
        """A connection for the caller alone, to be given back or dropped; a new one if ``fresh``.

        Waits while there are as many as there may be. Raises Again, IndexTrouble, OSError.
        """
        with self._changed:
            while True:
                if self._closed:
                    raise Again("it was ended")
                idle = self._idle.get(route)
                if idle and not fresh:
                    return idle.pop()
                if idle:
                    self._forget(idle.pop())
                if self._count.get(route, 0) < self._patience.connections:
                    break
                self._changed.wait()
            self._count[route] = self._count.get(route, 0) + 1
        try:
            return self._made(route)
        except BaseException:
            with self._changed:
                self._count[route] -= 1
                self._changed.notify()
            raise

    def give(self, line: Line) -> None:
        """Keep it for another request."""
        with self._changed:
            self._idle.setdefault(line.route, []).append(line)
            self._changed.notify_all()
        if self._closed:
            self.drop(line)

    def drop(self, line: Line) -> None:
        """Close it; it may not be used again."""
        with self._changed:
            self._forget(line)
            self._changed.notify_all()

    def close(self) -> None:
        """Close all that are idle, interrupt the others, and make no new ones."""
        with self._changed:
            self._closed = True
            lines = list(self._lines)
            for idle in self._idle.values():
                while idle:
                    self._forget(idle.pop())
            self._changed.notify_all()
        for line in lines:
            line.interrupt()

    def _forget(self, line: Line) -> None:
        if line in self._lines:
            self._lines.discard(line)
            self._count[line.route] -= 1
            line.close()

    def _made(self, route: Route) -> Line:
        try:
            line = self._dialled(route)
        except ssl.SSLCertVerificationError:
            if not self._trust.widen():
                raise
            line = self._dialled(route)
        with self._changed:
            self._lines.add(line)
            if self._closed:
                line.interrupt()
        return line

    def _dialled(self, route: Route) -> Line:
        proxy = urlsplit(route.proxy)
        host, port = route.host, route.port
        if route.proxy:
            host, port = proxy.hostname or "", proxy.port or PORTS.get(proxy.scheme.lower(), 80)
        try:
            plain = connected(host, port, self._patience.connect)
        except OSError as error:
            if route.proxy and not isinstance(error, TimeoutError):
                raise Again("the proxy does not answer") from error
            raise
        line = Line(plain, route, self._patience.read)
        try:
            if proxy.scheme.lower() == "https":
                line.secure(self._trust.context(host, port), host, self._patience.connect)
            if route.scheme == "https":
                if route.proxy:
                    _tunnel(line, self._patience.read)
                context = self._trust.context(route.host, route.port)
                line.secure(context, route.host, self._patience.connect)
        except BaseException:
            line.close()
            raise
        line.used = False
        return line


def _tunnel(line: Line, seconds: float) -> None:
    """Have the proxy connect us with where the route leads. Raises Again, IndexTrouble."""
    route = line.route
    target = f"{route.host_in_brackets}:{route.port}"
    headers = proxy_authorization(route.proxy)
    answer = line.ask("CONNECT", target, headers, time.monotonic() + seconds)
    if answer.status == 407:
        raise IndexTrouble("denied", "the proxy wants other credentials (407)")
    if answer.status >= 300:
        raise Again(f"the proxy answers {answer.status}")
