"""METADATA out of wheels that lie elsewhere, and out of what only looks like a wheel."""

from __future__ import annotations

import io
import os
import struct
import zipfile

import pytest
from gateway_client import QUICK, page_of
from index_faults import instead
from index_server import IndexServer
from wheels import File, Member, wheel

from envcheck.errors import IndexTrouble
from envcheck.index.client import Client
from envcheck.index.pages import File as Listed
from envcheck.index.remote_wheel import metadata_in as metadata_by_ranges
from envcheck.index.sources import Network
from envcheck.index.stored_wheel import metadata_in
from envcheck.index.wheel_metadata import LONGEST

INFO = "big-1.0.dist-info"
BIG = wheel("big", files={f"m{n}.py": os.urandom(100) for n in range(3000)})
FIRST = wheel("big", files={"zz.bin": os.urandom(1 << 20)}, members=[Member("y", b"y" * 200_000)])


@pytest.mark.parametrize("file", [BIG, FIRST])
def test_little_is_read(file):
    """Long lists of members, and METADATA far from the end."""
    with IndexServer(file) as index:
        counted: list[int] = []
        listed = Listed(filename=file.name, url=index.files_url + file.name)
        assert metadata_by_ranges(listed, Client(Network(), QUICK), counted.append) == file.metadata
        assert sum(counted) < 600_000
        assert len(counted) <= 5


def test_a_server_without_ranges():
    with IndexServer(FIRST, ranges=False) as index:
        listed = Listed(filename=FIRST.name, url=index.files_url + FIRST.name)
        assert metadata_by_ranges(listed, Client(Network(), QUICK), lambda _: None) is None


def made(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def listing(members: int, length: int) -> bytes:
    """The end of a zip that says so many members."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, members, members, length, 0, 0)


ZIP64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 10**9, 10**9, 10**11, 0)
UNFIT = {
    "empty": b"",
    "text": b"<html>log in</html>",
    "cut": BIG.data[:-10],
    "no-metadata": made(("big.py", b"")),
    "deeper": made((f"x/{INFO}/METADATA", b"Name: big")),
    "bomb": made((f"{INFO}/METADATA", b"\0" * (LONGEST + 1))),
    "many": b"x" * 100 + listing(400, 1 << 30),
    "zip64": b"x" * 100 + ZIP64 + listing(0xFFFF, 0xFFFFFFFF),
    "encrypted": made((f"{INFO}/METADATA", b"Name: big")).replace(
        b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_wheel(name):
    with pytest.raises(IndexTrouble) as raised:
        metadata_in(io.BytesIO(UNFIT[name]), BIG.name)
    assert raised.value.kind == "unfit"
    assert BIG.name in raised.value.message


def test_the_metadata_of_its_own_name_is_taken():
    data = made(
        ("other-2.0.dist-info/METADATA", b"other"),
        ("Big-0.9.dist-info/METADATA", b"older"),
        (f"{INFO}/METADATA", b"this"),
    )
    assert metadata_in(io.BytesIO(data), BIG.name) == b"this"
    assert metadata_in(io.BytesIO(data), "big-3.0-py3-none-any.whl") in (b"older", b"this")
    assert metadata_in(io.BytesIO(data), "else-3.0-py3-none-any.whl")


def test_a_wheel_that_is_none_is_unfit_and_no_trouble_of_the_index(door, visit):
    broken = File(BIG.name, UNFIT["bomb"], b"")
    with IndexServer(broken, metadata=False) as index:
        opened = door(index.url)
        path = f"{page_of(opened, 'big')}{broken.sha256}/{broken.name}"
        assert visit(opened).get(f"{path}.metadata").status == 424
        assert [fault.kind for fault in opened.faults()] == ["unfit"]


def test_parts_that_are_wrong_prove_nothing(door, visit):
    """A server that answers ranges with something else: the whole file is right."""
    with IndexServer(BIG, metadata=False) as index:

        def wrong_parts(answer):
            if answer.status != 206:
                return answer
            return answer._replace(body=b"\0" * len(answer.body))

        index.fault("/files/*", wrong_parts)
        opened = door(index.url)
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}"
        assert visit(opened).get(f"{path}.metadata").body == BIG.metadata
        assert opened.faults() == []


def test_what_only_zipfile_reads_is_fetched_whole(door, visit):
    """METADATA that is compressed in a way that the reader by ranges refuses."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(f"{INFO}/METADATA", BIG.metadata)
        archive.writestr("big.bin", os.urandom(200_000))
    file = File(BIG.name, stream.getvalue(), BIG.metadata)
    with IndexServer(file, metadata=False) as index:
        opened = door(index.url)
        path = f"{page_of(opened, 'big')}{file.sha256}/{file.name}"
        assert visit(opened).get(f"{path}.metadata").body == BIG.metadata
        assert opened.faults() == []


def test_metadata_that_is_a_login_page(door, visit):
    with IndexServer(BIG) as index:
        index.fault("/files/*.metadata", instead(b"<html>log in</html>"))
        opened = door(index.url)
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}"
        assert visit(opened).get(f"{path}.metadata").body == BIG.metadata
