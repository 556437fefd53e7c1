"""The list of members at the end of a zip file, read from bytes: quick where there are thousands.

``zipfile`` makes an object of each member, which takes 10 µs; here they are columns. What is wrong
is told as ValueError; every length is bounded before it is used.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MEMBERS, DIRECTORY = 300_000, 64 << 20  # of a wheel; the largest known has 20,000 in 2 MB
END = 22  # bytes of the end record, without its comment
LONGEST_END = END + 0xFFFF + 76  # with a comment and zip64's records
_ENTRY = b"PK\1\2"
_ROW = struct.Struct("<4xHH4xLLLHHH8xL")  # what follows the signature
_FULL = 0xFFFFFFFF
DENSEST = 1100  # bytes of which deflate makes one: it never makes one of more than 1032


class End(NamedTuple):
    """What the end record says. Offsets are in the file; ``shift``: bytes that lie before the zip
    and that its own offsets do not count.
    """

    members: int
    start: int  # of the directory
    length: int
    shift: int


class Member(NamedTuple):
    """A row of the directory. ``flags`` and ``method`` as the format has them."""

    name: str
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int  # of its local header, in the file


class Columns(NamedTuple):
    """The members in their order, a list for each property."""

    names: list[bytes]
    flags: list[int]
    methods: list[int]
    crcs: list[int]
    compressed: list[int]
    sizes: list[int]
    offsets: list[int]

    def check(self, end: int) -> None:
        """Raise ValueError unless they can lie before ``end``, and be as large as they say."""
        if sum(self.compressed) > end:
            raise ValueError("its members overlap")
        total = sum(self.sizes)
        if total > DENSEST * end and not set(self.methods) - {0, 8}:
            raise ValueError(f"it says that {end:,} bytes unpack to {total:,}")

    def member(self, number: int) -> Member:
        """One of them."""
        flags = self.flags[number]
        name = text(self.names[number], flags)
        return Member(name, flags, *(column[number] for column in self[2:]))


def end_of(tail: bytes, size: int) -> End | None:
    """The end record of a file of ``size`` bytes that ends in ``tail``; None if it may lie further
    ahead. Raises ValueError if there is none.
    """
    at = len(tail) - END
    if at < 0 or tail[at : at + 4] != b"PK\5\6" or tail[-2:] != b"\0\0":
        at = tail.rfind(b"PK\5\6", max(0, len(tail) - END - 0xFFFF))
        if at < 0 or at + END > len(tail):
            if len(tail) >= min(size, LONGEST_END):
                raise ValueError("it has no list of members")
            return None
    members, length, start = struct.unpack_from("<HLL", tail, at + 10)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\6\7":  # zip64's locator
        at -= 76
        if at < 0:
            if len(tail) >= size:
                raise ValueError("its list of members is cut off")
            return None
        if tail[at : at + 4] != b"PK\6\6":
            raise ValueError("its list of members is not where it should be")
        members, length, start = struct.unpack_from("<QQQ", tail, at + 32)
    if members > MEMBERS or length > DIRECTORY:
        raise ValueError(f"it lists {members:,} members in {length:,} bytes")
    really = size - len(tail) + at - length
    shift = really - start
    if really < 0 or shift < 0:
        raise ValueError("its list of members is longer than what is before it")
    return End(members, really, length, shift)


def columns(directory: bytes, shift: int = 0) -> Columns:
    """The members. Raises ValueError."""
    parts = directory.split(_ENTRY)
    if parts[0]:
        raise ValueError("its list of members is broken")
    del parts[0]
    if len(parts) > MEMBERS:
        raise ValueError(f"it lists {len(parts):,} members")
    fixed = b"".join([part[:42] for part in parts])
    rows: list[tuple[int, ...]] = []
    if len(fixed) == 42 * len(parts):
        rows = list(_ROW.iter_unpack(fixed))
    names = []
    for part, row in zip(parts, rows, strict=False):
        end = 42 + row[5]
        names.append(part[42:end])
        if end + row[6] + row[7] != len(part):
            rows = []
            break
    if len(rows) != len(parts):  # the signature is in a name, or something is wrong
        names, rows, extras = _one_by_one(directory)
    else:
        extras = parts
    if not rows:
        return Columns([], [], [], [], [], [], [])
    flags, methods, crcs, compressed, sizes, lengths, more, _, offsets = map(
        list, zip(*rows, strict=True)
    )
    if max(max(compressed), max(sizes), max(offsets)) == _FULL:
        for number, part in enumerate(extras):
            if _FULL in (compressed[number], sizes[number], offsets[number]):
                at = 42 + lengths[number]
                sizes[number], compressed[number], offsets[number] = _long(
                    part[at : at + more[number]], sizes[number], compressed[number], offsets[number]
                )
    if shift:
        offsets = [offset + shift for offset in offsets]
    if b"\0" in b"".join(names):
        names = [name.partition(b"\0")[0] for name in names]
    return Columns(names, flags, methods, crcs, compressed, sizes, offsets)


def _one_by_one(directory: bytes) -> tuple[list[bytes], list[tuple[int, ...]], list[bytes]]:
    names, rows, parts = [], [], []
    at = 0
    while at < len(directory):
        if directory[at : at + 4] != _ENTRY or at + 46 > len(directory):
            raise ValueError("its list of members is broken")
        row = _ROW.unpack_from(directory, at + 4)
        end = at + 46 + row[5] + row[6] + row[7]
        if end > len(directory):
            raise ValueError("its list of members is cut off")
        parts.append(directory[at + 4 : end])
        names.append(directory[at + 46 : at + 46 + row[5]])
        rows.append(row)
        at = end
    return names, rows, parts


def _long(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    """The three with zip64's numbers for those that are full."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        data = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if kind != 1:
            continue
        wanted = [value == _FULL for value in (size, compressed, offset)]
        if len(data) < 8 * sum(wanted):
            break
        numbers = iter(struct.unpack_from(f"<{sum(wanted)}Q", data))
        return tuple(  # type: ignore[return-value]
            next(numbers) if full else value
            for full, value in zip(wanted, (size, compressed, offset), strict=True)
        )
    raise ValueError("its list of members has numbers that are too long")


def found_in(tail: bytes, name: str, shift: int = 0) -> Member | None:
    """The member of this name in the last piece of a directory, if it is there."""
    wanted = name.encode()
    at = len(tail)
    while (at := tail.rfind(wanted, 0, at)) >= 46:
        if tail[at - 46 : at - 42] == _ENTRY:
            row = _ROW.unpack_from(tail, at - 42)
            flags, method, crc, compressed, size, length = row[:6]
            if length == len(wanted) and _FULL not in (compressed, size, row[8]):
                return Member(name, flags, method, crc, compressed, size, row[8] + shift)
    return None


def text(name: bytes, flags: int) -> str:
    """A member's name."""
    return name.decode("utf-8" if flags & 0x800 else "cp437", "replace")


def unpacked(part: bytes, member: Member, limit: int) -> bytes | None:
    """A member's data out of ``part``, which begins at its local header; None if ``part`` ends too
    early. Raises ValueError.
    """
    if len(part) < 30:
        return None
    if part[:4] != b"PK\3\4":
        raise ValueError(f"{member.name} is not where its list of members says")
    name, more = struct.unpack_from("<HH", part, 26)
    start = 30 + name + more
    if len(part) < start + member.compressed:
        return None
    if text(part[30 : 30 + name], member.flags) != member.name:
        raise ValueError(f"{member.name} has another name in its list of members")
    if member.flags & 1:
        raise ValueError(f"{member.name} is encrypted")
    if member.size > limit:
        raise ValueError(f"its {member.name.rpartition('/')[2]} is longer than {limit:,} bytes")
    data = part[start : start + member.compressed]
    if member.method == 8:
        try:
            data = zlib.decompressobj(-15).decompress(data, member.size + 1)
        except zlib.error as error:
            raise ValueError(f"{member.name} cannot be unpacked: {error}") from error
    elif member.method:
        raise ValueError(f"{member.name} is compressed by method {member.method}, not known here")
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise ValueError(f"{member.name} is not what its list of members says")
    return data
