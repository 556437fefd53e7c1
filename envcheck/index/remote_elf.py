"""Members of wheels on an index, read in part: shared objects as far as a loader needs, sources.

A member is compressed, so only what is before a place can be had to get there. Linkers put the
names that matter near the beginning and the table that refers to them near the end of what is
loaded; tools that copy libraries into wheels (patchelf) move both to the end. So a large library
costs most of itself, and bytes are limited: for a wheel, and for all of a run. What is beyond the
limit raises OutOfBudgetError before it is fetched, as soon as the object's head tells how much it
would be.

Offsets and sizes are what an index says: all of it is bounded.
"""

from __future__ import annotations

import struct
import threading
import zlib
from typing import TYPE_CHECKING, NamedTuple

from envcheck.errors import IndexTrouble
from envcheck.index import elf, ranges, zip_directory
from envcheck.index.elf import DamagedElfError, Elf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from envcheck.index.client import Client
    from envcheck.index.pages import File

RUN, WHEEL = 96 << 20, 48 << 20  # bytes that may be fetched
_INFLATED = 1 << 30  # bytes of one object that are unpacked at most
_ATONCE = 1 << 20  # bytes: of a smaller object all is fetched at once
_SOURCE = 2 << 20  # bytes of a source file
_FIRST, _MOST = 1 << 16, 4 << 20  # bytes asked for at once
_TAIL = 32 << 10
_WHOLE = 256 << 10  # a wheel of less is fetched at once
_NEAR = 16 << 10  # what lies nearer is fetched together
_CUT = 1 << 18  # bytes unpacked at once
_KEPT = 8 << 20  # of unpacked bytes, between places from which unpacking can go on


class OutOfBudgetError(Exception):
    """``wanted`` bytes would have to be fetched, more than may be."""

    def __init__(self, wanted: int) -> None:
        super().__init__(f"{wanted / 1e6:.0f} MB would have to be fetched")
        self.wanted = wanted


class Budget:
    """Bytes that may be fetched, by threads: ``most``, or less for a while."""

    def __init__(self, most: int) -> None:
        self.spent = 0
        self._most = self._limit = most
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Bytes that may still be fetched."""
        return max(0, self._limit - self.spent)

    def limit(self, number: int) -> None:
        """No more than ``number`` in all, nor than ``most``."""
        self._limit = min(self._most, number)

    def renew(self) -> None:
        """``most`` again, whatever was spent."""
        self._limit = self.spent + self._most

    def take(self, number: int) -> None:
        """``number`` of them. Raises OutOfBudgetError."""
        with self._lock:
            if self.spent + number > self._limit:
                raise OutOfBudgetError(number)
            self.spent += number


class Wheels:
    """The wheels of a run, opened once each. ``count`` is told of every byte. Shared by threads."""

    def __init__(
        self, client: Client, count: Callable[[int], None], *, run: int = RUN, wheel: int = WHEEL
    ) -> None:
        self.budget = Budget(run)
        self._client, self._count, self._wheel = client, count, wheel
        self._open: dict[str, RemoteWheel] = {}
        self._lock = threading.Lock()

    def open(self, file: File) -> RemoteWheel:
        """The wheel; nothing is fetched yet."""
        with self._lock:
            if file.url not in self._open:
                budgets = (self.budget, Budget(self._wheel))
                self._open[file.url] = RemoteWheel(file, self._client, self._count, budgets)
            return self._open[file.url]


class RemoteWheel:
    """One wheel. All of it raises IndexTrouble (``unfit`` if it is no wheel, ``trouble`` if the
    index sends no parts of files) and OutOfBudgetError.
    """

    def __init__(
        self,
        file: File,
        client: Client,
        count: Callable[[int], None],
        budgets: Sequence[Budget],
    ) -> None:
        self.file = file
        self._client, self._count, self._budgets = client, count, budgets
        self._parts: list[tuple[int, bytes]] = []
        self._size = self._end = 0
        self._members: dict[str, zip_directory.Member] | None = None
        self._objects: dict[str, Elf | DamagedElfError | OutOfBudgetError] = {}
        self._texts: dict[str, bytes] = {}
        self._lock = threading.RLock()

    def allow(self, number: int) -> None:
        """No more than ``number`` bytes in all, where that is less than its own limit."""
        self._budgets[-1].limit(number)

    @property
    def left(self) -> int:
        """Bytes that its run may still fetch."""
        return self._budgets[0].left

    @property
    def spent(self) -> int:
        """Bytes fetched of it."""
        return self._budgets[-1].spent

    def members(self) -> dict[str, zip_directory.Member]:
        """Files by their path in it."""
        with self._lock:
            if self._members is None:
                try:
                    self._members = self._listed()
                except ValueError as error:
                    raise self._unfit(error) from error
            return self._members

    def elf(self, path: str) -> Elf:
        """A shared object. Raises DamagedElfError, too."""
        with self._lock:
            if path not in self._objects:
                try:
                    self._objects[path] = self._elf(self.members()[path])
                except (DamagedElfError, OutOfBudgetError) as error:
                    self._objects[path] = error
            found = self._objects[path]
        if isinstance(found, Exception):
            raise found
        return found

    def sources(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Contents of small files, fetched together where they lie together. What is longer than
        2 MB is left out.
        """
        members = self.members()
        asked = [members[path] for path in paths if members[path].size <= _SOURCE]
        with self._lock:
            new = [member for member in asked if member.name not in self._texts]
            for start, end in self._spans(new):
                self._part(start, end - start)
            for member in new:
                data = self._part(member.offset, self._bound(member) - member.offset)
                try:
                    text = zip_directory.unpacked(data, member, _SOURCE)
                except ValueError as error:
                    raise self._unfit(error) from error
                self._texts[member.name] = text or b""
            return {member.name: self._texts[member.name] for member in asked}

    def ahead(self, paths: Iterable[str]) -> None:
        """Fetch small objects that will be asked for, together where they lie together."""
        members = self.members()
        small = [one for one in map(members.__getitem__, paths) if one.compressed <= _ATONCE]
        with self._lock:
            for start, end in self._spans(small):
                if end - start > min(budget.left for budget in self._budgets):
                    return
                self._part(start, end - start)

    def _spans(self, members: Iterable[zip_directory.Member]) -> list[list[int]]:
        """Where members lie (begin, end), those that lie together in one."""
        spans: list[list[int]] = []
        for member in sorted(members, key=lambda member: member.offset):
            end = self._bound(member)
            if spans and member.offset - spans[-1][1] < _NEAR and end - spans[-1][0] < _MOST:
                spans[-1][1] = max(spans[-1][1], end)
            else:
                spans.append([member.offset, end])
        return spans

    def forget(self) -> None:
        """Give back the memory of what was fetched; objects and sources that were read stay."""
        self._parts.clear()

    def _bound(self, member: zip_directory.Member) -> int:
        """Where a member ends at the latest."""
        return min(self._end, member.offset + 30 + len(member.name) + 64 + member.compressed)

    def _unfit(self, error: Exception) -> IndexTrouble:
        return IndexTrouble("unfit", f"{self.file.filename} is no wheel: {error}")

    def _listed(self) -> dict[str, zip_directory.Member]:
        small = self.file.size is not None and self.file.size <= _WHOLE
        length = _WHOLE if small else _TAIL
        self._take(min(length, self.file.size or length))
        tail = ranges.tail(self.file.url, length, self._client, self._count)
        if tail.data is None:
            raise IndexTrouble(
                "trouble", f"{self.file.filename}: the index sends no parts of files"
            )
        self._size = tail.size
        self._parts.append((tail.start, tail.data))
        end = zip_directory.end_of(tail.data, tail.size)
        if end is None:
            start = max(0, tail.size - zip_directory.LONGEST_END)
            longer = self._part(start, tail.start - start) + tail.data
            end = zip_directory.end_of(longer, tail.size)
            if end is None:
                raise ValueError("it has no list of members")
        self._end = end.start
        columns = zip_directory.columns(self._part(end.start, end.length), end.shift)
        columns.check(end.start)
        listed = (columns.member(number) for number in range(len(columns.names)))
        return {one.name: one for one in listed if not one.name.endswith("/")}

    def _take(self, number: int) -> None:
        for budget in self._budgets:
            budget.take(number)

    def _part(self, start: int, length: int) -> bytes:
        """Bytes of the wheel, fetched once."""
        for at, data in self._parts:
            if at <= start and start + length <= at + len(data):
                return data[start - at : start - at + length]
        if length <= 0 or start < 0 or start + length > self._size:
            raise self._unfit(ValueError("its members are not where its list of them says"))
        self._take(length)
        data = ranges.part(self.file.url, start, length, self._size, self._client, self._count)
        self._parts.append((start, data))
        return data

    def _elf(self, member: zip_directory.Member) -> Elf:
        try:
            packed = _Packed(member, self._part, self._end)
            if packed.stored:
                return elf.parse(packed.stored_pieces)
            unpacked = _Unpacked(packed, member.size)
            head = unpacked.pieces([(0, elf.HEAD)])[0]
            share = elf.dynamic_end(head) / max(1, member.size)
            wanted = int(min(share, 1.0) * member.compressed) - packed.fetched
            wanted = max(0, wanted)
            if wanted > min(budget.left for budget in self._budgets):
                raise OutOfBudgetError(wanted)
            return elf.parse(unpacked.pieces)
        except (zlib.error, struct.error) as error:
            raise DamagedElfError(f"it cannot be unpacked: {error}") from error


class _Packed:
    """The bytes of a member as they lie in the wheel, fetched in pieces that grow."""

    def __init__(
        self, member: zip_directory.Member, part: Callable[[int, int], bytes], end: int
    ) -> None:
        if member.method not in (0, 8) or member.flags & 1:
            raise DamagedElfError(f"it is compressed by method {member.method}, not known here")
        self.stored = member.method == 0
        self._part = part
        length = min(30 + len(member.name) + 64 + _begin(member), end - member.offset)
        first = part(member.offset, length)
        if first[:4] != b"PK\3\4" or len(first) < 30:
            raise DamagedElfError("it is not where the wheel's list of members says")
        name, more = struct.unpack_from("<HH", first, 26)
        self._start = member.offset + 30 + name + more
        self._length = max(0, min(member.compressed, end - self._start))
        self._cuts = [0, max(0, min(self._length, length - 30 - name - more))]

    @property
    def fetched(self) -> int:
        """Bytes of it."""
        return int(self._cuts[-1])

    def piece(self, number: int) -> bytes:
        """The next ones after the piece before it; empty at the end."""
        while len(self._cuts) <= number + 1:
            size = min(_MOST, _FIRST << min(len(self._cuts), 16))
            self._cuts.append(min(self._length, self._cuts[-1] + size))
        start, end = self._cuts[number : number + 2]
        return self._part(self._start + start, end - start) if start < end else b""

    def stored_pieces(self, asked: Sequence[tuple[int, int]]) -> list[bytes]:
        """Of a member that is not compressed."""
        found = []
        for offset, length in asked:
            length = max(0, min(length, self._length - offset))
            found.append(self._part(self._start + offset, length) if length else b"")
        return found


def _begin(member: zip_directory.Member) -> int:
    """How much of a member is fetched at first."""
    return member.compressed if member.compressed <= _ATONCE else _FIRST


class _Place(NamedTuple):
    """Where unpacking can go on: offset in what is unpacked, the next piece, state, what is left of
    the piece before.
    """

    offset: int
    piece: int
    state: zlib._Decompress
    left: bytes


class _Unpacked:
    """What a compressed member unpacks to, without keeping it."""

    def __init__(self, packed: _Packed, size: int) -> None:
        self._packed = packed
        self._size = min(size, _INFLATED)
        self._known = size
        self._places = [_Place(0, 0, zlib.decompressobj(-15), b"")]

    def pieces(self, asked: Sequence[tuple[int, int]]) -> list[bytes]:
        """Pieces (offset, length), those that lie together unpacked together."""
        spans: list[list[int]] = []
        for offset, length in sorted(asked):
            end = min(self._known, offset + length)
            if end > self._size and offset < self._known:
                raise OutOfBudgetError(end)
            if spans and offset - spans[-1][1] < _NEAR:
                spans[-1][1] = max(spans[-1][1], end)
            else:
                spans.append([offset, end])
        found = [(start, self._span(start, end)) for start, end in spans]
        return [
            next(
                data[at - start : at - start + n] for start, data in reversed(found) if start <= at
            )
            for at, n in asked
        ]

    def _span(self, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        place = next(one for one in reversed(self._places) if one.offset <= start)
        at, number, left = place.offset, place.piece, place.left
        state = place.state.copy()
        out = bytearray()
        while at < end:
            if at - self._places[-1].offset >= _KEPT:
                self._places.append(_Place(at, number, state.copy(), left))
            if not left:
                left = self._packed.piece(number)
                number += 1
                if not left:
                    break
            data = state.decompress(left, _CUT)
            left = state.unconsumed_tail
            out += data[max(0, start - at) : max(0, end - at)]
            at += len(data)
            if state.eof:
                break
        return bytes(out)
