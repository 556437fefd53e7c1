"""Servers that answer with whatever bytes a test likes, and a proxy that tunnels."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Script = Callable[["RawServer", socket.socket], None]


class RawServer:
    """``script`` is run for each connection, in a thread. ``heads``: of the requests it read."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.tls = tls
        self.heads: list[bytes] = []
        self.connections = 0
        self.open = self.most = 0  # at once
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.root = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def request(self, connection: socket.socket) -> bytes:
        """The head of the next request; empty if there is none."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            piece = connection.recv(1)
            if not piece:
                return b""
            data += piece
        self.heads.append(data)
        return data

    def pause(self, seconds: float) -> None:
        """Until the server stops, at most."""
        if self.stopping.wait(seconds):
            raise OSError("the server stops")

    def __enter__(self) -> RawServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in self._sockets:
                with suppress(OSError):
                    socket.socket.shutdown(each, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self.open += 1
            self.most = max(self.most, self.open)
            self._sockets.append(connection)
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._sockets.append(connection)
            self.script(self, connection)
        except OSError:
            pass
        finally:
            connection.close()
            with self._lock:
                self.open -= 1


def answering(*answers: bytes) -> Script:
    """One answer for each request of a connection, then the connection ends."""

    def script(server: RawServer, connection: socket.socket) -> None:
        for answer in answers:
            if not server.request(connection):
                return
            connection.sendall(answer)

    return script


def always(answer: bytes) -> Script:
    """The same answer for each request."""

    def script(server: RawServer, connection: socket.socket) -> None:
        while server.request(connection):
            connection.sendall(answer)

    return script


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An answer with its length."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def forever(head: bytes, piece: bytes, pause: float = 0.0) -> Script:
    """``head``, then ``piece`` again and again."""

    def script(server: RawServer, connection: socket.socket) -> None:
        if server.request(connection):
            connection.sendall(head)
            while True:
                connection.sendall(piece)
                if pause or server.stopping.is_set():
                    server.pause(pause)

    return script


def tunnel(server: RawServer, connection: socket.socket) -> None:
    """What a proxy does: CONNECT, and what follows both ways."""
    head = server.request(connection)
    if not head.startswith(b"CONNECT "):
        connection.sendall(whole(b"", status="400 Bad Request"))
        return
    host, _, port = head.split()[1].decode().rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as other:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_pump, args=(other, connection), daemon=True)
        back.start()
        _pump(connection, other)
        back.join(5)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        socket.socket.shutdown(target, socket.SHUT_RDWR)
