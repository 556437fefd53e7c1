"""Ways in which an index can be wrong: each makes of the right answer the one that is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

HTML = "text/html; charset=utf-8"


class Answer(NamedTuple):
    """What is about to be sent. ``length``: what Content-Length says; None: it is not said."""

    status: int
    body: bytes
    kind: str
    length: int | None
    headers: Mapping[str, str] = {}
    delay: float = 0.0  # seconds before anything is sent
    rate: float = 0.0  # bytes per second, 0: as fast as it goes
    close: bool = False  # end the connection after ``body``
    endless: bytes = b""  # sent again and again after ``body`` until the client goes away


Change = Callable[[Answer], Answer]


def drop(after: int = 0) -> Change:
    """The connection ends after ``after`` bytes of the body; Content-Length promised all of it."""
    return lambda answer: answer._replace(body=answer.body[:after], close=True)


def truncate(keep: int) -> Change:
    """Only ``keep`` bytes, and a Content-Length that agrees: only a hash can tell."""
    return lambda answer: answer._replace(body=answer.body[:keep], length=keep)


def slow(rate: float) -> Change:
    """``rate`` bytes per second."""
    return lambda answer: answer._replace(rate=rate)


def stall(seconds: float) -> Change:
    """Nothing at all for ``seconds`` (or until the server stops), then the right answer."""
    return lambda answer: answer._replace(delay=seconds)


def status(code: int, **headers: str) -> Change:
    """As 500, 403, 429 with ``retry_after="1"``."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    text = f"{code}: by order of the test\n".encode()
    return lambda _: Answer(code, text, "text/plain", len(text), named)


def altered() -> Change:
    """As long as it should be, with one bit of the middle turned over."""

    def turn(answer: Answer) -> Answer:
        middle = len(answer.body) // 2
        body = bytearray(answer.body)
        body[middle] ^= 1
        return answer._replace(body=bytes(body))

    return turn


def instead(body: bytes, kind: str = HTML) -> Change:
    """Status 200 and something else, such as a portal's login page."""
    return lambda _: Answer(200, body, kind, len(body))


def garbage() -> Change:
    """HTML that is none: links without ends, null bytes, half a character."""
    body = b'<!DOCTYPE html><html><a href="' + b"\x00\xff<a href='x#sha256=zz'>\xc3" * 50
    return instead(body)


def endless(piece: bytes = b'<a href="x-1.0.tar.gz">x-1.0.tar.gz</a>\n') -> Change:
    """A page that never ends, without Content-Length."""
    return lambda answer: answer._replace(length=None, close=True, endless=piece * 500)


def redirect(to: str = "") -> Change:
    """To another address; default: to itself, for ever."""
    return lambda answer: Answer(302, b"", HTML, 0, {"Location": to or "?"})
