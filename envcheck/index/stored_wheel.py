"""Wheels that lie here, or only look like wheels, read by ``zipfile`` as installers do."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from functools import lru_cache
from typing import BinaryIO

from envcheck.errors import IndexTrouble
from envcheck.index import zip_directory
from envcheck.index.pages import normalized
from envcheck.index.wheel_metadata import LONGEST

BLOCK = 4096  # bytes that a file takes at least, and in steps of which it grows
_TAIL = 1 << 16  # bytes at the end that have the list of members, or say where it is
_BAD = (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError, struct.error,
        zlib.error, lzma.LZMAError)  # fmt: skip


def metadata(path: str, filename: str) -> bytes:
    """METADATA of the wheel at ``path``, called ``filename`` on its index. Raises IndexTrouble
    (unfit) if none can be read, OSError.
    """
    with open(path, "rb") as stream:
        return metadata_in(stream, filename)


def metadata_in(file: BinaryIO, filename: str) -> bytes:
    """The same of an open file."""
    try:
        _check_directory(file)
        with zipfile.ZipFile(file) as archive, archive.open(_member(archive, filename)) as stream:
            data = stream.read(LONGEST + 1)
    except _BAD as error:
        raise IndexTrouble("unfit", f"{filename} is no wheel: {error}") from error
    if len(data) > LONGEST:
        raise IndexTrouble("unfit", f"{filename}: its METADATA is longer than {LONGEST:,} bytes")
    return data


@lru_cache(maxsize=4096)
def unpacked(path: str) -> int:
    """Bytes of a wheel on a disk of blocks of 4 KiB. Raises IndexTrouble (unfit), OSError.

    The directory is only a claim of the wheel: installers unpack no more than it says.
    """
    try:
        with open(path, "rb") as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as wheel:
                return sum(-(-entry.file_size // BLOCK) * BLOCK for entry in wheel.infolist())
    except _BAD as error:
        name = path.rpartition("/")[2]
        raise IndexTrouble("unfit", f"{name} cannot be unpacked: {error}") from error


def _check_directory(file: BinaryIO) -> None:
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
    if members > zip_directory.MEMBERS or length > zip_directory.DIRECTORY:
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
