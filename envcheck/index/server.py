"""A small HTTP/1.1 server: GET and HEAD, kept alive, ranges, files by sendfile; TCP or Unix socket.

Not ``http.server``: every connection must end when the server does, and what a client sends is
hostile, so little of it is understood.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HEAD_LIMIT = 1 << 15
_CONNECTIONS = 200  # at once; further ones wait
_IDLE = 120.0  # seconds between two requests of a connection …
_IDLE_IF_SCARCE = 5.0  # … and if others may be waiting for its place
_HEAD = 20.0  # seconds for a request to come
_SEND = 300.0  # seconds in which a client takes nothing
_REASONS = {
    200: "OK", 206: "Partial Content", 304: "Not Modified", 400: "Bad Request", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 416: "Range Not Satisfiable",
    424: "Failed Dependency", 431: "Headers Too Large", 500: "Internal Error",
}  # fmt: skip


class Request(NamedTuple):
    """``target`` as it was sent; names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


class Content(Protocol):
    """A body that is sent in pieces."""

    size: int

    def send(self, connection: socket.socket, start: int, end: int) -> None:
        """Send bytes from ``start`` to ``end``. Raises OSError if it cannot be done to the end."""


class Reply(NamedTuple):
    """``sentence``: stands in the status line, where installers show it."""

    status: int
    body: bytes | Content = b""
    headers: tuple[tuple[str, str], ...] = ()
    sentence: str = ""


class Server:
    """Answers with ``answer`` in a thread for each connection. ``sent`` is told of bytes."""

    def __init__(
        self,
        answer: Callable[[Request], Reply],
        sent: Callable[[int], None],
        unix: str | None = None,
    ) -> None:
        self._answer = answer
        self._sent = sent
        self._unix = unix
        self._places = threading.BoundedSemaphore(_CONNECTIONS)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._socket = _listen_unix(unix) if unix else _listen_tcp()
        self.port = 0 if unix else int(self._socket.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            connections = list(self._open)
        _cut(self._socket)
        for connection in connections:
            _shut(connection)
        if self._unix:
            try:
                os.unlink(self._unix)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            self._places.acquire()
            try:
                connection, _ = self._socket.accept()
            except OSError:
                if self._closed:
                    return
                self._places.release()
                time.sleep(0.05)  # no file descriptor is left, for example
                continue
            with self._lock:
                if self._closed:
                    _cut(connection)
                    return
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if not self._unix:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            buffer = bytearray()
            while self._exchange(connection, buffer):
                pass
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            _cut(connection)
            self._places.release()

    def _exchange(self, connection: socket.socket, buffer: bytearray) -> bool:
        """Answer one request; whether there may be another one. Raises OSError."""
        scarce = len(self._open) > _CONNECTIONS // 2
        head = _read_head(connection, buffer, _IDLE_IF_SCARCE if scarce else _IDLE)
        if head is None:
            return False
        request = _parse(head)
        connection.settimeout(_SEND)
        if request is None:
            self._send(connection, Reply(400 if head else 431), "GET", "", keep=False)
            return False
        keep = request.headers.get("connection", "").lower() != "close"
        if (
            request.method not in ("GET", "HEAD")
            or request.headers.get("content-length", "0") != "0"
        ):
            self._send(connection, Reply(405), "GET", "", keep=False)
            return False
        try:
            reply = self._answer(request)
        except OSError as error:
            reply = Reply(500, str(error).encode())
        self._send(connection, reply, request.method, request.headers.get("range", ""), keep=keep)
        return keep

    def _send(
        self, connection: socket.socket, reply: Reply, method: str, wanted: str, *, keep: bool
    ) -> None:
        body, status = reply.body, reply.status
        size = len(body) if isinstance(body, bytes) else body.size
        start, end = 0, size
        headers = list(reply.headers)
        if status == 200 and wanted:
            part = _range(wanted, size)
            if part is None:
                status, start, end, body = 416, 0, 0, b""
                headers.append(("Content-Range", f"bytes */{size}"))
            elif part != (0, size):
                status, (start, end) = 206, part
                headers.append(("Content-Range", f"bytes {start}-{end - 1}/{size}"))
        if status != 304:
            headers.append(("Content-Length", str(end - start)))
        headers.append(("Connection", "keep-alive" if keep else "close"))
        reason = _plain(reply.sentence) or _REASONS.get(status, "Unknown")
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        if method == "HEAD" or start == end or status == 304:
            connection.sendall(head)
        elif isinstance(body, bytes):
            connection.sendall(head + body[start:end])
            self._sent(end - start)
        else:
            connection.sendall(head)
            body.send(connection, start, end)


def _read_head(connection: socket.socket, buffer: bytearray, idle: float) -> bytes | None:
    """A request up to its empty line; None if the client has gone; empty if it is too long.

    ``idle``: seconds for which its first byte is waited for.
    """
    connection.settimeout(idle)
    end = 0.0
    while (length := buffer.find(b"\r\n\r\n")) < 0:
        if len(buffer) > _HEAD_LIMIT:
            return b""
        data = connection.recv(_HEAD_LIMIT)
        if not data:
            return None
        buffer += data
        end = end or time.monotonic() + _HEAD
        connection.settimeout(max(0.01, end - time.monotonic()))
    head = bytes(buffer[:length])
    del buffer[: length + 4]
    return head


def _parse(head: bytes) -> Request | None:
    line, *lines = head.decode("latin-1").split("\r\n")
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return None
    headers = {}
    for text in lines:
        name, colon, value = text.partition(":")
        if not colon:
            return None
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers:
        return None
    return Request(words[0], words[1], headers)


def _range(wanted: str, size: int) -> tuple[int, int] | None:
    """(start, end) of what a Range header asks for; None if that is nothing of the file; all of it
    if it asks for several parts or cannot be understood, as RFC 9110 allows.
    """
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted.replace(" ", ""))
    if not match or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
    return (start, end) if start < end else None


def _plain(sentence: str) -> str:
    return "".join(c if " " <= c <= "~" else " " for c in sentence[:300])


def _listen_tcp() -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


def _listen_unix(path: str) -> socket.socket:
    """Listen at ``path``, for every user who can reach its directory."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder, name = os.path.split(path)
    handle = None
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    try:
        if len(os.fsencode(path)) > 100 and os.path.isdir("/proc/self/fd"):
            handle = os.open(folder, os.O_RDONLY)  # addresses of sockets have 107 bytes at most
            listening.bind(f"/proc/self/fd/{handle}/{name}")
        else:
            listening.bind(path)
        os.chmod(path, 0o666)  # noqa: S103 - a cell's users; its directory is what protects it
    except BaseException:
        listening.close()
        raise
    finally:
        if handle is not None:
            os.close(handle)
    listening.listen(128)
    return listening


def _shut(connection: socket.socket) -> None:
    """End a connection that a thread uses: it sees an error and closes it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _cut(connection: socket.socket) -> None:
    _shut(connection)
    try:
        connection.close()
    except OSError:
        pass
