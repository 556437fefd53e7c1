"""Reading a member of a wheel that lies on an index, without fetching the wheel."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

from envcheck.errors import IndexTrouble
from envcheck.index.client import Again, check
from envcheck.index.pages import normalized

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.client import Client

METADATA_LIMIT = 16 << 20  # bytes of METADATA; the largest known has 1 MB
_TAIL = 1 << 16  # read at first, from the end
_AHEAD = 1 << 15
_MEMBERS, _DIRECTORY = 300_000, 64 << 20  # of a wheel; the largest known has 20,000 in 2 MB
_BAD = (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError, struct.error,
        zlib.error, lzma.LZMAError)  # fmt: skip


class NoRangesError(Exception):
    """The server does not send parts of files."""


class RemoteFile(io.RawIOBase):
    """A file on a server, read by ranges. Raises NoRangesError, IndexTrouble."""

    def __init__(self, url: str, client: Client, count: Callable[[int], None]) -> None:
        self._url = url
        self._client = client
        self._count = count
        self._position = 0
        self._parts: list[tuple[int, bytes]] = []
        self.size = 0
        data = self._range(f"bytes=-{_TAIL}")
        self._parts.append((self.size - len(data), data))

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read anywhere."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Up to ``size`` bytes, all that are left if it is negative."""
        end = self.size if size is None or size < 0 else min(self.size, self._position + size)
        start, self._position = self._position, max(self._position, end)
        if start >= end:
            return b""
        for at, data in self._parts:
            if at <= start and end <= at + len(data):
                return data[start - at : end - at]
        last = min(self.size, max(end, start + _AHEAD)) - 1
        data = self._range(f"bytes={start}-{last}")
        self._parts.append((start, data))
        return data[: end - start]

    def _range(self, wanted: str) -> bytes:
        def attempt() -> bytes:
            headers = {"Range": wanted, "Accept-Encoding": "identity"}
            with self._client.open(self._url, headers=headers) as response:
                if response.status_code in (416, 501):
                    raise NoRangesError
                check(response)
                said = response.headers.get("Content-Range", "")
                match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", said)
                if response.status_code != 206 or not match:
                    raise NoRangesError
                first, last, total = map(int, match.groups())
                data = response.read(last - first + 1, self._client.patience)
                if len(data) != last - first + 1 or (self.size and total != self.size):
                    raise Again("the connection was dropped")
                self.size = total
                self._count(len(data))
                return bytes(data)

        return self._client.insist(self._url, attempt)


def metadata_in(file: BinaryIO | RemoteFile, filename: str) -> bytes:
    """METADATA of the wheel ``file``. Raises IndexTrouble(unfit) if none can be read."""
    try:
        _check_directory(file)
        with zipfile.ZipFile(file) as archive, archive.open(_member(archive, filename)) as stream:
            data = stream.read(METADATA_LIMIT + 1)
    except _BAD as error:
        raise IndexTrouble("unfit", f"{filename} is no wheel: {error}") from error
    if len(data) > METADATA_LIMIT:
        longest = f"{METADATA_LIMIT:,} bytes"
        raise IndexTrouble("unfit", f"{filename}: its METADATA is longer than {longest}")
    return data


def _check_directory(file: BinaryIO | RemoteFile) -> None:
    """Refuse a list of members that would fill the memory: ``zipfile`` reads all of it."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - _TAIL)
    file.seek(start)
    tail = file.read(size - start)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("it has no list of members")
    members, length = struct.unpack_from("<HL", tail, at + 10)
    locator = tail.rfind(b"PK\6\6", 0, at)  # zip64
    if locator >= 0 and len(tail) >= locator + 56:
        members, length = struct.unpack_from("<QQ", tail, locator + 32)
    if members > _MEMBERS or length > _DIRECTORY:
        raise zipfile.BadZipFile(f"it lists {members:,} members in {length:,} bytes")


def _member(archive: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    name, version = (*filename.split("-", 2), "")[:2]
    exact = f"{name}-{version}.dist-info/METADATA"
    found = [
        info
        for info in archive.infolist()
        if info.filename.endswith(".dist-info/METADATA") and info.filename.count("/") == 1
    ]
    found.sort(
        key=lambda info: (
            info.filename != exact,
            normalized(info.filename.partition("-")[0]) != normalized(name),
        )
    )
    if not found:
        raise zipfile.BadZipFile("it has no METADATA")
    return found[0]
