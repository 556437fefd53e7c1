"""One connection to an index, over which one request after the other goes.

The standard library reads what comes (``http.client.HTTPResponse``); what is sent is a few lines.
urllib3 does all of this, too: importing it takes 50 ms of CPU instead of 20, and each request 0.5
instead of 0.25, of the 150 that a verdict in a second needs.
"""

from __future__ import annotations

import io
import socket
import time
from contextlib import suppress
from http.client import HTTPResponse, RemoteDisconnected
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from envcheck.index.addresses import Route

_BUFFER = 1 << 15


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
