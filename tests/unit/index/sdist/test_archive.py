"""What lies in sdists, read from bytes that may be anything."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import tarfile

import pytest
from sdists import tar, zipped

from envcheck.index.sdist import archive as archives
from envcheck.index.sdist.archive import TEXT, Archive, read_tar, read_zip, unpacked

FILES = {"PKG-INFO": "Name: one\n", "setup.py": "setup()\n", "one/x.c": "#include <a.h>\nint x;\n"}


def read(data, ending=".tar.gz"):
    archive = Archive()
    archive.complete = read_tar(unpacked(data, f"one-1.0{ending}"), archive)
    return archive


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        (".tar.gz", gzip.compress),
        (".tgz", gzip.compress),
        (".tar.bz2", bz2.compress),
        (".tar.xz", lzma.compress),
    ],
)
def test_formats(ending, pack, kind):
    found = read(pack(tar(FILES, kind=kind)), ending)
    assert found.names == {path: len(text) for path, text in FILES.items()}
    assert found.texts == {"PKG-INFO": "Name: one\n", "setup.py": "setup()\n"}
    assert found.sources == {"one/x.c": b"#include <a.h>"}
    assert found.complete


def test_zip():
    data = zipped(FILES)
    archive = Archive()
    read_zip(lambda start, length: data[start : start + length], len(data), True, archive)
    assert archive.names.keys() == FILES.keys()
    assert archive.texts["setup.py"] == "setup()\n"
    assert archive.sources


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names(kind):
    path = "/".join(["directory"] * 30) + "/ünïcode.py"
    found = read(gzip.compress(tar({path: "", "setup.py": "x"}, kind=kind)))
    assert list(found.names) == [path, "setup.py"]


def test_long_texts_are_not_kept():
    found = read(gzip.compress(tar({"setup.py": "x" * (TEXT + 1), "setup.cfg": "y"})))
    assert found.names["setup.py"] == TEXT + 1
    assert list(found.texts) == ["setup.cfg"]


def test_only_its_own_directory_counts():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("one-1.0/setup.py", "other/setup.py", "/etc/setup.py", "./one-1.0/x.py", "x"):
            entry = tarfile.TarInfo(name)
            archive.addfile(entry, io.BytesIO())
    assert set(read(gzip.compress(stream.getvalue())).names) == {"setup.py", "x.py"}


def test_links_and_directories_have_no_bytes():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE):
            entry = tarfile.TarInfo("one-1.0/setup.py")
            entry.type, entry.linkname, entry.size = kind, "/etc/passwd", 10**9
            archive.addfile(entry)
        entry = tarfile.TarInfo("one-1.0/setup.cfg")
        archive.addfile(entry, io.BytesIO())
    assert list(read(gzip.compress(stream.getvalue())).names) == ["setup.cfg"]


def header(name=b"one-1.0/big", size=b"00000000000\0", kind=b"0"):
    """A member's header by hand."""
    block = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"0" * 11 + b"\0"
    block += b" " * 8 + kind + b"\0" * 100 + b"ustar\x0000"
    block = block.ljust(512, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def test_a_member_that_says_ten_terabytes():
    huge = b"\x80" + (10 * 2**40).to_bytes(11, "big")
    found = read(gzip.compress(header(size=huge) + b"x" * 5000))
    assert found.names == {"big": 10 * 2**40}
    assert not found.complete


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_name_that_says_ten_terabytes(kind):
    huge = b"\x80" + (10 * 2**40).to_bytes(11, "big")
    found = read(gzip.compress(header(size=huge, kind=kind) + b"x" * 5000))
    assert not found.names


def test_a_pax_record_that_lies():
    for record in (
        b"99999999999 path=x\n",
        b"5 path",
        b"path=x",
        b"18 size=-9999999\n",
        b"\xff" * 99,
    ):
        data = header(size=b"%011o\0" % len(record), kind=b"x") + record.ljust(512, b"\0")
        found = read(gzip.compress(data + header() + b"\0" * 1024))
        assert list(found.names) == ["big"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>log in</html>",
        gzip.compress(b"no archive at all" * 100),
        gzip.compress(tar(FILES))[:-20][:40],
        gzip.compress(os.urandom(2000)),
    ],
)
def test_what_is_none(data):
    found = Archive()
    with contextlib.suppress(ValueError):
        found = read(data)
    assert not found.texts


def test_bombs(monkeypatch):
    monkeypatch.setattr(archives, "UNPACKED", 4 << 20)
    with pytest.raises(ValueError, match="unpacks to more than"):
        read(gzip.compress(header(size=b"77777777777\0") + b"\0" * (8 << 20)))


def test_streams_that_are_joined():
    whole = tar(FILES)
    found = read(gzip.compress(whole[:700]) + gzip.compress(whole[700:]))
    assert found.complete
    assert len(found.names) == 3
    many = gzip.compress(b"") * 50_000  # each costs a copy of what is left
    assert not read(many).names


def test_members_without_end(monkeypatch):
    monkeypatch.setattr(archives, "MEMBERS", 1000)
    data = tar({f"{number}.py": "" for number in range(2000)})
    found = read(gzip.compress(data))
    assert found.problem == "it has more than 1,000 members"
    assert not found.complete


def test_texts_without_end(monkeypatch):
    monkeypatch.setattr(archives, "_TEXTS", 10_000)
    text = "from setuptools import Extension\n" * 30
    found = read(gzip.compress(tar({f"{number}.py": text for number in range(100)})))
    assert len(found.names) == 100
    assert sum(map(len, found.texts.values())) <= 10_000


def test_damage_in_the_middle():
    data = bytearray(gzip.compress(tar({"a.py": os.urandom(50_000), **FILES})))
    data[20_000:20_010] = b"\xff" * 10
    with contextlib.suppress(ValueError):
        assert not read(bytes(data)).complete
