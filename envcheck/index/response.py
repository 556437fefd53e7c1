"""Answers of an index, and their bodies as they come."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING

from envcheck.errors import IndexTrouble
from envcheck.index.addresses import shown
from envcheck.index.patience import PATIENCE, Again, Patience

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from email.message import Message
    from http.client import HTTPResponse

    from envcheck.index.connections import Connections
    from envcheck.index.line import Line

PIECE = 1 << 19
_TELL = 0.1  # seconds after which a smaller piece is given
_DRAIN = 1 << 14  # bytes of an answer nobody wants that are read to keep its connection
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
        from http.client import HTTPException

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


def decoded(parts: Iterable[bytes], encoding: str) -> Iterator[bytes]:
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


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
