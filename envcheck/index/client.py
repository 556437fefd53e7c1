"""HTTP to an index: credentials by origin, redirects, deadlines, retries.

The only code that speaks to the network. Addresses in messages are without credentials and query.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import zlib
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from envcheck import __version__
from envcheck.errors import IndexTrouble
from envcheck.index.connections import Connections, Line, Route, authorization_of
from envcheck.index.logins import Logins, origin
from envcheck.index.patience import PATIENCE, Again, Patience
from envcheck.index.proxies import Proxies

__all__ = ["PATIENCE", "Again", "Client", "Patience", "Response", "check", "pieces", "shown"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from email.message import Message
    from http.client import HTTPResponse
    from typing import TypeVar

    from envcheck.index.sources import Network

    Result = TypeVar("Result")

PIECE = 1 << 19
_TELL = 0.1  # seconds after which a smaller piece is given
_DRAIN = 1 << 14  # bytes of an answer nobody wants that are read to keep its connection
_REDIRECTS = 10
_HEADERS = {"User-Agent": f"envcheck/{__version__}", "Accept-Encoding": "gzip"}
_NEVER = float("inf")


class Response:
    """An answer whose body is still to be read: within a ``with`` block, by one thread.

    ``url``: where it came from in the end. ``length``: bytes that are still to come, None if that
    is not known.
    """

    def __init__(
        self, answer: HTTPResponse, url: str, line: Line, connections: Connections, deadline: float
    ) -> None:
        self.status_code = answer.status
        self.headers: Message = answer.headers
        self.url = url
        self.length: int | None = answer.length
        self._answer = answer
        self._line = line
        self._connections = connections
        self._deadline = deadline
        self._ended = self.length == 0
        self._closed = False

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def some(self, most: int = PIECE, seconds: float = _NEVER) -> bytes:
        """What has come of the body, as it was sent; empty at its end.

        Raises Again if it breaks off, OSError and HTTPException.
        """
        if self._ended:
            return b""
        self._line.deadline = min(self._deadline, time.monotonic() + seconds)
        data = self._answer.read1(most)
        if self.length is not None:
            self.length -= len(data)
        self._ended = self.length == 0 or not data
        if not data and self.length:
            raise Again("the connection was dropped")
        return data

    def read(self, count: int, patience: Patience = PATIENCE) -> bytes:
        """``count`` bytes of the body as it was sent, fewer if it ends before. Raises as ``some``,
        and Again if that takes longer than the slowest that is waited for.
        """
        end = time.monotonic() + patience.window + count / patience.slowest
        data = bytearray()
        while len(data) < count:
            piece = self.some(count - len(data), end - time.monotonic())
            if not piece:
                break
            data += piece
        return bytes(data)

    def close(self) -> None:
        """Keep the connection if all has been read, or little is left."""
        if self._closed:
            return
        self._closed = True
        try:
            if self.length is not None and self.length <= _DRAIN:
                while self.some(seconds=1.0):
                    pass
        except (Again, OSError, HTTPException):
            self._ended = False
        if self._ended and not self._answer.will_close:
            self._connections.give(self._line)
        else:
            self._connections.drop(self._line)


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
        self._connections = Connections(network, patience)

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
            response = self._ask(method, _plain(url), headers or {}, deadline, before)
            to = response.headers.get("Location", "")
            if response.status_code not in (301, 302, 303, 307, 308) or not to:
                return response
            response.close()
            before.append(url)
            if len(before) > _REDIRECTS:
                raise IndexTrouble("trouble", f"{shown(before[0])}: it redirects without end")
            url = _target(url, to)

    def page(self, url: str, headers: Mapping[str, str]) -> tuple[Response, bytes]:
        """The answer to a request and its whole body, asked for until it comes.

        Raises IndexTrouble; also for what is 4xx. 304 is an answer.
        """
        deadline = time.monotonic() + self.patience.whole
        return self.insist(url, lambda: self._page(url, headers, deadline), deadline)

    def _page(
        self, url: str, headers: Mapping[str, str], deadline: float
    ) -> tuple[Response, bytes]:
        with self.open(url, headers=headers, deadline=deadline) as response:
            check(response)
            body = bytearray()
            encoding = response.headers.get("Content-Encoding", "")
            for piece in _decoded(pieces(response, self.patience), encoding):
                body += piece
                if len(body) > self.patience.page:
                    longest = f"{self.patience.page:,} bytes"
                    raise IndexTrouble("trouble", f"{shown(url)}: it is longer than {longest}")
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
            except (OSError, HTTPException) as error:
                reason = _reason(error)
                pause *= 2
                if isinstance(error, ssl.SSLCertVerificationError):  # that does not pass
                    break
        times = f", {number} times" if number > 1 else ""
        said = "it was ended" if self.stopped.is_set() else f"{reason}{times}"
        raise IndexTrouble("trouble", f"{shown(url)}: {said}")

    def close(self) -> None:
        """Give up what is waited for, and the connections."""
        self.stopped.set()
        self._connections.close()

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
            named |= authorization_of(route.proxy)
        line, answer = self._answer(route, method, target, named, deadline)
        return Response(answer, url, line, self._connections, deadline)

    def _answer(
        self, route: Route, method: str, target: str, headers: Mapping[str, str], deadline: float
    ) -> tuple[Line, HTTPResponse]:
        """On a connection that is there, which may have been closed while nobody used it: then on
        a new one.
        """
        fresh = False
        while True:
            line = self._connections.take(route, fresh=fresh)
            used = line.used
            try:
                head = min(deadline, time.monotonic() + self.patience.read)
                return line, line.ask(method, target, headers, head)
            except BaseException as error:
                self._connections.drop(line)
                if not used or not isinstance(error, OSError) or isinstance(error, TimeoutError):
                    raise
                fresh = True


def check(response: Response) -> None:
    """Raise for a status that is no success: Again if it may pass, else IndexTrouble."""
    code = response.status_code
    where = shown(response.url)
    if code < 300 or code == 304:
        return
    if code in (404, 410):
        raise IndexTrouble("absent", f"{where}: there is no such thing ({code})")
    if code in (401, 403, 407):
        raise IndexTrouble("denied", f"{where}: not allowed ({code})")
    if code in (408, 425, 429) or code >= 500:
        raise Again(f"it answers {code}", _seconds(response.headers.get("Retry-After", "")))
    raise IndexTrouble("trouble", f"{where}: it answers {code}")


def pieces(response: Response, patience: Patience) -> Iterator[bytes]:
    """The body as it comes, in pieces that are large where it comes quickly. Raises Again if it
    comes too slowly.
    """
    buffer = bytearray()
    since = told = time.monotonic()
    count = 0
    while data := response.some(PIECE, patience.window):
        buffer += data
        count += len(data)
        now = time.monotonic()
        if len(buffer) >= PIECE or now - told > _TELL:
            yield bytes(buffer)
            buffer.clear()
            told = now
        if now - since >= patience.window:
            if count < patience.slowest * (now - since):
                raise Again(f"it sends less than {patience.slowest:.0f} bytes per second")
            since, count = now, 0
    if buffer:
        yield bytes(buffer)


def _decoded(parts: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Content encoding undone, in pieces of at most ``PIECE`` however much it unfolds."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from parts
        return
    if encoding not in ("gzip", "x-gzip"):
        raise Again("its answer is encoded in a way that was not asked for")
    undo = zlib.decompressobj(wbits=31)
    try:
        for part in parts:
            while part:
                if undo.eof:
                    undo = zlib.decompressobj(wbits=31)
                yield undo.decompress(part, PIECE)
                part = undo.unconsumed_tail or undo.unused_data
        yield undo.flush()
    except zlib.error as error:
        raise Again("its answer is not encoded as it says") from error
    if not undo.eof:
        raise Again("the connection was dropped")


def shown(url: str) -> str:
    """``url`` fit for a message: without credentials, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _plain(url: str) -> str:
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


def _target(url: str, to: str) -> str:
    """Where a redirect leads. Credentials that it names are not taken."""
    where = shown(url)
    try:
        parts = urlsplit(urljoin(url, to))
    except ValueError:
        raise IndexTrouble("trouble", f"{where}: it redirects to what is no address") from None
    if parts.scheme not in ("http", "https"):
        raise IndexTrouble("trouble", f"{where}: it redirects away from the web")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0


def _reason(error: BaseException) -> str:
    """What went wrong with a request, without addresses."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, ssl.SSLEOFError | ConnectionError) or "Incomplete" in str(type(error)):
        return "the connection was dropped"
    if isinstance(error, ssl.SSLError):
        return "TLS fails"
    if isinstance(error, HTTPException):
        return "what it answers is no HTTP"
    return f"the request fails ({type(error).__name__})"
