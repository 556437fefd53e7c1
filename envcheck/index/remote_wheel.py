"""What is known of a wheel on an index without fetching it: METADATA, size, contents.

One range of its end does for most. Where the list of members at its end is long, a second one has
METADATA and, right behind it, RECORD, which has the sizes of the files in half the bytes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from envcheck.errors import IndexTrouble
from envcheck.index import ranges, wheel_metadata, zip_directory
from envcheck.index.pages import name_and_version
from envcheck.index.wheel_contents import contents_of, recorded
from envcheck.model.artifact import WheelFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.client import Client
    from envcheck.index.pages import File
    from envcheck.index.zip_directory import Columns, End, Member
    from envcheck.model.artifact import Contents

TAIL = 16 << 10  # bytes read at first
TAIL_COMPILED = 32 << 10  # of a wheel for one ABI: it has more members, and is seldom short
_BETWEEN = 64 << 10  # bytes that are rather read in vain than asked for apart
_RECORD_LEAST = 30  # bytes of RECORD, compressed, for a member: 32 of them are its hash
#: A list of members as long as this is not read for each Python, if the wheels are alike: for torch
#: and tensorflow (2,900,000 bytes) what they unpack to is then at most 0.03 % off.
_LONG = 512 << 10
_MEMBERS_ALIKE, _SIZE_ALIKE = 0.01, 0.0005
NO_PARTS = "the index sends no parts of files"
_BESIDE = {
    "absent": "the index does not have the metadata that it offers",
    "hash": "the metadata beside the wheel has another hash than the index says",
    "unfit": "the metadata beside the wheel is too long",
}


def inspect(
    file: File,
    client: Client,
    count: Callable[[int], None],
    *,
    contents: bool = True,
    sibling: tuple[File, WheelFacts] | None = None,
) -> WheelFacts:
    """The facts of ``file``; ``count`` is told of the bytes that were moved.

    ``contents``: whether they are wanted. ``sibling``: a wheel of the same release and platform for
    another Python, whose contents stand for this one's if they are large and alike. Raises
    IndexTrouble: ``unfit`` if it is no wheel of what its name says.
    """
    if not name_and_version(file.filename)[0] or not file.is_wheel:
        raise IndexTrouble("unfit", f"{file.filename} is not the name of a wheel")
    try:
        return _Inspection(file, client, count).facts(contents, sibling)
    except ValueError as error:
        raise IndexTrouble("unfit", f"{file.filename} cannot be installed: {error}") from error


def metadata_in(file: File, client: Client, count: Callable[[int], None]) -> bytes | None:
    """METADATA as it is in a wheel, by ranges; None if the server sends no parts. Raises
    IndexTrouble: ``unfit`` if it cannot be read so, ``hash`` if the file is another one.
    """
    try:
        return _Inspection(file, client, count).own_metadata()
    except ValueError as error:
        raise IndexTrouble("unfit", f"{file.filename} cannot be installed: {error}") from error


def metadata_beside(file: File, client: Client, count: Callable[[int], None]) -> bytes:
    """METADATA as the index offers it beside the wheel (PEP 658). Raises IndexTrouble: ``absent``,
    ``hash`` and ``unfit`` say that it has to be read in the wheel.
    """
    parts = urlsplit(file.url)
    url = parts._replace(path=f"{parts.path}.metadata").geturl()
    _, data = client.page(url, {}, wheel_metadata.LONGEST)
    count(len(data))
    if file.metadata not in ("true", hashlib.sha256(data).hexdigest()):
        raise IndexTrouble("hash", f"{file.filename}.metadata is not what its index says")
    return data


class _Inspection:
    """One wheel while it is looked at."""

    def __init__(self, file: File, client: Client, count: Callable[[int], None]) -> None:
        self.file, self.client, self.count = file, client, count
        self.stem = "-".join(file.filename.split("-")[:2])
        self.info = f"{self.stem}.dist-info"
        self.size: int | None = file.size
        self.metadata: bytes | None = None
        self.contents: Contents | None = None
        self.sources: dict[str, str] = {}
        self.problems: list[str] = []
        self.known: list[tuple[int, bytes]] = []  # parts: where they begin, bytes

    def facts(self, wanted: bool, sibling: tuple[File, WheelFacts] | None) -> WheelFacts:
        """All of it; see ``inspect``. Raises ValueError, too."""
        if self.file.metadata:
            self._beside()
        if self.metadata is None or wanted:
            end = self._end()
            if end:
                self._look(end, wanted, sibling)
        elif self.size is not None:
            self.sources["size"] = "the index"
        text = ""
        if self.metadata is not None:
            text = wheel_metadata.headers(self.metadata)
            wheel_metadata.check(text, self.file)
        return WheelFacts(
            size=self.size,
            metadata=text,
            contents=self.contents,
            sources=self.sources,
            problem="; ".join(self.problems),
        )

    def own_metadata(self) -> bytes | None:
        """METADATA in the wheel; see ``metadata_in``. Raises ValueError, too."""
        end = self._end()
        if end:
            self._look(end, wanted=False, sibling=None)
        return self.metadata

    def _beside(self) -> None:
        """METADATA as the index offers it beside the wheel, if it comes."""
        try:
            self.metadata = metadata_beside(self.file, self.client, self.count)
            self.sources["metadata"] = "the index's metadata file"
        except IndexTrouble as trouble:
            if trouble.kind not in _BESIDE:
                raise
            self.problems.append(_BESIDE[trouble.kind])

    def _end(self) -> End | None:
        """Read the end of the wheel. None if the server sends no parts."""
        tail = ranges.tail(self.file.url, _tail(self.file.filename), self.client, self.count)
        if tail.size >= 0:
            self.size = tail.size
            said = self.file.size
            self.sources["size"] = (
                "the index"
                if said == tail.size
                else ("Content-Range" if tail.data is not None else "Content-Length")
            )
            if said not in (None, tail.size):
                self.problems.append(f"it has {tail.size:,} bytes, the index says {said:,}")
        elif self.size is not None:
            self.sources["size"] = "the index"
        if tail.data is None:
            self.problems.append(NO_PARTS)
            return None
        self.known.append((tail.start, tail.data))
        whole = self.file.sha256 if tail.start == 0 else ""
        if whole and whole != hashlib.sha256(tail.data).hexdigest():
            raise IndexTrouble("hash", f"{self.file.filename} is not what its index says")
        end = zip_directory.end_of(tail.data, tail.size)
        if end is None:
            start = max(0, tail.size - zip_directory.LONGEST_END)
            end = zip_directory.end_of(self._read(start, tail.size - start), tail.size)
        return end

    def _look(self, end: End, wanted: bool, sibling: tuple[File, WheelFacts] | None) -> None:
        """Find METADATA and the contents."""
        if end.start < self.known[0][0] and self._by_tail(end, wanted, sibling):
            return
        directory = self._read(end.start, end.length)
        members = zip_directory.columns(directory, end.shift)
        members.check(end.start)
        stem = self._stem(members)
        if self.metadata is None:
            number = members.names.index(f"{stem}.dist-info/METADATA".encode())
            self._take_metadata(members.member(number), end.start)
        if wanted:
            self.contents = contents_of(members.names, members.sizes, stem, end.members)
            self.sources["contents"] = "its list of members"
            name = f"{stem}.dist-info/entry_points.txt".encode()
            if name in members.names:
                self._count_commands(members.member(members.names.index(name)))

    def _by_tail(self, end: End, wanted: bool, sibling: tuple[File, WheelFacts] | None) -> bool:
        """The same without the whole list of members, whose last part is known. False if that part
        does not do; what is needed instead was read then, if one range can have it.
        """
        data = self.known[0][1]
        own = zip_directory.found_in(data, f"{self.info}/METADATA", end.shift)
        if own is None or not 0 <= own.offset < end.start:
            if self.metadata is None and end.length < 2 * _BETWEEN:
                first = max(0, end.start - _BETWEEN)  # it is probably in what is before
                self._read_from(first)
            return False
        if wanted:
            self._like(end, sibling)
            if self.contents is None and not self._by_record(own, end):
                return False
            points = zip_directory.found_in(data, f"{self.info}/entry_points.txt", end.shift)
            if points:
                self._count_commands(points)
        if self.metadata is None:
            self._take_metadata(own, end.start)
        return True

    def _like(self, end: End, sibling: tuple[File, WheelFacts] | None) -> None:
        """Take the contents of another build of the same if that is as large and has as many
        members.
        """
        if sibling is None or end.length < _LONG or self.size is None:
            return
        file, facts = sibling
        other, size = facts.contents, facts.size
        if other is None or other.estimated_from or not size:
            return
        if abs(end.members - other.members) > _MEMBERS_ALIKE * other.members:
            return
        if abs(self.size - size) > _SIZE_ALIKE * size:
            return
        self.contents = replace(
            other,
            members=end.members,
            site=other.site * self.size // size,
            allocated=other.allocated * self.size // size,
            estimated_from=file.filename,
        )
        self.sources["contents"] = f"estimated from {file.filename}"

    def _by_record(self, own: Member, end: End) -> bool:
        """Take the contents from RECORD if that lies behind METADATA and is the shorter read."""
        start, data = self.known[0]
        record = zip_directory.found_in(data, f"{self.info}/RECORD", end.shift)
        if record and record.compressed >= _RECORD_LEAST * end.members:
            first = record.offset if self.metadata else min(own.offset, record.offset)
            if 0 < end.start - first < start - end.start + _BETWEEN:
                self._read(first, end.start - first)
                listed = recorded(self._member(record, end.start), end.members)
                if listed is None or sum(listed[1]) > zip_directory.DENSEST * (self.size or 0):
                    return False
                self.contents = contents_of(*listed, self.stem, end.members)
                self.sources["contents"] = "its RECORD"
                return True
        if self.metadata is None and end.start - own.offset < _BETWEEN:
            self._read_from(own.offset)
        return False

    def _stem(self, members: Columns) -> str:
        """What the names of the wheel's own directories begin with. Raises ValueError."""
        ending = b".dist-info/METADATA"
        infos = [name for name in members.names if name[-19:] == ending and name.count(b"/") == 1]
        if not infos:
            raise ValueError("it has no METADATA")
        if len(set(infos)) > 1:
            raise ValueError("it has the METADATA of several distributions")
        if len(infos) > 1:
            raise ValueError("it has METADATA twice")
        return infos[0][: -len(ending)].decode("utf-8", "replace")

    def _count_commands(self, member: Member) -> None:
        """How many programs its entry points ask for, if they were read with the rest."""
        header = 30 + len(member.name.encode())
        part = self._known(member.offset, header + member.compressed)
        data = zip_directory.unpacked(part, member, wheel_metadata.LONGEST) if part else None
        if data and self.contents:
            self.contents = replace(self.contents, commands=wheel_metadata.commands(data))

    def _take_metadata(self, member: Member, limit: int) -> None:
        self.metadata = self._member(member, limit)
        self.sources["metadata"] = "METADATA in the wheel"

    def _member(self, member: Member, limit: int) -> bytes:
        """A member's data; ``limit``: where the members end. Raises ValueError."""
        header = 30 + len(member.name.encode()) + 64  # and what may follow its name
        length = min(header + member.compressed, limit - member.offset)
        if member.offset < 0 or length <= 0:
            raise ValueError(f"{member.name} is not where its list of members says")
        longest = wheel_metadata.LONGEST
        if member.compressed > longest:
            raise ValueError(
                f"its {member.name.rpartition('/')[2]} has more than {longest:,} bytes"
            )
        data = zip_directory.unpacked(self._read(member.offset, length), member, longest)
        if data is None:
            raise ValueError(f"{member.name} is cut off")
        return data

    def _read_from(self, start: int) -> None:
        self._read(start, (self.size or 0) - start)

    def _read(self, start: int, length: int) -> bytes:
        """A part. What is known of it already is not asked for again, if it is at its end."""
        known = self._known(start, length)
        if known is not None:
            return known
        end = start + length
        rest = next(
            (part[: end - at] for at, part in self.known if start < at < end <= at + len(part)), b""
        )
        size, missing = self.size or 0, length - len(rest)
        got = ranges.part(self.file.url, start, missing, size, self.client, self.count) + rest
        self.known.append((start, got))
        return got

    def _known(self, start: int, length: int) -> bytes | None:
        for at, part in self.known:
            if at <= start and start + length <= at + len(part):
                return part[start - at : start - at + length]
        return None


def _tail(filename: str) -> int:
    """How much of a wheel's end is read at first.

    Of 120 of the most used wheels, and of the 88 of one closure, these made both the sum of bytes
    and the number of second requests small.
    """
    return TAIL if filename.split("-")[-2] == "none" else TAIL_COMPILED
