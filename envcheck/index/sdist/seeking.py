"""Reading a gzip file from its middle: the end of an archive of 450 MB without what is before.

RFC 1951: a block may refer to the 32 KiB before it, and begins at any bit. A beginning is searched
for (where nothing fails for a good while it is one), and what refers to what was not read is told
from what does not by unpacking twice, with two different fillings of those 32 KiB. After some
hundred thousand bytes hardly anything does any more. What is wrong in spite of that does not pass
for the beginning of a member: that has a checksum.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from envcheck.index.sdist.archive import UNPACKED, member_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP = 12 << 10  # bytes that are searched at once; zlib's blocks have 20 to 60 thousand
_TRIED = 3_000  # bytes that are unpacked at first …
_HELD = 160 << 10  # … and then, to believe that it is a beginning
_CANDIDATES = 400_000
_WINDOW = 1 << 15
_FILLINGS = (bytes(n & 255 for n in range(_WINDOW)), bytes(~n & 255 for n in range(_WINDOW)))
#: The first byte of a block with codes of its own (BFINAL 0, BTYPE 2, at most 286 literal codes)
#: and its second one (at most 30 distance codes).
_FIRST = re.escape(bytes(count << 3 | 4 for count in range(30)))
_SECOND = re.escape(bytes(byte for byte in range(256) if byte & 31 < 30))
_BLOCK = re.compile(b"(?=[" + _FIRST + b"][" + _SECOND + b"])", re.S)
_MAGIC = re.compile(rb"ustar[\0 ]")
_AT = 257  # of the magic in a member's header
_HEADER = 512


class Middle:
    """``part`` of a gzip file, unpacked as far as that can be."""

    def __init__(self, part: bytes) -> None:
        stream = _from_beginning(part)
        self._plain, self._doubt = _unpacked(stream) if stream else (b"", b"")

    def stretches(self) -> Iterator[bytes]:
        """Pieces of the tar archive, each from a member's header on to where something is not
        known.
        """
        at = 0
        while True:
            start = _header(self._plain, self._doubt, at)
            if start is None:
                return
            end = _next_doubt(self._doubt, start)
            yield self._plain[start:end]
            at = end

    def tops(self, root: str) -> list[str]:
        """What probably are the first parts of paths below ``root``, in their order: also of
        members of which not all is known. Only for where to look next.
        """
        wanted = f"{root}/".encode()
        starts = [match.start() - _AT for match in _MAGIC.finditer(self._plain, _AT)]
        found = []
        for start in starts:
            name = self._plain[start : start + 100].partition(b"\0")[0]
            sure = self._doubt[start : start + len(name) + 1]
            same = all(
                one == other or doubt for one, other, doubt in zip(name, wanted, sure, strict=False)
            )
            top, _, _ = name[len(wanted) :].partition(b"/")
            end = len(wanted) + len(top) + 1
            if same and top.isascii() and top and not any(sure[len(wanted) : end]):
                found.append(top.decode())
        return found


def _from_beginning(part: bytes) -> bytes:
    """A stream that unpacks to the same as ``part`` from the beginning of a block on; empty if none
    is found.
    """
    left = _CANDIDATES
    for start in range(0, len(part), _STEP):
        window = part[start : start + _STEP + _TRIED + 1]
        for bit, stored in _candidates(window):
            at, shift = divmod(bit, 8)
            left -= 1
            if stored:
                begin, length = b"\0", stored + _HELD  # three bits that are 0 say that it is
            elif _holds(_PREFIXES[shift], window, at, shift, _TRIED):
                begin, length = _PREFIXES[shift], _HELD
            else:
                continue
            if _holds(begin, part, start + at, shift, length):
                return _joined(begin, part, start + at, shift, len(part))
            if left < 0:
                return b""
    return b""


def _prefix(shift: int) -> bytes:
    """Blocks that unpack to nothing much and end ``shift`` bits into a byte, so that what lies at
    whole bytes behind them stays there. The last byte is to be completed.
    """
    empty, empty_bits = 0b010, 10  # a block of the fixed codes with only its end
    bits, length = 0, 0
    if shift % 2:
        bits, length = 0b010 | 0x1FF << 3, 19  # the same with the byte 255, of nine bits
    while length % 8 != shift or not length:
        bits |= empty << length
        length += empty_bits
    return bits.to_bytes(length // 8 + 1, "little")


_PREFIXES = [_prefix(shift) for shift in range(8)]


def _joined(begin: bytes, part: bytes, at: int, shift: int, length: int) -> bytes:
    """``begin`` and then up to ``length`` bytes of ``part`` from a bit on."""
    if begin == b"\0":
        return begin + part[at : at + length]
    first = begin[-1] | (part[at] & ~((1 << shift) - 1))
    return begin[:-1] + bytes((first,)) + part[at + 1 : at + length]


def _holds(begin: bytes, part: bytes, at: int, shift: int, length: int) -> bool:
    """Whether the beginning of a stream unpacks."""
    stream = _joined(begin, part, at, shift, length)
    try:
        zlib.decompressobj(-15, zdict=_FILLINGS[0]).decompress(stream, 64 * length)
    except zlib.error:
        return False
    return True


def _candidates(window: bytes) -> list[tuple[int, int]]:
    """Where blocks may begin: (bit, 0), or for one that is stored (bit of its length, length)."""
    found = []
    for shift in range(8):
        shifted = _shifted(window, shift)
        found += [(8 * match.start() + shift, 0) for match in _BLOCK.finditer(shifted, 0, _STEP)]
    # a stored block has its length and the complement of that, at whole bytes
    number = int.from_bytes(window, "little")
    marks = (number ^ (number >> 16)).to_bytes(len(window), "little")
    at = marks.find(b"\xff\xff")
    while 0 <= at < min(_STEP, len(window) - 4):
        length = int.from_bytes(window[at : at + 2], "little")
        if length > 1000:
            found.append((8 * at, length))
        at = marks.find(b"\xff\xff", at + 1)
    return sorted(found)


def _shifted(data: bytes, bits: int) -> bytes:
    """``data`` without its first ``bits`` bits."""
    return (int.from_bytes(data, "little") >> bits).to_bytes(len(data), "little")


def _unpacked(stream: bytes) -> tuple[bytes, bytes]:
    """(what it unpacks to, where that is not known: bytes that are not zero)."""
    one, other = (_all(stream, filling) for filling in _FILLINGS)
    length = min(len(one), len(other))
    numbers = (int.from_bytes(plain[:length], "little") for plain in (one, other))
    return one[:length], (next(numbers) ^ next(numbers)).to_bytes(length, "little")


def _all(stream: bytes, filling: bytes) -> bytes:
    """As far as it can be unpacked."""
    unpacker = zlib.decompressobj(-15, zdict=filling)
    plain = bytearray()
    data = stream
    while data and len(plain) < UNPACKED:
        try:
            plain += unpacker.decompress(data[: 1 << 16], 1 << 22)
        except zlib.error:
            break
        data = unpacker.unconsumed_tail + data[1 << 16 :]
    return bytes(plain)


def _header(plain: bytes, doubt: bytes, at: int) -> int | None:
    """Where the next header of a member begins that is known and right."""
    for match in _MAGIC.finditer(plain, at + _AT):
        start = match.start() - _AT
        header = plain[start : start + _HEADER]
        if len(header) == _HEADER and not any(doubt[start : start + _HEADER]):
            try:
                member_of(header)
            except ValueError:
                continue
            return start
    return None


_DOUBT = re.compile(rb"[^\0]")


def _next_doubt(doubt: bytes, start: int) -> int:
    match = _DOUBT.search(doubt, start)
    return match.start() if match else len(doubt)
