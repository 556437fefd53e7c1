"""What lies in an sdist: names, sizes, and the texts that say how it is built. Nothing is unpacked.

Bytes that came from elsewhere are read with limits on everything: what they unpack to, how many
members, how long a name, how much text. ``tarfile`` reads headers of any length into memory and has
no limit; the reader here knows ustar, GNU and pax (POSIX.1-2001) names and sizes, which is what
sdists hold (PEP 625).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from envcheck.index import zip_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNPACKED = 384 << 20  # bytes that a beginning may unpack to
MEMBERS = 150_000  # of an sdist; the largest known has 40,000
TEXT = 512 << 10  # bytes of one text
_TEXTS = 24 << 20  # … of all that are kept
_MODULES = 3 << 20  # … of modules that a setup.py may import
_NAMES = 24 << 20  # characters of all names
_BLOCK = 512
_PIECE = 1 << 18
_STREAMS = 100  # that may be joined in a file
_EXTRA = 64 << 10  # bytes of a member that tells of the next one

_ROOT_TEXTS = frozenset(
    ("PKG-INFO", "setup.cfg", "pyproject.toml", "CMakeLists.txt", "meson.build", "Cargo.toml")
)
_DEEP_TEXTS = frozenset(("CMakeLists.txt", "meson.build", "Cargo.toml"))
_COMPILED = (".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".pyx", ".pxd", ".cu", ".cuh", ".i",
             ".m", ".mm")  # fmt: skip
#: Lines of a source that say what it includes, and when.
_LINES = re.compile(
    rb"^[ \t]*(?:#[ \t]*(?:include|if|el|en|def)|cdef[ \t]+extern)[^\n]*|/\*|\*/", re.M
)
#: A module that has to do with building, wherever it lies.
_BUILDS = re.compile(
    rb"Extension\b|ext_modules|cythonize|build_ext|build_wheel|build_meta|BuildHookInterface"
)


@dataclass
class Archive:
    """What was seen. ``names``: below the one directory that an sdist has, with sizes in bytes.

    ``texts``: of files that say how it is built; ``sources``: the directives in C, C++, Cython and
    CUDA sources. ``complete``: whether all of it was seen; ``problem``: why not, if something is
    wrong. ``absent``: what is certainly not in it although not all was seen.
    """

    names: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    sources: dict[str, bytes] = field(default_factory=dict)
    complete: bool = False
    problem: str = ""
    root: str | None = None
    absent: set[str] = field(default_factory=set)
    kept: int = 0  # bytes of texts and sources

    def wants(self, name: str, size: int) -> bool:
        """Whether a member's contents may say how it is built."""
        if size > TEXT or self.kept + size > _TEXTS:
            return False
        depth, last = name.count("/"), name.rpartition("/")[2]
        if last in _ROOT_TEXTS and (depth == 0 or (last in _DEEP_TEXTS and depth < 3)):
            return True
        return name.endswith((".py", *_COMPILED))

    def keep(self, name: str, data: bytes) -> None:
        """Take a member's contents in."""
        if name.endswith(_COMPILED):
            data = b"\n".join(_LINES.findall(data))
            if b"include" not in data and b"cdef" not in data:
                return
            self.sources[name] = data
        elif name.endswith(".py") and "/" in name and not _BUILDS.search(data):
            if name.count("/") > 1 or self._modules + len(data) > _MODULES:
                return
            self._modules += len(data)
            self.texts[name] = data.decode("utf-8", "replace")
        else:
            self.texts[name] = data.decode("utf-8", "replace")
        self.kept += len(data)

    def inside(self, path: str) -> str:
        """``path`` below the sdist's directory; empty if it is that directory or lies elsewhere."""
        path = path.removeprefix("./").strip("/")
        top, _, rest = path.partition("/")
        if self.root is None and top:
            self.root = top
        return rest if top == self.root else ""

    def add(self, name: str, size: int) -> bool:
        """Note a member; whether there may be more."""
        self.names[name] = size
        self._length += len(name)
        if len(self.names) >= MEMBERS or self._length > _NAMES:
            self.problem = f"it has more than {len(self.names):,} members"
            return False
        return True

    def merge(self, other: Archive) -> None:
        """Take in what was seen elsewhere in the same sdist."""
        for name, size in other.names.items():
            if name not in self.names and not self.add(name, size):
                return
        self.texts.update(other.texts)
        self.sources.update(other.sources)
        self.kept = max(self.kept, other.kept)

    _length: int = 0
    _modules: int = 0


class _Plain:
    """Unpacked bytes, as they are asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._have = bytearray()

    def read(self, count: int) -> bytes:
        """``count`` bytes, fewer at the end."""
        while len(self._have) < count:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._have += piece
        data = bytes(self._have[:count])
        del self._have[:count]
        return data

    def skip(self, count: int) -> bool:
        """Pass over bytes; whether there were as many."""
        while count > len(self._have):
            count -= len(self._have)
            self._have.clear()
            piece = next(self._pieces, b"")
            if not piece:
                return False
            self._have += piece
        del self._have[:count]
        return True


def read_tar(pieces: Iterator[bytes], archive: Archive) -> bool:
    """Note the members of a tar archive, as far as its unpacked bytes go; whether it has an end.

    Raises ValueError if it is none.
    """
    stream = _Plain(pieces)
    told: dict[str, str] = {}  # of the next member, by the one before
    while True:
        header = stream.read(_BLOCK)
        if len(header) < _BLOCK:
            return not header
        if not header.strip(b"\0"):
            return True
        name, size, kind = member_of(header)
        if kind in (b"x", b"L", b"g", b"K"):
            data = stream.read(size) if size <= _EXTRA else b""
            if kind == b"L":
                told["path"] = data.rstrip(b"\0").decode("utf-8", "replace")
            elif kind == b"x":
                told.update(_pax(data))
            if not stream.skip(-size % _BLOCK + (0 if data or not size else size)):
                return False
            continue
        name, size = told.get("path", name), _number(told.get("size", "")) or size
        told = {}
        if kind in (b"1", b"2", b"3", b"4", b"5", b"6"):  # links, devices, directories: no bytes
            continue
        below = archive.inside(name)
        if below and not archive.add(below, size):
            return False
        wanted = bool(below) and archive.wants(below, size)
        content = stream.read(size) if wanted else b""
        if wanted and len(content) == size:
            archive.keep(below, content)
        if not stream.skip(-size % _BLOCK + (0 if wanted else size)):
            return False


def member_of(header: bytes) -> tuple[str, int, bytes]:
    """Path, size and kind in a block that begins a member. Raises ValueError if it does not."""
    said = header[148:156].replace(b"\0", b" ").split()
    total = sum(header) - sum(header[148:156]) + 8 * 32
    try:
        if not said or int(said[0], 8) != total:
            raise ValueError("a member's checksum is wrong")
        field_ = header[124:136]
        if field_[0] & 0x80:
            size = int.from_bytes(field_[1:], "big")
        else:
            size = int(field_.replace(b"\0", b" ").split()[0] or b"0", 8)
    except (ValueError, IndexError) as error:
        raise ValueError(f"it is no tar archive: {error}") from error
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    path = (prefix + b"/" if prefix else b"") + name
    return path.decode("utf-8", "replace"), size, header[156:157]


def _pax(data: bytes) -> dict[str, str]:
    found = {}
    while data:
        length, space, _ = data.partition(b" ")
        if not space or not length.isdigit() or not 5 <= int(length) <= len(data):
            break
        key, _, value = data[len(length) + 1 : int(length)].partition(b"=")
        if key in (b"path", b"size"):
            found[key.decode()] = value.rstrip(b"\n").decode("utf-8", "replace")
        data = data[int(length) :]
    return found


def read_zip(read: Callable[[int, int], bytes], size: int, whole: bool, archive: Archive) -> None:
    """Note the members of a zip file of ``size`` bytes; ``read(start, length)`` gives its bytes.

    ``whole``: that costs nothing; else only the texts that say how it is built are read. Raises
    ValueError.
    """
    length = min(size, zip_directory.LONGEST_END)
    tail = read(size - length, length)
    end = zip_directory.end_of(tail, size)
    if end is None:
        raise ValueError("it has no list of members")
    columns = zip_directory.columns(read(end.start, end.length), end.shift)
    wanted = []
    for number in range(len(columns.names)):
        member = columns.member(number)
        below = archive.inside(member.name)
        if not below or member.name.endswith("/"):
            continue
        if not archive.add(below, member.size):
            return
        if archive.wants(below, member.size) and (whole or "/" not in below):
            wanted.append((below, member))
    for below, member in wanted:
        longest = min(
            member.compressed + 30 + 2 * len(member.name) + 256, end.start - member.offset
        )
        if longest <= 0 or member.compressed > TEXT or not archive.wants(below, member.size):
            continue
        data = zip_directory.unpacked(read(member.offset, longest), member, TEXT)
        if data is not None:
            archive.keep(below, data)


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0


def unpacked(data: bytes, filename: str, *, whole: bool = False) -> Iterator[bytes]:
    """What a compressed file or its beginning unpacks to, in pieces. Raises ValueError if it is not
    compressed as its name says, unpacks to too much, or is not ``whole`` although it should be.
    """
    done = 0
    for _ in range(_STREAMS):
        unpacker, errors = _unpacker(filename)
        while True:
            try:
                piece = unpacker.decompress(data, _PIECE)
            except errors as error:
                raise ValueError(f"it cannot be unpacked: {error}") from error
            data = b""
            if piece:
                yield piece
            done += len(piece)
            if done > UNPACKED:
                raise ValueError(f"it unpacks to more than {UNPACKED:,} bytes")
            if unpacker.eof:
                data = unpacker.unused_data.lstrip(b"\0")
                break
            if unpacker.needs_input and whole:
                raise ValueError("it is cut off")
            if unpacker.needs_input:
                return
        if not data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
            return


def _unpacker(filename: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """Of one stream, and what it raises."""
    if filename.endswith((".tar.gz", ".tgz")):
        import zlib

        return _Gzip(), (zlib.error,)
    if filename.endswith(".tar.bz2"):
        import bz2

        return bz2.BZ2Decompressor(), (OSError,)
    import lzma

    return lzma.LZMADecompressor(memlimit=256 << 20), (lzma.LZMAError, MemoryError)


class _Gzip:
    """``zlib`` with the interface of the others."""

    def __init__(self) -> None:
        import zlib

        self._unpacker = zlib.decompressobj(31)
        self.needs_input = True

    def decompress(self, data: bytes, longest: int) -> bytes:
        piece = self._unpacker.decompress(data or self._unpacker.unconsumed_tail, longest)
        self.needs_input = not self._unpacker.unconsumed_tail and len(piece) < longest
        return piece

    @property
    def eof(self) -> bool:
        return self._unpacker.eof

    @property
    def unused_data(self) -> bytes:
        return self._unpacker.unused_data
