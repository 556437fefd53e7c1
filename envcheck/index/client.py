"""HTTP to an index: credentials by origin, proxies, certificates, deadlines, retries.

The only code that speaks to the network. Addresses in messages are without credentials and query.
"""

from __future__ import annotations

import ssl
import threading
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth

from envcheck import __version__
from envcheck.errors import IndexTrouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeVar

    from envcheck.index.sources import Network

    Result = TypeVar("Result")

PIECE = 1 << 19
_TELL = 0.1  # seconds after which a smaller piece is given


class Patience(NamedTuple):
    """How long an index is waited for, in seconds, and how often it is asked again.

    Whoever sends less than ``slowest`` bytes per second on average over ``window`` has stalled; a
    page of more than ``page`` bytes is none (the largest known has 40 MB).
    """

    connect: float = 10.0
    read: float = 20.0
    attempts: int = 5
    backoff: float = 0.25  # doubled each time
    longest: float = 8.0  # that an index may ask us to wait
    window: float = 20.0
    slowest: float = 1024.0
    page: int = 192 << 20


PATIENCE = Patience()


class Client:
    """Shared by threads. ``stopped``: no new request is made, and those that wait give up."""

    def __init__(self, network: Network, patience: Patience = PATIENCE) -> None:
        self.patience = patience
        self.stopped = threading.Event()
        self.requests = 0
        self._network = network
        self._logins: list[tuple[str, HTTPBasicAuth]] = []  # address's beginning, login
        self._session = requests.Session()
        self._session.headers.update(
            {"User-Agent": f"envcheck/{__version__}", "Accept-Encoding": "gzip"}
        )
        adapter = _Adapter(pool_connections=32, pool_maxsize=32)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        if network.trusted:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def learn(self, url: str) -> str:
        """``url`` without credentials; what it held is used for what lies at the same origin."""
        parts = urlsplit(url)
        if "@" not in parts.netloc:
            return url
        login, _, host = parts.netloc.rpartition("@")
        bare = parts._replace(netloc=host).geturl()
        user, _, password = login.partition(":")
        auth = HTTPBasicAuth(unquote(user).encode(), unquote(password).encode())  # UTF-8: RFC 7617
        if (bare, auth) not in self._logins:
            self._logins.append((bare, auth))
        return bare

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> requests.Response:
        """One request, its body not read yet. Raises requests' exceptions."""
        self.requests += 1
        network, patience = self._network, self.patience
        parts = urlsplit(url)
        verify: bool | str = network.verify or True
        if parts.netloc in network.trusted or parts.hostname in network.trusted:
            verify = False
        proxy = network.proxy
        return self._session.request(
            method,
            url,
            headers=headers,
            auth=self._login(url),
            stream=True,
            timeout=(patience.connect, patience.read),
            verify=verify,
            cert=network.client_certificate or None,
            proxies={"http": proxy, "https": proxy} if proxy else None,
            allow_redirects=True,
        )

    def page(self, url: str, headers: Mapping[str, str]) -> tuple[requests.Response, bytes]:
        """The answer to a request and its whole body, asked for until it comes.

        Raises IndexTrouble; also for what is 4xx. 304 is an answer.
        """
        return self.insist(url, lambda: self._page(url, headers))

    def _page(self, url: str, headers: Mapping[str, str]) -> tuple[requests.Response, bytes]:
        with self.open(url, headers=headers) as response:
            check(response)
            body = bytearray()
            for piece in pieces(response, self.patience, decode=True):
                body += piece
                if len(body) > self.patience.page:
                    longest = f"{self.patience.page:,} bytes"
                    raise IndexTrouble("trouble", f"{shown(url)}: it is longer than {longest}")
            return response, bytes(body)

    def insist(self, url: str, attempt: Callable[[], Result]) -> Result:
        """``attempt`` until it succeeds, with pauses in between. Raises IndexTrouble at the end."""
        reason = ""
        pause = self.patience.backoff
        for number in range(self.patience.attempts):
            if number and self.stopped.wait(pause):
                break
            try:
                return attempt()
            except Again as again:
                reason = again.reason
                pause = max(pause * 2, min(again.after, self.patience.longest))
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                reason = _reason(error)
                pause *= 2
        times = f", {self.patience.attempts} times" if self.patience.attempts > 1 else ""
        said = "it was ended" if self.stopped.is_set() else f"{reason}{times}"
        raise IndexTrouble("trouble", f"{shown(url)}: {said}")

    def close(self) -> None:
        """Give up what is waited for, and the connections."""
        self.stopped.set()
        self._session.close()

    def _login(self, url: str) -> HTTPBasicAuth | None:
        """Credentials for ``url``: of the longest address that it is below, else of its origin."""
        origin = _origin(url)
        same = [(bare, login) for bare, login in self._logins if _origin(bare) == origin]
        same.sort(key=lambda pair: len(pair[0]) if url.startswith(pair[0]) else 0, reverse=True)
        return same[0][1] if same else None


class Again(Exception):  # noqa: N818 - a request to try again, no error of its own
    """It may go well another time; ``after``: seconds that the index asks to wait."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class _Adapter(HTTPAdapter):
    """Trusts what the system trusts (SSL_CERT_FILE and SSL_CERT_DIR too) besides certifi's."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, ssl_context=ssl.create_default_context(), **more)

    def proxy_manager_for(self, proxy: Any, **more: Any) -> Any:
        return super().proxy_manager_for(
            proxy, **{"ssl_context": ssl.create_default_context(), **more}
        )


def check(response: requests.Response) -> None:
    """Raise for a status that is no success: Again if it may pass, else IndexTrouble."""
    code = response.status_code
    where = shown(response.url or "")
    if code < 300 or code == 304:
        return
    if code in (404, 410):
        raise IndexTrouble("absent", f"{where}: there is no such thing ({code})")
    if code in (401, 403, 407):
        raise IndexTrouble("denied", f"{where}: not allowed ({code})")
    if code in (408, 425, 429) or code >= 500:
        raise Again(f"it answers {code}", _seconds(response.headers.get("Retry-After", "")))
    raise IndexTrouble("trouble", f"{where}: it answers {code}")


def pieces(
    response: requests.Response, patience: Patience, *, decode: bool = False
) -> Iterator[bytes]:
    """The body as it comes, in pieces that are large where it comes quickly. Raises Again if it
    comes too slowly. ``decode``: undo its content encoding.
    """
    buffer = bytearray()
    since = told = time.monotonic()
    count = 0
    while data := response.raw.read1(PIECE, decode_content=decode):
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


def shown(url: str) -> str:
    """``url`` fit for a message: without credentials, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def _seconds(text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def _reason(error: BaseException) -> str:
    """What went wrong with a request, without addresses."""
    text = f"{type(error).__name__} {error}"
    known = {
        "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted",
        "SSLError": "TLS fails",
        "NameResolution": "its name is not known",
        "getaddrinfo": "its name is not known",
        "ProxyError": "the proxy does not answer",
        "ConnectTimeout": "no connection in time",
        "Read timed out": "it does not answer in time",
        "timed out": "it does not answer in time",
        "IncompleteRead": "the connection was dropped",
        "RemoteDisconnected": "the connection was dropped",
        "reset by peer": "the connection was dropped",
        "prematurely": "the connection was dropped",
        "refused": "the connection was refused",
        "ContentDecodingError": "its answer is not encoded as it says",
        "TooManyRedirects": "it redirects without end",
    }
    for mark, reason in known.items():
        if mark in text:
            return reason
    return f"the request fails ({type(error).__name__})"
