"""What wheels on an index hold, and what is said of those that lie, or of servers that do."""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from gateway_client import QUICK
from hypothesis import given, settings
from hypothesis import strategies as st
from index_faults import Answer, drop, instead, status
from index_server import IndexServer
from wheels import Member, wheel

from envcheck.errors import IndexTrouble
from envcheck.index import pages, remote_wheel
from envcheck.index.client import Client
from envcheck.index.ranges import WHOLE
from envcheck.index.sources import Network

if TYPE_CHECKING:
    from envcheck.model.artifact import WheelFacts

INFO = "big-1.0.dist-info"
MANY = {f"big/m{n:04}.py": f"# {os.urandom(40).hex()}\n" * (n % 60) for n in range(2000)}
BIG = wheel("big", files=MANY, compressed=True)
LONG = wheel("big", files={"big.py": os.urandom(WHOLE + 1)})


@contextmanager
def looked_at(*files, **options):
    """(index, function from a file and more to its facts and the bytes moved).

    ``index.asked()``: how many requests were made.
    """
    with IndexServer(*files, **options) as index:
        client = Client(Network(), QUICK)
        index.asked = lambda: client.requests

        def look(file=files[0], *, contents=True, sibling=None, **said) -> tuple[WheelFacts, list]:
            count: list[int] = []
            link = pages.File(filename=file.name, url=index.files_url + file.name, **said)
            facts = remote_wheel.inspect(
                link, client, count.append, contents=contents, sibling=sibling
            )
            return facts, count

        try:
            yield index, look
        finally:
            client.close()


def test_a_small_wheel_comes_whole():
    files = {
        "one/__init__.py": "x" * 5000,
        "one/_fast.cpython-311-x86_64-linux-gnu.so": b"\x7fELF" * 1200,
        "one.libs/libz.so.1.2": b"z" * 9,
        "one_too.py": "",
        "one-1.0.data/purelib/three.py": "y" * 4096,
        "one-1.0.data/scripts/run": "#!python\n",
        "one-1.0.data/headers/one.h": "int x;",
        "one-1.0.data/data/share/one": "1234",
    }
    file = wheel(
        "one",
        files=files,
        requires=["two>=1"],
        more="License: MIT\n  and so on\nDescription: folded\n        |Name: x\n\nThis is long.\n",
    )
    with looked_at(file) as (index, look):
        facts, count = look(sha256=file.sha256)
        assert index.asked() == 1
    assert facts.size == len(file.data) == sum(count)
    assert (
        facts.metadata == "Metadata-Version: 2.1\nName: one\nVersion: 1.0\nRequires-Dist: two>=1\n"
    )
    assert facts.problem == ""
    assert facts.sources == {
        "size": "Content-Range",
        "metadata": "METADATA in the wheel",
        "contents": "its list of members",
    }
    found = facts.contents
    assert found
    info = len(file.metadata) + sum(
        len(data) for name, data in unzipped(file) if name.endswith(("WHEEL", "RECORD"))
    )
    assert (found.members, found.python, found.python_bytes) == (11, 3, 5000 + 4096)
    assert found.site == 5000 + 4800 + 9 + 4096 + info
    assert found.allocated == 8192 + 8192 + 4096 + 4096 + 3 * 4096
    assert (found.scripts, found.other) == (9, 6 + 4)
    assert found.libraries == [
        ("one/_fast.cpython-311-x86_64-linux-gnu.so", 4800),
        ("one.libs/libz.so.1.2", 9),
    ]
    assert found.modules == ["one", "one_too", "three"]


def unzipped(file):
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def test_a_long_list_of_members_takes_one_more_range():
    """RECORD tells the sizes in fewer bytes; without one, the list itself is read."""
    without = wheel("big", files=MANY, compressed=True, record=b"big/m0001.py,,\n")
    reference = sum(len(data) for _, data in unzipped(BIG))
    with looked_at(BIG) as (index, look):
        facts, count = look()
        assert index.asked() == 2
        assert facts.sources["contents"] == "its RECORD"
        assert facts.contents
        assert facts.contents.site == reference
        assert facts.contents.python == 2000
        assert sum(count) < 120_000
    with looked_at(without) as (index, look):
        facts, count = look()
        assert index.asked() == 2
        assert facts.sources["contents"] == "its list of members"
        assert facts.contents
        assert facts.contents.site == sum(len(data) for _, data in unzipped(without))
        assert facts.metadata == without.metadata.decode()


def test_a_record_that_lies_is_not_believed():
    lines = b"".join(b"big/m%04d.py,sha256=%s,%d\n" % (n, os.urandom(32).hex().encode(), 1 << 50)
                     for n in range(2000))  # fmt: skip
    lines += b"a,b,1\n" * 2 + b"big-1.0.dist-info/RECORD,,\n"
    huge = wheel("big", files=MANY, record=lines)
    with looked_at(huge) as (_, look):
        facts, _ = look()
        assert facts.sources["contents"] == "its list of members"


POINTS = """\
[console_scripts]
run = one:main
; not = this

[other]
x = y
[gui_scripts]
show=one:show
"""


@pytest.mark.parametrize("files", [{"one.py": ""}, MANY])
def test_programs_of_entry_points_are_counted(files):
    points = Member("one-1.0.dist-info/entry_points.txt", POINTS.encode(), compressed=True)
    file = wheel("one", files=files, members=[points])
    with looked_at(file) as (_, look):
        found = look()[0].contents
    assert found
    assert found.commands == 2


def test_metadata_alone_takes_little():
    with looked_at(BIG) as (index, look):
        facts, count = look(contents=False)
        assert facts.contents is None
        assert facts.metadata == BIG.metadata.decode()
        assert index.asked() == 2
        assert sum(count) < 120_000


def test_members_that_are_directories_and_data_before_the_zip():
    folders = [Member("big/"), Member(f"{INFO}/")]
    file = wheel("big", files=MANY, members=folders, compressed=True)
    moved = file._replace(data=b"#!/bin/sh\n" * 9 + file.data)
    with looked_at(moved) as (_, look):
        facts, _ = look()
        assert facts.metadata == file.metadata.decode()
        assert facts.contents
        assert facts.contents.members == 2005
        assert facts.contents.site == sum(len(data) for _, data in unzipped(file))


def test_another_build_of_the_same_is_not_read_to_the_end(monkeypatch):
    monkeypatch.setattr(remote_wheel, "_LONG", 100_000)
    one = wheel("big", files={**MANY, "a.so": os.urandom(300_000)}, tag="cp311-cp311-linux_x86_64")
    two = wheel("big", files={**MANY, "a.so": os.urandom(300_050)}, tag="cp312-cp312-linux_x86_64")
    far = wheel("big", files={**MANY, "a.so": os.urandom(400_000)}, tag="cp313-cp313-linux_x86_64")
    with looked_at(one, two, far) as (_, look):
        facts, count = look(one)
        like = (pages.File(filename=one.name, url=""), facts)
        alike, few = look(two, sibling=like)
        own, _ = look(far, sibling=like)
    assert alike.contents
    assert own.contents
    assert alike.contents.estimated_from == one.name
    assert alike.sources["contents"] == f"estimated from {one.name}"
    really = sum(len(data) for _, data in unzipped(two))
    assert abs(alike.contents.site - really) < 0.001 * really
    assert sum(few) < sum(count) / 2
    assert own.contents.estimated_from == ""
    assert own.contents.site == sum(len(data) for _, data in unzipped(far))


def test_metadata_beside_the_wheel():
    with looked_at(BIG) as (index, look):
        import hashlib

        digest = hashlib.sha256(BIG.metadata).hexdigest()
        facts, _ = look(metadata=digest, contents=False, size=7)
        assert (index.asked(), facts.size) == (1, 7)
        assert facts.sources == {"metadata": "the index's metadata file", "size": "the index"}
        facts, _ = look(metadata=digest)
        assert index.asked() == 4
        assert facts.sources["metadata"] == "the index's metadata file"
        assert facts.contents
        facts, _ = look(metadata="0" * 64)
        assert facts.sources["metadata"] == "METADATA in the wheel"
        assert "another hash than the index says" in facts.problem
    with looked_at(BIG, metadata=False) as (_, look):
        facts, _ = look(metadata="true")
        assert facts.metadata == BIG.metadata.decode()
        assert "does not have the metadata that it offers" in facts.problem


def test_a_server_without_ranges():
    """A short wheel comes whole; of a long one, its size is known and nothing is moved."""
    short = wheel("short", files={"short.py": os.urandom(WHOLE - 5000)})
    with looked_at(short, LONG, ranges=False) as (_, look):
        facts, _ = look(short)
        assert facts.problem == ""
        assert facts.contents
        facts, count = look(LONG)
        assert (facts.size, facts.metadata, facts.contents) == (len(LONG.data), "", None)
        assert facts.sources == {"size": "Content-Length"}
        assert facts.problem == remote_wheel.NO_PARTS
        assert count == []
        facts, _ = look(LONG, metadata="true")
        assert facts.metadata == LONG.metadata.decode()


def test_a_server_that_does_not_know_ends():
    """It is asked for the size, then for the range."""

    def no_ends(answer: Answer) -> Answer:
        return Answer(416, b"", "text/plain", 0)

    with looked_at(LONG) as (index, look):
        index.fault("*.whl", no_ends, times=1)
        facts, _ = look()
        assert facts.metadata == LONG.metadata.decode()
        assert index.asked() == 3
        assert index.requests[1].method == "HEAD"


def test_sizes_that_disagree():
    with looked_at(BIG) as (_, look):
        facts, _ = look(size=len(BIG.data))
        assert (facts.sources["size"], facts.problem) == ("the index", "")
        facts, _ = look(size=12)
        assert facts.size == len(BIG.data)
        assert facts.problem == f"it has {len(BIG.data):,} bytes, the index says 12"


OTHER = wheel("other")
TWICE = wheel("big", members=[Member(f"{INFO}/METADATB", b"Name: big")])
UNFIT = {
    "another distribution's metadata, other 1.0": OTHER._replace(name="big-1.0-py3-none-any.whl"),
    "big 2.0": wheel("big", "2.0")._replace(name="big-1.0-py3-none-any.whl"),
    "no METADATA": BIG._replace(data=BIG.data[-22:-14] + bytes(14)),
    "METADATA twice": TWICE._replace(data=TWICE.data.replace(b"METADATB", b"METADATA")),
    "several distributions": wheel("big", members=[Member("x.dist-info/METADATA", b"Name: x")]),
    "outside": wheel("big", members=[Member("big/../../x")]),
    "'/etc/x'": wheel("big", members=[Member("/etc/x")]),
    "list of members": wheel("big")._replace(data=b"<html>log in</html>" * 10),
    "not the name": wheel("big")._replace(name="big.whl"),
}


@pytest.mark.parametrize("reason", UNFIT)
def test_what_is_no_wheel_of_its_name(reason):
    with looked_at(UNFIT[reason]) as (_, look), pytest.raises(IndexTrouble, match=reason) as raised:
        look()
    assert raised.value.kind == "unfit"


def test_a_member_of_ten_terabytes():
    bomb = wheel("big")
    at = bomb.data.index(b"PK\1\2")
    data = bomb.data[: at + 24] + struct.pack("<L", 0xFFFFFFF0) + bomb.data[at + 28 :]
    with (
        looked_at(bomb._replace(data=data)) as (_, look),
        pytest.raises(IndexTrouble, match="unpack to 4,2"),
    ):
        look()


def test_the_same_version_in_other_words():
    file = wheel("big", "1.0")
    renamed = file._replace(name="Big-1.0.0-py3-none-any.whl")
    with looked_at(renamed) as (_, look):
        assert look()[0].contents


def test_a_whole_wheel_is_held_against_its_hash():
    file = wheel("big")
    with looked_at(file) as (_, look), pytest.raises(IndexTrouble) as raised:
        look(sha256="0" * 64)
    assert raised.value.kind == "hash"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(status(404), "absent"), (status(403), "denied"), (status(500), "trouble"),
     (drop(100), "trouble"), (instead(b"<html>log in</html>"), "unfit")],
)  # fmt: skip
def test_what_an_index_refuses(fault, kind):
    with looked_at(BIG) as (index, look):
        index.fault("*.whl", fault)
        with pytest.raises(IndexTrouble) as raised:
            look()
    assert raised.value.kind == kind


def test_a_file_that_changes_between_two_ranges():
    def longer(answer: Answer) -> Answer:
        named = dict(answer.headers)
        if named.get("Content-Range", "").startswith("bytes ") and len(answer.body) > 33_000:
            named["Content-Range"] = named["Content-Range"] + "0"
        return answer._replace(headers=named)

    with looked_at(BIG) as (index, look):
        index.fault("*.whl", longer)
        with pytest.raises(IndexTrouble, match="other parts"):
            look()


def test_a_wheel_in_a_directory(tmp_path):
    path = BIG.write(tmp_path)
    file = pages.File(filename=BIG.name, url=path.as_uri())
    facts = remote_wheel.inspect(file, Client(Network(), QUICK), lambda _: None)
    assert facts.size == len(BIG.data)
    assert facts.contents
    path.unlink()
    with pytest.raises(IndexTrouble) as raised:
        remote_wheel.inspect(file, Client(Network(), QUICK), lambda _: None)
    assert raised.value.kind == "absent"


SMALL = wheel("big", files={f"m{n}.py": "x = 1\n" * n for n in range(600)}, compressed=True)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 60_000), st.binary(min_size=1, max_size=40))
def test_broken_wheels_are_refused_or_read(tmp_path_factory, place, junk):
    """Bytes of the end turned to something else: facts or IndexTrouble, nothing else."""
    data = bytearray(SMALL.data)
    at = max(0, len(data) - 1 - place)
    data[at : at + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / SMALL.name
    path.write_bytes(data)
    file = pages.File(filename=SMALL.name, url=path.as_uri())
    try:
        assert remote_wheel.inspect(file, Client(Network(), QUICK), lambda _: None).contents
    except IndexTrouble as trouble:
        if trouble.kind != "unfit":
            raise
