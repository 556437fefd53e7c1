"""What a dynamic loader asks of a shared object (ELF), parsed from pieces of it.

System V ABI, chapters 4 and 5; GNU symbol versions as in the LSB. Nothing here reads anything: who
calls ``parse`` gives the pieces, so that of a member of a wheel no more is fetched than is needed.
Every offset and count is bounded: the bytes are a stranger's.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    #: Gives the pieces (offset, length) of a file in their order, shorter where the file ends.
    Pieces = Callable[[Sequence[tuple[int, int]]], list[bytes]]

HEAD = 4096  # bytes: in every object that a linker makes it holds all program headers
_SEGMENTS, _ENTRIES = 128, 4096
_LIBRARIES, _VERSIONS = 512, 4096
_NAME, _PATH = 512, 8192  # bytes of a string
_TABLE = 1 << 16  # bytes of the table of needed versions
_LOAD, _DYNAMIC = 1, 2
_END, _NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 10, 14, 15, 29
_VERNEED, _VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_WEAK = 2  # VER_FLG_WEAK: that such a version is missing is no error
_MACHINES = {
    3: "i686",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "arm",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
    258: "loongarch64",
}


class DamagedElfError(ValueError):
    """It is no ELF object, or one that no loader would take. Says why."""


class Elf(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``machine`` as uname says it (a number if it has no name here), ``needed`` and ``folders``
    (RPATH and RUNPATH) in their order, ``versions``: by library, those that must be in it.
    """

    machine: str
    bits: int = 64
    little: bool = True
    soname: str = ""
    needed: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    versions: dict[str, list[str]] = field(default_factory=dict)


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int  # in the file


class _Layout(NamedTuple):
    machine: str
    order: str  # of struct: `<` or `>`
    wide: bool
    segments: list[_Segment]

    def offset(self, address: int) -> int:
        """Where in the file the loader finds ``address``."""
        for segment in self.segments:
            if segment.kind == _LOAD and 0 <= address - segment.address < segment.size:
                return segment.offset + address - segment.address
        raise DamagedElfError("it points to where nothing is loaded")


def dynamic_end(head: bytes) -> int:
    """How much of the file has to be read at least, in bytes, by its first HEAD bytes.

    0 if it has no dynamic section. Raises DamagedElfError.
    """
    found = _dynamic(_layout(head))
    return found.offset + found.size if found else 0


def parse(pieces: Pieces) -> Elf:
    """The object whose bytes ``pieces`` gives. Raises DamagedElfError, and what ``pieces`` does."""
    layout = _layout(pieces([(0, HEAD)])[0])
    bits, little = 64 if layout.wide else 32, layout.order == "<"
    segment = _dynamic(layout)
    if segment is None:
        return Elf(machine=layout.machine, bits=bits, little=little)
    word = 8 if layout.wide else 4
    length = min(segment.size, _ENTRIES * 2 * word)
    table = pieces([(segment.offset, length)])[0]
    entries = list(_entries(table, layout, word))
    single = dict(reversed(entries))
    if _STRTAB not in single:
        raise DamagedElfError("its dynamic section names no strings")
    strings = layout.offset(single[_STRTAB])
    size = single.get(_STRSZ, 1 << 40)
    wanted: list[tuple[int, int]] = []  # tag, offset in the strings
    wanted += [(tag, value) for tag, value in entries if tag in (_NEEDED, _SONAME)][:_LIBRARIES]
    wanted += [(tag, value) for tag, value in entries if tag in (_RPATH, _RUNPATH)][:2]
    needs: list[tuple[int, list[int]]] = []
    if single.get(_VERNEED) and single.get(_VERNEEDNUM):
        needs = _needed_versions(pieces, layout, single[_VERNEED], single[_VERNEEDNUM])
    offsets = [(value, _PATH if tag in (_RPATH, _RUNPATH) else _NAME) for tag, value in wanted]
    for library, versions in needs:
        offsets += [(library, _NAME), *((version, _NAME) for version in versions)]
    texts = iter(_strings(pieces, strings, size, offsets))
    found = [(tag, next(texts)) for tag, _ in wanted]
    versions_of: dict[str, list[str]] = {}
    for _, versions in needs:
        versions_of.setdefault(next(texts), []).extend(next(texts) for _ in versions)
    return Elf(
        machine=layout.machine,
        bits=bits,
        little=little,
        soname=next((text for tag, text in found if tag == _SONAME), ""),
        needed=[text for tag, text in found if tag == _NEEDED],
        folders=[
            folder
            for tag, text in found
            if tag in (_RPATH, _RUNPATH)
            for folder in text.split(":")
            if folder
        ],
        versions=versions_of,
    )


def _layout(head: bytes) -> _Layout:
    if len(head) < 52 or head[:4] != b"\x7fELF":
        raise DamagedElfError("it is no ELF object")
    if head[4] not in (1, 2) or head[5] not in (1, 2):
        raise DamagedElfError("its header is damaged")
    wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
    if wide and len(head) < 64:
        raise DamagedElfError("its header is cut off")
    number = struct.unpack_from(f"{order}H", head, 18)[0]
    start = struct.unpack_from(f"{order}Q" if wide else f"{order}L", head, 32 if wide else 28)[0]
    step, count = struct.unpack_from(f"{order}HH", head, 54 if wide else 42)
    shape = struct.Struct(f"{order}LLQQQQ" if wide else f"{order}LLLLL")
    if count and not shape.size <= step <= 256:
        raise DamagedElfError("its program headers are damaged")
    segments = []
    for at in range(start, start + step * min(count, _SEGMENTS), step or 1):
        if at + shape.size > len(head):
            raise DamagedElfError("its program headers are not at its beginning")
        row = shape.unpack_from(head, at)
        kind, offset, address, size = (
            (row[0], row[2], row[3], row[5]) if wide else (row[0], row[1], row[2], row[4])
        )
        segments.append(_Segment(kind, offset, address, size))
    return _Layout(_MACHINES.get(number, str(number)), order, wide, segments)


def _dynamic(layout: _Layout) -> _Segment | None:
    return next((segment for segment in layout.segments if segment.kind == _DYNAMIC), None)


def _entries(table: bytes, layout: _Layout, word: int) -> list[tuple[int, int]]:
    """Tags and values of a dynamic section, up to its end."""
    shape = struct.Struct(f"{layout.order}{'QQ' if word == 8 else 'LL'}")
    found: list[tuple[int, int]] = []
    for at in range(0, len(table) - shape.size + 1, shape.size):
        tag, value = shape.unpack_from(table, at)
        if tag == _END:
            break
        found.append((tag, value))
    return found


def _needed_versions(
    pieces: Pieces, layout: _Layout, address: int, count: int
) -> list[tuple[int, list[int]]]:
    """Offsets into the strings: of a library and of the versions that it must have."""
    data = pieces([(layout.offset(address), _TABLE)])[0]
    library, version = struct.Struct(f"{layout.order}HHLLL"), struct.Struct(f"{layout.order}LHHLL")
    found: list[tuple[int, list[int]]] = []
    at, left = 0, _VERSIONS
    for _ in range(min(count, _LIBRARIES)):
        if at + library.size > len(data):
            break
        _, several, name, first, following = library.unpack_from(data, at)
        versions: list[int] = []
        inner = at + first
        for _ in range(min(several, left)):
            if inner + version.size > len(data):
                break
            _, flags, _, text, step = version.unpack_from(data, inner)
            left -= 1
            if not flags & _WEAK:
                versions.append(text)
            if not step:
                break
            inner += step
        found.append((name, versions))
        if not following:
            break
        at += following
    return found


def _strings(
    pieces: Pieces, start: int, size: int, offsets: Sequence[tuple[int, int]]
) -> list[str]:
    """Strings at ``offsets`` (offset, longest), asked for at once, from the first to the last."""
    if any(offset >= size for offset, _ in offsets):
        raise DamagedElfError("it has a name outside of its strings")
    distinct = sorted(set(offsets))
    asked = [(start + offset, min(longest, size - offset)) for offset, longest in distinct]
    found: dict[tuple[int, int], str] = {}
    for key, data in zip(distinct, pieces(asked), strict=True):
        text, end, _ = data.partition(b"\0")
        if not end:
            raise DamagedElfError("it has a name without an end")
        found[key] = text.decode("utf-8", "backslashreplace")
    return [found[key] for key in offsets]
