"""Connections to indexes: made through proxies and TLS, kept alive, so many to a host and no more.

The standard library reads what comes (``http.client.HTTPResponse``); what is sent is a few lines.
urllib3 does all of this, too: importing it takes 50 ms of CPU instead of 20, and each request 0.5
instead of 0.25, of the 150 that a verdict in a second needs.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from contextlib import suppress
from http.client import HTTPResponse, RemoteDisconnected
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from envcheck.errors import IndexTrouble
from envcheck.index.logins import PORTS, basic
from envcheck.index.patience import Again
from envcheck.index.trust import Trust

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from envcheck.index.patience import Patience
    from envcheck.index.sources import Network

_BUFFER = 1 << 15
_NAME_LIFE, _NO_NAME_LIFE = 60.0, 1.0  # seconds for which a name's addresses, or none, are known


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


class Line:
    """One connection. ``deadline``: when the next byte must have come, by the monotonic clock."""

    def __init__(self, plain: socket.socket, route: Route, read: float) -> None:
        self.route = route
        self.used = False
        self.deadline = 0.0
        self._plain = plain
        self._read = read
        self._timeout = -1.0
        self._secure = self._ended = False
        self.stream: Any = plain  # what is spoken over: a socket, or TLS over it

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], deadline: float
    ) -> HTTPResponse:
        """Send a request and read the head of its answer, until ``deadline`` at the latest.

        Raises OSError, HTTPException.
        """
        self.deadline = deadline
        self._wait()
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.route.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a header of two lines")
        self.stream.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answer = HTTPResponse(self, method=method)  # type: ignore[arg-type]
        answer.begin()
        if self._ended:  # there was nothing more where the head had no end
            raise RemoteDisconnected("half a head")
        self.used = True
        return answer

    def secure(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """TLS from here on, over what there is. Raises OSError."""
        if not self._secure:
            self._plain.settimeout(seconds)  # of the handshake as a whole
            self._plain = self.stream = context.wrap_socket(self._plain, server_hostname=host)
            self._secure = True
        else:
            from urllib3.util.ssltransport import SSLTransport  # rare: to a proxy by TLS, too

            self.stream = SSLTransport(self._plain, context, server_hostname=host)

    def makefile(self, mode: str) -> io.BufferedReader:
        """What comes, for ``HTTPResponse``; closing it leaves the connection as it is."""
        assert mode == "rb"
        return io.BufferedReader(_Incoming(self), _BUFFER)

    def receive(self, buffer: memoryview) -> int:
        """Some bytes of what comes. Raises OSError, TimeoutError."""
        self._wait()
        count = int(self.stream.recv_into(buffer))
        self._ended = not count
        return count

    def interrupt(self) -> None:
        """Whoever waits for something to come or go gets an error now."""
        with suppress(OSError):
            socket.socket.shutdown(self._plain, socket.SHUT_RDWR)  # not TLS's, which is not safe

    def close(self) -> None:
        """At once, without farewell."""
        with suppress(OSError):
            self.stream.close()
        with suppress(OSError):
            self._plain.close()

    def __del__(self) -> None:
        self.close()

    def _wait(self) -> None:
        left = min(self._read, self.deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError("timed out")
        if left != self._timeout:
            self.stream.settimeout(left)
            self._timeout = left


class _Incoming(io.RawIOBase):
    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._line.receive(buffer)


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
        import ssl

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
            plain = _connected(host, port, self._patience.connect)
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


def authorization_of(proxy: str) -> dict[str, str]:
    """Headers for a proxy, with the credentials of its URL."""
    login = urlsplit(proxy).netloc.rpartition("@")[0]
    return {"Proxy-Authorization": basic(login)} if login else {}


def _tunnel(line: Line, seconds: float) -> None:
    """Have the proxy connect us with where the route leads. Raises Again, IndexTrouble."""
    route = line.route
    target = f"{route.host_in_brackets}:{route.port}"
    headers = authorization_of(route.proxy)
    answer = line.ask("CONNECT", target, headers, time.monotonic() + seconds)
    if answer.status == 407:
        raise IndexTrouble("denied", "the proxy wants other credentials (407)")
    if answer.status >= 300:
        raise Again(f"the proxy answers {answer.status}")


def _connected(host: str, port: int, seconds: float) -> socket.socket:
    """A socket that is connected within ``seconds``. Raises OSError, Again."""
    end = time.monotonic() + seconds
    problem: OSError | None = None
    for family, address in _NAMES.addresses(host, port):
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(max(0.1, end - time.monotonic()))
            plain.connect(address)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _NAMES.good(host, port, address)
            return plain
        except OSError as error:
            plain.close()
            problem = error
    if isinstance(problem, TimeoutError):
        raise Again("no connection in time") from problem
    raise problem or OSError("it has no address")


class _Names:
    """Addresses of hosts, looked up once in a while, by one thread: a resolver that many ask at
    once may lose questions, which are asked again after 5 seconds.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, list[Any] | OSError]] = {}
        self._locks: dict[tuple[str, int], threading.Lock] = {}

    def addresses(self, host: str, port: int) -> list[tuple[int, Any]]:
        """(family, address) of each. Raises OSError."""
        key = (host, port)
        with self._locks.setdefault(key, threading.Lock()):
            until, found = self._known.get(key, (0.0, []))
            if until < time.monotonic():
                try:
                    asked = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                    found = [(one[0], one[4]) for one in asked]
                except (OSError, ValueError) as error:  # the latter for what cannot be a name
                    found = error if isinstance(error, OSError) else OSError("it is no name")
                life = _NO_NAME_LIFE if isinstance(found, OSError) else _NAME_LIFE
                self._known[key] = (time.monotonic() + life, found)
        if isinstance(found, OSError):
            raise type(found)(*found.args)  # each of those who asked gets its own
        return found

    def good(self, host: str, port: int, address: object) -> None:
        """It answered: try it first from now on."""
        until, found = self._known.get((host, port), (0.0, []))
        if isinstance(found, list) and found and found[0][1] != address:
            best = [one for one in found if one[1] == address]
            rest = [one for one in found if one[1] != address]
            self._known[(host, port)] = (until, [*best, *rest])


_NAMES = _Names()
