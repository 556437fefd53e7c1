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

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


class Part(NamedTuple):
    """Bytes of a file of ``size`` bytes, from ``start`` on. None for ``data``: the server does not
    send parts, ``size`` is -1 if it does not say it either.
    """

    size: int
    start: int
    data: bytes | None


def tail(url: str, length: int, client: Client, count: Callable[[int], None]) -> Part:
    """The last ``length`` bytes, or all. Raises IndexTrouble."""
    if url.startswith("file:"):
        return _local(url, None, length)
    return _remote(url, f"bytes=-{length}", length, client, count)


def part(
    url: str, start: int, length: int, size: int, client: Client, count: Callable[[int], None]
) -> bytes:
    """``length`` bytes from ``start`` on, of a file of ``size`` bytes. Raises IndexTrouble."""
    if url.startswith("file:"):
        got = _local(url, start, length)
    else:
        got = _remote(url, f"bytes={start}-{start + length - 1}", length, client, count)
    if got.data is None or got.start != start or got.size != size or len(got.data) != length:
        raise IndexTrouble("trouble", f"{_name(url)}: the index sends other parts than asked for")
    return got.data


def _remote(
    url: str, wanted: str, length: int, client: Client, count: Callable[[int], None]
) -> Part:
    headers = {"Range": wanted, "Accept-Encoding": "identity"}

    def attempt() -> Part:
        with client.open(url, headers=headers) as response:
            code = response.status_code
            if code in (416, 501):
                return Part(-1, 0, None)
            check(response)
            match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if code != 206 or not match:
                said = response.headers.get("Content-Length", "")
                size = int(said) if said.isdigit() and len(said) < 19 else -1
                if 0 <= size <= length:
                    start = 0
                else:
                    return Part(size, 0, None)
                last = size - 1
            else:
                start, last, size = map(int, match.groups())
                if not start <= last < size or last - start >= length:
                    return Part(-1, 0, None)
            data = response.raw.read(last - start + 1, decode_content=False)
            if len(data) != last - start + 1:
                raise Again("the connection was dropped")
            count(len(data))
            return Part(size, start, bytes(data))

    return client.insist(url, attempt)


def _local(url: str, start: int | None, length: int) -> Part:
    path = unquote(urlsplit(url).path)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            at = max(0, size - length) if start is None else start
            file.seek(at)
            return Part(size, at, file.read(length))
    except OSError as error:
        kind = "absent" if isinstance(error, FileNotFoundError) else "trouble"
        raise IndexTrouble(kind, f"{_name(url)}: {error.strerror}") from error


def _name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])
