"""Shared objects read from pieces: those that gcc makes, and those that nobody would make."""

from __future__ import annotations

import re
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from compiled import library
from hypothesis import given, settings
from hypothesis import strategies as st

from envcheck.index import elf
from envcheck.index.elf import DamagedElfError, Elf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def pieces_of(data: bytes):
    """Pieces of ``data``; how many bytes were asked for is counted in ``asked``."""

    def pieces(asked: Sequence[tuple[int, int]]) -> list[bytes]:
        for offset, length in asked:
            assert offset >= 0
            assert 0 <= length <= 1 << 20
            pieces.asked += length
        return [data[offset : offset + length] for offset, length in asked]

    pieces.asked = 0
    return pieces


def read(data: bytes) -> Elf:
    return elf.parse(pieces_of(data))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
def rich(folder: Path) -> Path:
    """An object with all that is read: two needed libraries, versions of their symbols, a path."""
    library(folder / "libfirst.so.1", "int first(void) { return 1; }", versions="FIRST_2.5")
    library(folder / "libsecond.so.7", "int second(void) { return 2; }")
    return library(
        folder / "module.so",
        "int first(void); int second(void); double exp(double);"
        "int all(double x) { return first() + second() + (int) exp(x); }",
        needs=[folder / "libfirst.so.1", folder / "libsecond.so.7"],
        more=["-lm", "-Wl,-rpath,$ORIGIN/../some.libs:/opt/lib", "-Wl,--no-as-needed"],
    )


def test_what_readelf_says(rich: Path) -> None:
    said = subprocess.run(
        ["readelf", "-d", "-V", rich], capture_output=True, text=True, check=True
    ).stdout
    found = read(rich.read_bytes())
    assert found.needed == re.findall(r"\(NEEDED\).*\[(.*)\]", said)
    assert found.needed[:2] == ["libfirst.so.1", "libsecond.so.7"]
    assert found.soname == "module.so"
    assert found.folders == ["$ORIGIN/../some.libs", "/opt/lib"]
    assert found.versions["libfirst.so.1"] == ["FIRST_2.5"]
    assert set(found.versions) == set(re.findall(r"File: (\S+)", said))
    named = re.findall(r"Name: (\S+)\s+Flags: none", said)
    assert sorted(one for list_ in found.versions.values() for one in list_) == sorted(named)
    assert (found.bits, found.little) == (64, True)


def test_little_is_asked_for(rich: Path) -> None:
    """Of an object of any size: 1 MB between its code and its end changes nothing."""
    pieces = pieces_of(rich.read_bytes() + bytes(1 << 20))
    elf.parse(pieces)
    assert pieces.asked < 200_000


def test_how_much_must_be_read(rich: Path) -> None:
    data = rich.read_bytes()
    end = elf.dynamic_end(data[: elf.HEAD])
    assert 0 < end <= len(data)
    said = subprocess.run(
        ["readelf", "-lW", rich], capture_output=True, text=True, check=True
    ).stdout
    row = re.search(r"DYNAMIC\s+(0x\w+) \S+ \S+ (0x\w+)", said)
    assert row
    assert end == int(row[1], 16) + int(row[2], 16)


def test_a_weak_version_may_be_missing(rich: Path) -> None:
    data = bytearray(rich.read_bytes())
    at = data.find(struct.pack("<L", _hash(b"FIRST_2.5")))
    struct.pack_into("<H", data, at + 4, 2)
    assert read(bytes(data)).versions["libfirst.so.1"] == []


def _hash(name: bytes) -> int:
    """As in the System V ABI."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        value = (value ^ (value >> 24 & 0xF0)) & 0x0FFFFFFF
    return value


def test_other_machines(rich: Path) -> None:
    data = bytearray(rich.read_bytes())
    struct.pack_into("<H", data, 18, 183)
    assert read(bytes(data)).machine == "aarch64"
    struct.pack_into("<H", data, 18, 4711)
    assert read(bytes(data)).machine == "4711"


def test_an_object_of_32_bits_and_the_other_byte_order() -> None:
    """Made by hand: compilers for it are rare."""
    strings = b"\0libold.so.1\0"
    dynamic = b"".join(
        struct.pack(">LL", *entry)
        for entry in ((1, 1), (5, 0x1000 + 52 + 64), (10, len(strings)), (0, 0))
    )
    head = b"\x7fELF\1\2\1" + bytes(9)
    head += struct.pack(">HHLLLLLHHHHHH", 3, 20, 1, 0, 52, 0, 0, 52, 32, 2, 0, 0, 0)
    at = 52 + 64 + len(strings)
    load = struct.pack(">LLLLLLLL", 1, 0, 0x1000, 0x1000, at + len(dynamic), 0, 5, 4096)
    data = head + load + struct.pack(">LLLLLLLL", 2, at, 0x1000 + at, 0, len(dynamic), 0, 6, 4)
    found = read(data + strings + dynamic)
    assert (found.machine, found.bits, found.little) == ("ppc", 32, False)
    assert found.needed == ["libold.so.1"]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x7fELF", b"MZ" + bytes(200), b"\xca\xfe\xba\xbe" * 30, b"\x7fELF\7" + bytes(99)],
)
def test_no_object(data: bytes) -> None:
    with pytest.raises(DamagedElfError):
        read(data)


def test_an_object_without_a_dynamic_section_needs_nothing() -> None:
    assert read(b"\x7fELF\2\1" + bytes(58)).needed == []


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600))
def test_noise(data: bytes) -> None:
    _bounded(b"\x7fELF" + data)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_real_objects_with_some_bytes_changed(rich: Path, data: st.DataObject) -> None:
    """Nothing but DamagedElfError, and never more than is bounded, whatever is written into it."""
    content = bytearray(rich.read_bytes())
    interesting = st.sampled_from([0, 1, 0xFF, 0x7F, 0x80])
    places = st.one_of(st.integers(0, 1024), st.integers(0, len(content) - 1))
    for at, value in data.draw(
        st.lists(st.tuples(places, interesting | st.integers(0, 255)), max_size=12)
    ):
        content[at] = value
    _bounded(bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))]))


def _bounded(content: bytes) -> None:
    pieces = pieces_of(content)
    try:
        found = elf.parse(pieces)
    except DamagedElfError:
        return
    finally:
        assert pieces.asked < 6 << 20
    assert len(found.needed) <= 512
    assert all(len(name) <= 512 * 4 for name in found.needed)
