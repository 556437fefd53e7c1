"""Parts of a file that lies on an index or here, got by ranges."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from envcheck.errors import IndexTrouble
from envcheck.index.client import Again, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.client import Client

WHOLE = 1 << 20  # bytes: a file as short as this is taken whole where parts are not to be had
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_DIGITS = re.compile(r"\d{1,18}")


class Part(NamedTuple):
    """Bytes of a file of ``size`` bytes, from ``start`` on. ``data`` is None where the server does
    not send parts; ``size`` is then -1 if it does not say that either.
    """

    size: int
    start: int
    data: bytes | None


def tail(url: str, length: int, client: Client, count: Callable[[int], None]) -> Part:
    """The last ``length`` bytes, or the whole file. Raises IndexTrouble."""
    if url.startswith("file:"):
        return _local(url, None, length)
    got, parts = _asked(url, f"bytes=-{length}", length, client, count)
    if got.data is not None or not parts:
        return got
    size = got.size
    if size < 0:
        known = offered(url, client)  # there are ends it does not know
        size = -1 if known is None else known
    if size <= 0:
        return Part(size, 0, None)
    start = max(0, size - length)
    return _asked(url, f"bytes={start}-{size - 1}", length, client, count)[0]


def part(
    url: str, start: int, length: int, size: int, client: Client, count: Callable[[int], None]
) -> bytes:
    """``length`` bytes from ``start`` on, of a file of ``size`` bytes. Raises IndexTrouble."""
    if length == 0:
        return b""
    if url.startswith("file:"):
        got = _local(url, start, length)
    else:
        got = _asked(url, f"bytes={start}-{start + length - 1}", length, client, count)[0]
    if got.data is None or got.start != start or got.size != size or len(got.data) != length:
        raise IndexTrouble("trouble", f"{_name(url)}: the index sends other parts than asked for")
    return got.data


def _asked(
    url: str, wanted: str, length: int, client: Client, count: Callable[[int], None]
) -> tuple[Part, bool]:
    """What comes, and whether parts may be had if they are asked for in another way."""
    headers = {"Range": wanted, "Accept-Encoding": "identity"}

    def attempt() -> tuple[Part, bool]:
        with client.open(url, headers=headers) as response:
            code = response.status_code
            said = response.headers.get
            if code in (405, 416, 501):
                return Part(-1, 0, None), wanted.startswith("bytes=-")
            check(response)
            match = _CONTENT_RANGE.fullmatch(said("Content-Range", "") if code == 206 else "")
            if match:
                start, last, size = map(int, match.groups())
                if not start <= last < size or last - start >= length:
                    return Part(-1, 0, None), False
            else:
                bytes_ = said("Content-Length", "")
                size = int(bytes_) if _DIGITS.fullmatch(bytes_) else -1
                if code != 200 or not 0 <= size <= max(length, WHOLE) or said("Content-Encoding"):
                    return Part(size, 0, None), said("Accept-Ranges", "").lower() == "bytes"
                start, last = 0, size - 1
            data = response.read(last - start + 1, client.patience)
            if len(data) != last - start + 1:
                raise Again("the connection was dropped")
            count(len(data))
            return Part(size, start, bytes(data)), True

    return client.insist(url, attempt)


def offered(url: str, client: Client) -> int | None:
    """Size of a file whose server says that it sends parts, -1 if it does not say that; None if it
    sends none. Trying it could cost a whole file.
    """

    def attempt() -> int | None:
        with client.open(url, headers={"Accept-Encoding": "identity"}, method="HEAD") as response:
            check(response)
            if response.headers.get("Accept-Ranges", "").lower() != "bytes":
                return None
            said = response.headers.get("Content-Length", "")
            return int(said) if _DIGITS.fullmatch(said) else -1

    try:
        return client.insist(url, attempt)
    except IndexTrouble:
        return None


def _local(url: str, start: int | None, length: int) -> Part:
    path = unquote(urlsplit(url).path)
    try:
        if not os.path.isfile(path):
            raise IndexTrouble("absent", f"{_name(url)}: there is no such file")
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            at = max(0, size - length) if start is None else start
            file.seek(at)
            return Part(size, at, file.read(length))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or "its name is none"
        raise IndexTrouble("trouble", f"{_name(url)}: {reason}") from error


def _name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])
