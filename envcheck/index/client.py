"""HTTP to an index: credentials by origin, redirects, deadlines, retries.

The only code that speaks to the network. Addresses in messages are without credentials and query.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from envcheck import __version__
from envcheck.errors import IndexTrouble
from envcheck.index.addresses import Route, origin, quoted, redirected, shown
from envcheck.index.logins import Logins, proxy_authorization
from envcheck.index.patience import PATIENCE, Again, Patience
from envcheck.index.proxies import Proxies
from envcheck.index.response import Response, check, decoded, pieces

__all__ = ["PATIENCE", "Again", "Client", "Patience", "Response", "check", "pieces", "shown"]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from http.client import HTTPResponse
    from typing import TypeVar

    from envcheck.index.connections import Connections
    from envcheck.index.line import Line
    from envcheck.index.sources import Network

    Result = TypeVar("Result")

_REDIRECTS = 10
_HEADERS = {"User-Agent": f"envcheck/{__version__}", "Accept-Encoding": "gzip"}
_NEVER = float("inf")


class Client:
    """Shared by threads. ``stopped``: no new request is made, and those that wait give up.

    ``requests``: how many were made, redirects not counted.
    """

    def __init__(self, network: Network, patience: Patience = PATIENCE) -> None:
        self.patience = patience
        self.stopped = threading.Event()
        self.requests = 0
        self._logins = Logins()
        self._proxies = Proxies(network.proxy)
        self._network = network
        self._made: Connections | None = None
        self._lock = threading.Lock()

    def learn(self, url: str) -> str:
        """``url`` without credentials; what it held is used for what lies at the same origin."""
        return self._logins.learn(url)

    def open(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        deadline: float = _NEVER,
    ) -> Response:
        """One request, its body not read yet: redirects are followed, to the web only, and with
        the credentials of where they lead. ``deadline``: by the monotonic clock, for the body, too.

        Raises Again, IndexTrouble, OSError, HTTPException.
        """
        self.requests += 1
        before: list[str] = []
        while True:
            response = self._ask(method, quoted(url), headers or {}, deadline, before)
            to = response.headers.get("Location", "")
            if response.status_code not in (301, 302, 303, 307, 308) or not to:
                return response
            response.close()
            before.append(url)
            if len(before) > _REDIRECTS:
                raise IndexTrouble("trouble", f"{shown(before[0])}: it redirects without end")
            url = redirected(url, to)

    def page(
        self, url: str, headers: Mapping[str, str], longest: int = 0
    ) -> tuple[Response, bytes]:
        """The answer to a request and its whole body, asked for until it comes.

        Raises IndexTrouble; also for what is 4xx. 304 is an answer. ``longest``: of what may have
        so many bytes only; more is ``unfit``.
        """
        deadline = time.monotonic() + self.patience.whole
        return self.insist(url, lambda: self._page(url, headers, deadline, longest), deadline)

    def _page(
        self, url: str, headers: Mapping[str, str], deadline: float, longest: int
    ) -> tuple[Response, bytes]:
        with self.open(url, headers=headers, deadline=deadline) as response:
            check(response)
            body = bytearray()
            encoding = response.headers.get("Content-Encoding", "")
            for piece in decoded(pieces(response, self.patience), encoding):
                body += piece
                if len(body) > (longest or self.patience.page):
                    limit = f"{longest or self.patience.page:,} bytes"
                    kind = "unfit" if longest else "trouble"
                    raise IndexTrouble(kind, f"{shown(url)}: it is longer than {limit}")
            return response, bytes(body)

    def insist(self, url: str, attempt: Callable[[], Result], deadline: float = _NEVER) -> Result:
        """``attempt`` until it succeeds, with pauses in between, and no more after ``deadline``.

        Raises IndexTrouble at the end.
        """
        reason = ""
        pause = self.patience.backoff
        number = 0
        while number < self.patience.attempts:
            if number and (self.stopped.wait(pause) or time.monotonic() > deadline):
                break
            number += 1
            try:
                return attempt()
            except Again as again:
                reason = again.reason
                pause = max(pause * 2, min(again.after, self.patience.longest))
            except Exception as error:
                from envcheck.index import faults

                reason, passes = faults.reason(error)
                pause *= 2
                if not passes:
                    break
        times = f", {number} times" if number > 1 else ""
        said = "it was ended" if self.stopped.is_set() else f"{reason}{times}"
        raise IndexTrouble("trouble", f"{shown(url)}: {said}")

    def close(self) -> None:
        """Give up what is waited for, and the connections."""
        self.stopped.set()
        with self._lock:
            if self._made:
                self._made.close()

    @property
    def _connections(self) -> Connections:
        """Made with the first request: who makes none need not import what it takes."""
        with self._lock:
            if self._made is None:
                from envcheck.index.connections import Connections

                self._made = Connections(self._network, self.patience)
                if self.stopped.is_set():
                    self._made.close()
            return self._made

    def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        deadline: float,
        before: list[str],
    ) -> Response:
        try:
            parts = urlsplit(url)
            route = Route(*origin(parts), self._proxies.proxy(parts))
            login = self._logins.header(url, before)
        except ValueError as error:
            raise IndexTrouble("trouble", f"{shown(url)} is no address") from error
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = {**_HEADERS, **({"Authorization": login} if login else {}), **headers}
        if route.proxy and route.scheme == "http":
            target = f"http://{route.netloc}{target}"
            named |= proxy_authorization(route.proxy)
        connections = self._connections
        line, answer = self._answer(connections, route, method, target, named, deadline)
        return Response(answer, url, line, connections, deadline)

    def _answer(
        self,
        connections: Connections,
        route: Route,
        method: str,
        target: str,
        headers: Mapping[str, str],
        deadline: float,
    ) -> tuple[Line, HTTPResponse]:
        """On a connection that is there, which may have been closed while nobody used it: then on
        a new one.
        """
        fresh = False
        while True:
            line = connections.take(route, fresh=fresh)
            used = line.used
            try:
                head = min(deadline, time.monotonic() + self.patience.read)
                return line, line.ask(method, target, headers, head)
            except BaseException as error:
                connections.drop(line)
                if not used or not isinstance(error, OSError) or isinstance(error, TimeoutError):
                    raise
                fresh = True
