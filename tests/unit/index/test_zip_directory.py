"""Lists of members: as `zipfile` reads them, and never anything else than ValueError."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envcheck.index import zip_directory

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).map(
    lambda name: name.replace("\\", "/")
)
MEMBERS = st.lists(
    st.tuples(NAMES, st.binary(max_size=200), st.sampled_from([0, 8]), st.binary(max_size=9)),
    max_size=12,
    unique_by=lambda member: member[0],
)


def zipped(members, *, comment=b"", before=b"", zip64=False) -> bytes:
    """A zip of (name, data, method, text of an extra field)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data, method, extra in members:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method
            info.extra = struct.pack("<HH", 0x7075, len(extra)) + extra if extra else b""
            with archive.open(info, "w", force_zip64=zip64) as file:
                file.write(data)
        archive.comment = comment
    return before + stream.getvalue()


def read(data: bytes) -> zip_directory.Columns:
    end = zip_directory.end_of(data, len(data))
    assert end
    return zip_directory.columns(data[end.start : end.start + end.length], end.shift)


def same(data: bytes) -> None:
    """What ``zipfile`` reads out of it is what is read here."""
    columns = read(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        ours = [columns.member(number) for number in range(len(columns.names))]
        assert [(info.orig_filename, info.file_size, info.compress_size, info.CRC,
                 info.header_offset) for info in archive.infolist()] == [
            (one.name, one.size, one.compressed, one.crc, one.offset) for one in ours
        ]  # fmt: skip
        for info, one in zip(archive.infolist(), ours, strict=True):
            unpacked = zip_directory.unpacked(data[one.offset :], one, 1000)
            assert unpacked == archive.read(info)


@given(MEMBERS, st.binary(max_size=40), st.binary(max_size=40), st.booleans())
def test_members_are_those_of_zipfile(members, comment, before, zip64):
    if b"PK" not in comment + before:
        same(zipped(members, comment=comment, before=before, zip64=zip64))


def test_the_mark_of_an_entry_inside_an_entry():
    same(zipped([("aPK\1\2b", b"1", 0, b""), ("c", b"2", 8, b"PK\1\2")]))


def test_numbers_that_need_64_bits():
    """As for a member of 5 GB that begins behind the first 6."""
    name = b"big"
    long = struct.pack("<HHQQQ", 1, 24, 5 << 30, 4 << 30, 6 << 30)
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 8, 0, 0, 7, 0xFFFFFFFF, 0xFFFFFFFF, len(name),
        len(long), 0, 0, 0, 0, 0xFFFFFFFF,
    )  # fmt: skip
    columns = zip_directory.columns(entry + name + long)
    assert columns.member(0) == ("big", 0, 8, 7, 4 << 30, 5 << 30, 6 << 30)
    with pytest.raises(ValueError, match="too long"):
        zip_directory.columns(entry + name + b"\2" + long[1:])


def test_a_longer_list_of_64_bits():
    """70,000 members do not fit the old end record."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    directory = (entry + b"a") * 70_000
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 70_000, 70_000, len(directory), 0
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(directory), 1)
    old = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    data = directory + record + locator + old
    assert len(read(data).names) == 70_000
    end = zip_directory.end_of(data[-200:], len(data))
    assert end == (70_000, 0, len(directory), 0)


def test_an_end_that_lies_further_ahead():
    data = zipped([("a", b"1", 0, b"")], comment=b"c" * 50_000)
    assert zip_directory.end_of(data[-1000:], len(data)) is None
    assert zip_directory.end_of(data[-60_000:], len(data)) == zip_directory.end_of(data, len(data))


@pytest.mark.parametrize(
    ("members", "length", "start"),
    [(400_000, 46, 0), (1, 10 << 40, 0), (1, 1000, 0), (1, 10, 4_000_000_000)],
)
def test_impossible_ends(members, length, start):
    zip64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, members, members, length, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    old = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with pytest.raises(ValueError, match="list"):
        zip_directory.end_of(bytes(100) + zip64 + locator + old, 100 + 56 + 20 + 22)


def test_members_that_cannot_be():
    columns = read(zipped([("a", b"\0" * 5000, 8, b"")]))
    columns.check(5000)
    with pytest.raises(ValueError, match="overlap"):
        columns._replace(compressed=[5001]).check(5000)
    with pytest.raises(ValueError, match="10,995,116,277,760"):
        columns._replace(sizes=[10 << 40]).check(5000)


def test_data_that_is_not_what_the_list_says():
    data = zipped([("x/METADATA", b"Name: x\n" * 9, 8, b""), ("b", b"22", 0, b"")])
    one = read(data).member(0)
    assert zip_directory.unpacked(data, one, 100) == b"Name: x\n" * 9
    assert zip_directory.unpacked(data[:20], one, 100) is None
    assert zip_directory.unpacked(data[:50], one, 100) is None
    for changed, reason in (
        (one._replace(crc=1), "not what"),
        (one._replace(size=71), "not what"),
        (one._replace(size=73), "not what"),
        (one._replace(name="x/RECORD"), "another name"),
        (one._replace(flags=1), "encrypted"),
        (one._replace(method=14), "method 14"),
        (one._replace(size=101), "longer than 100"),
    ):
        with pytest.raises(ValueError, match=reason):
            zip_directory.unpacked(data, changed, 100)
    with pytest.raises(ValueError, match="not where"):
        zip_directory.unpacked(data[1:], one, 100)
    broken = data.replace(zlib.compress(b"Name: x\n" * 9)[2:-4], b"\7" * 13)
    with pytest.raises(ValueError, match=r"unpacked|not what"):
        zip_directory.unpacked(broken, one, 100)


@settings(max_examples=300)
@given(MEMBERS, st.integers(0), st.binary(min_size=1, max_size=8), st.booleans())
def test_broken_lists_are_refused_or_read(members, place, junk, zip64):
    data = bytearray(zipped(members, zip64=zip64))
    place %= len(data)
    data[place : place + len(junk)] = junk
    try:
        columns = read(bytes(data))
        for number in range(len(columns.names)):
            zip_directory.unpacked(bytes(data), columns.member(number), 1000)
    except ValueError:
        return
    assert len({len(column) for column in columns}) == 1


@given(st.binary(max_size=300))
def test_garbage_is_refused(data):
    for tail in (data, data + b"PK\5\6" + data[:18].ljust(18, b"\0")):
        try:
            end = zip_directory.end_of(tail, len(tail))
        except ValueError:
            continue
        if end:
            assert 0 <= end.start <= len(tail)
    try:
        zip_directory.columns(b"PK\1\2" + data)
    except ValueError:
        return


def test_one_entry_is_found_in_the_last_piece():
    data = zipped([(f"m{n}", b"1", 0, b"") for n in range(99)] + [("i/METADATA", b"M", 0, b"ee")])
    columns = read(data)
    found = zip_directory.found_in(data[-300:], "i/METADATA")
    assert found == columns.member(99)
    assert zip_directory.found_in(data[-300:], "METADATA") is None
    assert zip_directory.found_in(data[-300:], "m0") is None
