"""A package index under the test's control: real HTTP on loopback, counted, and faulty on demand.

    with IndexServer(wheel("one"), sdist("two")) as index:
        index.fault("*/one-*.whl", drop(after=100), times=2)
        ...  # an installer with index.url
        assert index.downloads() == {"one-1.0-py3-none-any.whl": 3}

Pages are PEP 503 HTML or, where that is asked for, PEP 691 JSON (with PEP 700's sizes and upload
times); metadata of wheels is served beside them (PEP 658). It is an HTTP proxy for itself, too:
a request for an absolute address is answered as one for its path, and marked ``proxied``.
"""

from __future__ import annotations

import base64
import fnmatch
import http.server
import json
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import index_pages
from index_faults import HTML, Answer

if TYPE_CHECKING:
    import ssl

    from index_faults import Change
    from wheels import File

JSON = "application/vnd.pypi.simple.v1+json"
BINARY = "application/octet-stream"
PIECE = 1 << 16


@dataclass(eq=False)
class Request:
    """One request as answered. ``sent``: bytes of the body that were handed to the network.

    ``whole``: the whole of the file or page was sent, with status 200. A request counts from when
    its answer begins; who reads faster than it is counted sees less of these two.
    """

    method: str
    path: str
    status: int
    range: str
    agent: str
    authorization: str
    proxied: bool
    at: float  # monotonic
    sent: int = 0
    whole: bool = False


class _Rule(NamedTuple):
    pattern: str
    change: Change
    method: str


class IndexServer(http.server.ThreadingHTTPServer):
    """Serves ``files`` from entering the ``with`` block to leaving it.

    ``json``: JSON pages for who asks for them. ``upload_times``: in JSON, and in HTML as
    ``data-upload-time``. ``hashes``: of files, in links. ``metadata``: PEP 658. ``ranges``: of
    files. ``legacy``: ``/pypi/NAME/json``. ``credentials``: user and password that are required.
    ``files_url``: where links to files lead, if not to this server. ``tls``: a server's context.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        *files: File,
        json: bool = True,
        upload_times: bool = True,
        hashes: bool = True,
        metadata: bool = True,
        ranges: bool = True,
        legacy: bool = False,
        credentials: tuple[str, str] | None = None,
        files_url: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.json, self.upload_times, self.hashes = json, upload_times, hashes
        self.metadata, self.ranges, self.legacy = metadata, ranges, legacy
        self.credentials = credentials
        self.files: dict[str, File] = {}
        self.add(*files)
        self.requests: list[Request] = []
        self.defects: list[BaseException] = []
        self._rules: list[_Rule] = []
        self._left: dict[int, int] = {}
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls:
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self.server_address[1]
        self.root = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.files_url = files_url or f"{self.root}/files/"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    # -- what a test does with it --------------------------------------------------------------

    @property
    def url(self) -> str:
        """Of the simple index."""
        return f"{self.root}/simple/"

    def add(self, *files: File) -> None:
        """Serve these, too; one of the same name is replaced."""
        self.files.update({file.name: file for file in files})

    def remove(self, name: str) -> None:
        """Serve it no longer."""
        del self.files[name]

    def fault(self, pattern: str, change: Change, *, times: int = 0, method: str = "GET") -> None:
        """Change answers to paths that match the glob ``pattern``, the first ``times`` ones only.

        Several faults of one path add up in their order.
        """
        with self._lock:
            self._rules.append(_Rule(pattern, change, method))
            if times:
                self._left[len(self._rules) - 1] = times

    def mend(self) -> None:
        """No faults any more."""
        with self._lock:
            self._rules.clear()
            self._left.clear()

    def forget(self) -> None:
        """Count from here."""
        with self._lock:
            self.requests.clear()

    def count(self, pattern: str = "*") -> int:
        """Requests for paths that match."""
        return sum(fnmatch.fnmatchcase(request.path, pattern) for request in list(self.requests))

    def sent(self, pattern: str = "*") -> int:
        """Bytes of bodies sent for paths that match."""
        return sum(
            request.sent
            for request in list(self.requests)
            if fnmatch.fnmatchcase(request.path, pattern)
        )

    def downloads(self) -> dict[str, int]:
        """Name of a file -> how many times all of it was sent, in one piece or by ranges."""
        names: Counter[str] = Counter()
        parts: Counter[str] = Counter()
        for request in list(self.requests):
            name = request.path.removeprefix("/files/")
            if request.path != name and name in self.files and request.method == "GET":
                names[name] += request.whole
                parts[name] += 0 if request.whole else request.sent
        for name, size in parts.items():
            names[name] += size // len(self.files[name].data)
        return {name: count for name, count in sorted(names.items()) if count}

    def __enter__(self) -> IndexServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._lock:
            left = list(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._thread.join()
        assert not self.defects, self.defects

    # -- of the handler ------------------------------------------------------------------------

    def changed(self, method: str, path: str, answer: Answer) -> Answer:
        """``answer`` with the faults of this path."""
        with self._lock:
            chosen = []
            for number, rule in enumerate(self._rules):
                left = self._left.get(number)
                if method == rule.method and left != 0 and fnmatch.fnmatchcase(path, rule.pattern):
                    chosen.append(rule)
                    if left is not None:
                        self._left[number] = left - 1
        for rule in chosen:
            answer = rule.change(answer)
        return answer

    def answered(self, request: Request) -> None:
        """Count it."""
        with self._lock:
            self.requests.append(request)

    def process_request(self, request: socket.socket, client_address: object) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is none; anything else fails the test."""
        import sys

        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.defects.append(error)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: IndexServer

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, *, body: bool) -> None:
        proxied = not self.path.startswith("/")
        path = unquote(urlsplit(self.path).path)
        right = self._authorized() or self._right(path)
        answer = self.server.changed(self.command, path, right)
        if answer.delay:
            self.server.stopping.wait(answer.delay)
        header = self.headers.get
        request = Request(
            self.command,
            path,
            answer.status,
            header("Range", ""),
            header("User-Agent", ""),
            header("Authorization", ""),
            proxied,
            time.monotonic(),
        )
        self.server.answered(request)
        request.sent = self._send(answer, body)
        request.whole = body and answer.status == 200 and request.sent == len(right.body) > 0

    def _authorized(self) -> Answer | None:
        """401, unless what was given is right."""
        if self.server.credentials is None:
            return None
        wanted = "Basic " + base64.b64encode(":".join(self.server.credentials).encode()).decode()
        if self.headers.get("Authorization") == wanted:
            return None
        text = b"401: credentials, please\n"
        return Answer(401, text, "text/plain", len(text), {"WWW-Authenticate": "Basic realm=test"})

    def _send(self, answer: Answer, body: bool) -> int:
        """How many bytes of the body were sent."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        if answer.length is not None:
            self.send_header("Content-Length", str(answer.length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.close or answer.length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if not body:
            return 0
        sent = self._pieces(answer.body, answer.rate)
        while answer.endless and not self.server.stopping.is_set():
            sent += self._pieces(answer.endless, answer.rate)
        return sent

    def _pieces(self, body: bytes, rate: float) -> int:
        piece = max(1, min(PIECE, int(rate / 20))) if rate else PIECE
        sent = 0
        while sent < len(body):
            try:
                self.wfile.write(body[sent : sent + piece])
            except OSError:  # the client has gone
                self.close_connection = True
                return sent
            sent = min(sent + piece, len(body))
            if rate and self.server.stopping.wait(piece / rate):
                return sent
        return sent

    # -- right answers ---------------------------------------------------------------------------

    def _right(self, path: str) -> Answer:
        server = self.server
        parts = path.strip("/").split("/")
        if parts[0] == "files" and len(parts) == 2:
            file = server.files.get(parts[1])
            if file:
                return self._file(file)
            wheel = server.files.get(parts[1].removesuffix(".metadata"))
            if wheel and server.metadata and wheel.name.endswith(".whl"):
                return _whole(wheel.metadata, BINARY)
        if parts[0] == "simple" and len(parts) <= 2:
            projects = sorted({file.project for file in server.files.values()})
            if len(parts) == 1:
                return self._page(
                    index_pages.projects(projects), index_pages.projects_html(projects)
                )
            if parts[1] in projects:
                if not path.endswith("/"):
                    return Answer(301, b"", HTML, 0, {"Location": f"/simple/{parts[1]}/"})
                files = [file for file in server.files.values() if file.project == parts[1]]
                return self._page(
                    index_pages.project(server, files), index_pages.project_html(server, files)
                )
        if server.legacy and parts[0] == "pypi" and parts[-1] == "json" and len(parts) == 3:
            files = [file for file in server.files.values() if file.project == parts[1]]
            if files:
                return _whole(
                    json.dumps(index_pages.legacy(server, files)).encode(), "application/json"
                )
        return Answer(404, b"404\n", "text/plain", 4)

    def _page(self, data: object, text: str) -> Answer:
        if self.server.json and JSON in self.headers.get("Accept", ""):
            return _whole(json.dumps(data).encode(), JSON)
        return _whole(text.encode(), HTML)

    def _file(self, file: File) -> Answer:
        whole = _whole(file.data, BINARY)
        if not self.server.ranges:
            return whole
        whole = whole._replace(headers={"Accept-Ranges": "bytes"})
        unit, _, wanted = self.headers.get("Range", "").partition("=")
        first, _, last = wanted.partition("-")
        size = len(file.data)
        if unit != "bytes" or "," in wanted or not (first or last):
            return whole
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last), size - 1) if first and last else size - 1
        if start >= size:
            return Answer(416, b"", BINARY, 0, {"Content-Range": f"bytes */{size}"})
        body = file.data[start : end + 1]
        headers = {**whole.headers, "Content-Range": f"bytes {start}-{end}/{size}"}
        return Answer(206, body, BINARY, len(body), headers)


def _whole(body: bytes, kind: str) -> Answer:
    return Answer(200, body, kind, len(body))
