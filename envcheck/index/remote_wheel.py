"""What is known of a wheel on an index without fetching it: METADATA, size, contents.

One range of its end does for most; a second one where the list of members is long.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from envcheck.errors import IndexTrouble
from envcheck.index import ranges, zip_directory
from envcheck.index.pages import name_and_version, normalized
from envcheck.index.wheel_contents import contents as contents_of
from envcheck.model.artifact import Contents, WheelFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.client import Client
    from envcheck.index.pages import File

TAIL = 16 << 10  # bytes read at first
TAIL_COMPILED = 32 << 10  # of a wheel for one ABI: it has more members, and is seldom short
METADATA_LIMIT = 16 << 20  # the largest known has 1 MB
_RECORD_LEAST = 30  # bytes of RECORD, compressed, for a member: 32 of them are its hash
_BETWEEN = 64 << 10  # bytes that are rather read in vain than asked for apart
#: A list of members as long as this is not read for each Python, if the wheels are alike: for torch
#: and tensorflow (2,900,000 bytes) what they unpack to is then at most 0.03 % off.
_LONG = 512 << 10
_MEMBERS_ALIKE, _SIZE_ALIKE = 0.01, 0.0005
_FIELD = re.compile(r"^(Name|Version):[ \t]*(\S*)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_BLANK = re.compile(rb"\r?\n\r?\n")
NO_PARTS = "the index sends no parts of files"


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
    if not name_and_version(file.filename)[0]:
        raise IndexTrouble("unfit", f"{file.filename} is not the name of a wheel")
    try:
        return _Wheel(file, client, count).facts(contents, sibling)
    except ValueError as error:
        raise IndexTrouble("unfit", f"{file.filename} is no wheel: {error}") from error


class _Wheel:
    """One wheel while it is looked at."""

    def __init__(self, file: File, client: Client, count: Callable[[int], None]) -> None:
        self.file, self.client, self.count = file, client, count
        self.stem = "-".join(file.filename.split("-")[:2])
        self.sources: dict[str, str] = {}
        self.problems: list[str] = []
        self.size = 0
        self.known: list[tuple[int, bytes]] = []  # parts: where they begin, bytes

    def facts(self, wanted: bool, sibling: tuple[File, WheelFacts] | None) -> WheelFacts:
        metadata = self._beside() if self.file.metadata else None
        if metadata is not None and not wanted:
            return self._made(self.file.size, metadata, None)
        tail = ranges.tail(self.file.url, _tail(self.file.filename), self.client, self.count)
        if tail.data is None:
            return self._without_parts(tail.size, metadata)
        self.size = tail.size
        self.known.append((tail.start, tail.data))
        self._check_size()
        end = zip_directory.end_of(tail.data, tail.size)
        if end is None:
            start = max(0, self.size - zip_directory.LONGEST_END)
            longer = self._read(start, tail.start - start) + tail.data
            end = zip_directory.end_of(longer, tail.size)
            if end is None:
                raise ValueError("it has no list of members")
        return self._looked_at(end, wanted, metadata, sibling)

    def _looked_at(
        self,
        end: zip_directory.End,
        wanted: bool,
        metadata: bytes | None,
        sibling: tuple[File, WheelFacts] | None,
    ) -> WheelFacts:
        if end.start < self.known[0][0]:  # the directory is longer than what was read
            short = self._by_tail(end, wanted, metadata, sibling)
            if short:
                return short
        directory = self._read(end.start, end.length)
        members = zip_directory.columns(directory, end.shift)
        stem = self._check(members)
        if metadata is None:
            number = members.names.index(f"{stem}.dist-info/METADATA".encode())
            metadata = self._member(members.member(number), end.start)
        found = None
        if wanted:
            self.sources["contents"] = "its list of members"
            found = contents_of(members.names, members.sizes, stem, end.members)
        return self._made(self.size, metadata, found)

    def _by_tail(
        self,
        end: zip_directory.End,
        wanted: bool,
        metadata: bytes | None,
        sibling: tuple[File, WheelFacts] | None,
    ) -> WheelFacts | None:
        """The facts without the whole list of members, of which the last part is known."""
        start, data = self.known[0]
        own = zip_directory.found_in(data, f"{self.stem}.dist-info/METADATA", end.shift)
        if own is None or not 0 <= own.offset < end.start:
            if metadata is None and end.length < 2 * _BETWEEN:  # it is probably in what is before
                self._read(max(0, end.start - _BETWEEN), start - max(0, end.start - _BETWEEN))
            return None
        found = self._like(end, sibling) if wanted else None
        if wanted and not found:
            listed = self._recorded(own, end, metadata is not None)
            if not listed:
                return None
            found = contents_of(*listed, self.stem, end.members)
            self.sources["contents"] = "its RECORD"
        return self._made(self.size, metadata or self._member(own, end.start), found)

    def _recorded(
        self, own: zip_directory.Member, end: zip_directory.End, beside: bool
    ) -> tuple[list[bytes], list[int]] | None:
        """Names and sizes of the members by RECORD if it lies behind METADATA: one range has both,
        and is shorter than the list of members. None if RECORD does not tell; then what is needed
        instead has been read, if that takes one range.
        """
        start, data = self.known[0]
        record = zip_directory.found_in(data, f"{self.stem}.dist-info/RECORD", end.shift)
        if record and record.compressed >= _RECORD_LEAST * end.members:
            first = record.offset if beside else min(own.offset, record.offset)
            if 0 < end.start - first < start - end.start + _BETWEEN:
                self._read(first, end.start - first)
                try:
                    return _listed(self._member(record, end.start), end.members)
                except ValueError:
                    return None
        if not beside and end.start - own.offset < _BETWEEN:
            self._read(own.offset, start - own.offset)
        return None

    def _check(self, members: zip_directory.Columns) -> str:
        """What the names of the wheel's own directories begin with. Raises ValueError."""
        infos = {
            name[: -len(b".dist-info/METADATA")]
            for name in members.names
            if name.endswith(b".dist-info/METADATA") and name.count(b"/") == 1
        }
        if not infos:
            raise ValueError("it has no METADATA")
        if len(infos) > 1:
            raise ValueError("it has the METADATA of several distributions")
        return infos.pop().decode()

    def _member(self, member: zip_directory.Member, limit: int) -> bytes:
        """A member's data; ``limit``: where the members end."""
        length = min(30 + len(member.name.encode()) + 64 + member.compressed, limit - member.offset)
        if length <= 0:
            raise ValueError(f"{member.name} is not where its list of members says")
        if member.compressed > METADATA_LIMIT:
            raise ValueError(f"its {member.name.rpartition('/')[2]} is too long")
        data = zip_directory.unpack(self._read(member.offset, length), member, METADATA_LIMIT)
        if data is None:
            raise ValueError(f"{member.name} is cut off")
        if member.name.endswith("/METADATA"):
            self.sources["metadata"] = "METADATA in the wheel"
        return data

    def _read(self, start: int, length: int) -> bytes:
        """A part, asked for if it is not known. What is known at its end is not asked for again."""
        end = start + length
        for at, data in self.known:
            if at <= start and end <= at + len(data):
                return data[start - at : end - at]
        rest = b""
        for at, data in self.known:
            if start < at < end <= at + len(data):
                rest = data[: end - at]
        got = ranges.part(
            self.file.url, start, length - len(rest), self.size, self.client, self.count
        )
        self.known.append((start, got + rest))
        return got + rest

    def _like(
        self, end: zip_directory.End, sibling: tuple[File, WheelFacts] | None
    ) -> Contents | None:
        """The contents of another build of the same, if it is as large and has as many members."""
        if sibling is None or end.length < _LONG:
            return None
        file, facts = sibling
        other, size = facts.contents, facts.size
        if other is None or other.estimated_from or not size:
            return None
        if abs(end.members - other.members) > _MEMBERS_ALIKE * other.members:
            return None
        if abs(self.size - size) > _SIZE_ALIKE * size:
            return None
        self.sources["contents"] = f"estimated from {file.filename}"
        return replace(
            other,
            members=end.members,
            site=other.site * self.size // size,
            allocated=other.allocated * self.size // size,
            estimated_from=file.filename,
        )

    def _beside(self) -> bytes | None:
        """METADATA as the index offers it beside the wheel, None if it does not come."""
        parts = urlsplit(self.file.url)
        url = parts._replace(path=f"{parts.path}.metadata").geturl()
        try:
            _, data = self.client.page(url, {})
        except IndexTrouble as trouble:
            if trouble.kind != "absent":
                raise
            self.problems.append("the index offers metadata that it does not have")
            return None
        self.count(len(data))
        if self.file.metadata not in ("true", hashlib.sha256(data).hexdigest()):
            self.problems.append("the metadata beside it is not what the index says")
            return None
        self.sources["metadata"] = "the index's metadata file"
        return data

    def _without_parts(self, size: int, metadata: bytes | None) -> WheelFacts:
        self.problems.append(NO_PARTS)
        if size >= 0:
            self.size = size
            self._check_size("Content-Length")
        return self._made(size if size >= 0 else self.file.size, metadata, None)

    def _check_size(self, source: str = "Content-Range") -> None:
        said = self.file.size
        self.sources["size"] = "the index" if said == self.size else source
        if said not in (None, self.size):
            self.problems.append(f"it has {self.size:,} bytes, the index says {said:,}")

    def _made(
        self, size: int | None, metadata: bytes | None, contents: Contents | None
    ) -> WheelFacts:
        text = ""
        if metadata is not None:
            text = _BLANK.split(metadata, 1)[0].decode("utf-8", "replace") + "\n"
            self._check_metadata(text)
        return WheelFacts(
            size=size,
            metadata=text,
            contents=contents,
            sources=self.sources,
            problem="; ".join(self.problems),
        )

    def _check_metadata(self, text: str) -> None:
        said = {key.lower(): value for key, value in _FIELD.findall(text)}
        name, version = self.file.project, self.file.version
        if normalized(said.get("name", "")) != name or not _same(said.get("version", ""), version):
            raise ValueError(
                "it has another distribution's metadata "
                f"({said.get('name', '')[:100]} {said.get('version', '')[:100]})"
            )


def _tail(filename: str) -> int:
    """How much of a wheel's end is read at first.

    Of 120 of the most used, and of 90 that one closure has, it made the sum of bytes small and
    second requests few.
    """
    return TAIL if filename.split("-")[-2] == "none" else TAIL_COMPILED


def _listed(record: bytes, members: int) -> tuple[list[bytes], list[int]] | None:
    """Names and sizes in a RECORD; None unless it has a line with a size for each
    member that is no directory.
    """
    names, sizes = [], []
    for line in record.splitlines():
        name, comma, size = line.rpartition(b",")
        name, comma, _ = name.rpartition(b",")
        if not comma:
            continue
        if name[:1] == b'"':
            name = name[1:-1].replace(b'""', b'"')
        if not size and name.endswith(b".dist-info/RECORD"):
            size = b"%d" % len(record)
        names.append(name)
        sizes.append(int(size))
    if len(names) != members and len(names) + len(_folders(names)) != members:
        return None
    return names, sizes


def _folders(names: list[bytes]) -> set[bytes]:
    """The directories above these: some wheels list them, too."""
    found: set[bytes] = set()
    new = {name.rpartition(b"/")[0] for name in names}
    while new:
        found |= new
        new = {name.rpartition(b"/")[0] for name in new} - found
    return found - {b""}


def _same(version: str, other: str) -> bool:
    if version == other:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) == Version(other.replace("_", "-"))
    except InvalidVersion:
        return normalized(version) == normalized(other)
