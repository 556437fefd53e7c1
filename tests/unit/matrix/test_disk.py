"""Sizes of an environment: exact numbers of files that are made here, and hostile RECORDs."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from rooms import LocalRoom

from envcheck.matrix import disk
from envcheck.matrix.execution import execute
from envcheck.model.cell import Usage

if TYPE_CHECKING:
    from pathlib import Path

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def room(tmp_path: Path) -> LocalRoom:
    room = LocalRoom(tmp_path, sys.executable)
    room.site = tmp_path / "env" / "lib" / VERSION / "site-packages"
    room.site.mkdir(parents=True)
    (tmp_path / "env" / "bin").mkdir()
    return room


def make(room: LocalRoom, path: str, size: int = 10) -> Path:
    file = room.site / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    return file


def info(room: LocalRoom, name: str, record: str, **files: str) -> int:
    """A dist-info directory; returns the bytes of its files."""
    folder = room.site / f"{name}-1.0.dist-info"
    folder.mkdir()
    texts = {"METADATA": f"Name: {name}\nVersion: 1.0\n\nName: body\n", "RECORD": record, **files}
    for file, text in texts.items():
        (folder / file).write_text(text)
    return sum(map(len, texts.values()))


def measured(room: LocalRoom, seconds: float = 20) -> disk.Measured:
    return disk.measure(room, seconds=seconds)


def allocated(room: LocalRoom) -> int:
    files = [file for file in room.site.rglob("*") if file.is_symlink() or file.is_file()]
    return sum(file.lstat().st_blocks * 512 for file in files)


def test_nothing_is_nothing(room: LocalRoom):
    done = measured(room)
    assert done.total == disk.NOTHING
    assert (done.outcome.step.name, done.outcome.step.status) == ("measure", "ok")
    assert done.by_name == {}


def test_sizes_are_those_of_the_files(room: LocalRoom):
    make(room, "one/__init__.py", 1000)
    make(room, "one/__pycache__/__init__.cpython-311.pyc", 700)
    make(room, "one/__pycache__/gone.cpython-311.pyc", 30)
    make(room, "two.py", 50_000)
    make(room, "loose.txt", 5)
    (room.folder / "env" / "bin" / "two").write_text("#!x")
    (room.folder / "env" / "pyvenv.cfg").write_text("home = x")
    one = info(room, "one", "one/__init__.py,,\none-1.0.dist-info/METADATA,,\n")
    two = info(room, "two", 'two.py,sha256=x,5\n"two-1.0.dist-info/RECORD",,\n../../../bin/two,,\n')
    done = measured(room)
    total = 1000 + 700 + 30 + 50_000 + 5 + one + two
    assert done.total == Usage(
        logical=total, allocated=allocated(room), exclusive=total, bytecode=730, files=9
    )
    sizes = {name: (usage.logical, usage.files) for name, usage in done.by_name.items()}
    metadata = (room.site / "one-1.0.dist-info" / "METADATA").stat().st_size
    record = (room.site / "two-1.0.dist-info" / "RECORD").stat().st_size
    assert sizes == {"one": (1700 + metadata, 3), "two": (50_000 + record, 2)}
    assert done.unclaimed.logical == total - sum(size for size, _ in sizes.values())
    assert (done.scripts.logical, done.other.logical) == (3, 8)


def test_links_are_counted_once_and_are_not_exclusive(room: LocalRoom):
    outside = room.folder / "cache"
    outside.write_bytes(b"x" * 100)
    os.link(outside, room.site / "shared.py")
    os.link(make(room, "a.py", 40), room.site / "b.py")
    total = measured(room).total
    assert (total.logical, total.exclusive, total.files) == (140, 40, 2)


def test_symbolic_links_are_not_followed(room: LocalRoom):
    os.symlink(room.site, room.site / "loop")
    os.symlink("/usr", room.site / "usr")
    total = measured(room).total
    assert (total.files, total.logical) == (2, len(str(room.site)) + len("/usr"))


def test_pipes_and_devices_are_nothing(room: LocalRoom):
    os.mkfifo(room.site / "fifo")
    (room.site / "x-1.0.dist-info").mkdir()
    for name in ("RECORD", "METADATA"):
        os.mkfifo(room.site / "x-1.0.dist-info" / name)
    assert measured(room).total.files == 0


@pytest.mark.parametrize(
    "record",
    [
        "/etc/passwd,,\n../../../../../../etc/passwd,,\n",
        "\0,,\n,,\n,\n\n\"\n",
        "../" * 5000 + "x,,\n",
        "\udcff".encode("utf-8", "surrogateescape").decode("latin-1") + "\x1b[2J,,\n",
    ],
)  # fmt: skip
def test_records_that_name_what_is_not_theirs(room: LocalRoom, record: str):
    info(room, "evil", record)
    done = measured(room)
    assert done.by_name == {"evil": disk.NOTHING}
    assert done.unclaimed == done.total


def test_a_file_that_two_claim_counts_once(room: LocalRoom):
    make(room, "both.py", 77)
    info(room, "a", "both.py,,\n")
    info(room, "b", "both.py,,\n./both.py,,\n")
    sizes = {name: usage.logical for name, usage in measured(room).by_name.items()}
    assert sizes == {"a": 77, "b": 0}


def test_a_record_of_many_lines(room: LocalRoom):
    make(room, "big.py", 3)
    info(room, "big", "".join(f"no/such/{n}.py,,\n" for n in range(200_000)) + "big.py,,\n")
    assert measured(room).by_name["big"].logical == 3


def test_what_a_distribution_says_of_itself(room: LocalRoom):
    direct = {"url": "https://user:secret@host/x.git", "vcs_info": {"commit_id": "abc"}}
    info(
        room,
        "Some.Thing",
        "some_thing/__init__.py,,\nsome_thing/sub/__init__.py,,\nhelper.cpython-311-x.so,,\n"
        "google/cloud/some/__init__.py,,\n_private.py,,\ntests/__init__.py,,\nbad-name.py,,\n",
        INSTALLER="uv\n",
        WHEEL="Wheel-Version: 1.0\nGenerator: maturin (1.0)\nTag: cp39-abi3-a\nTag: cp39-abi3-b\n",
        **{"direct_url.json": json.dumps(direct)},
    )
    (found,) = measured(room).distributions
    assert (found.name, found.version, found.installer) == ("some-thing", "1.0", "uv")
    assert (found.generator, found.tags) == ("maturin (1.0)", ("cp39-abi3-a", "cp39-abi3-b"))
    assert found.imports == ("some_thing", "google.cloud.some", "helper")
    assert disk.modules_of(found) == ["some_thing"]
    assert "secret" not in found.url
    assert (found.commit, found.editable) == ("abc", False)


@pytest.mark.parametrize(
    ("record", "names"),
    [
        ("PIL/__init__.py,,\n", ("PIL",)),
        ("google/protobuf/__init__.py,,\ngoogle/_upb/_message.abi3.so,,\n", ("google.protobuf",)),
        ("plugins/one.py,,\nplugins/two.py,,\n", ("plugins.one", "plugins.two")),
        ("foo-stubs/__init__.pyi,,\n", ()),
        ("x-1.0.data/scripts/tool.py,,\n../../../bin/tool.py,,\n", ()),
        ("fast/__init__.cpython-311-x86_64-linux-gnu.so,,\n", ("fast",)),
    ],
)
def test_what_there_is_to_import(room: LocalRoom, record: str, names: tuple[str, ...]):
    info(room, "thing", record)
    (found,) = measured(room).distributions
    assert found.imports == names


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 5, "dir_info": []}', "[" * 100_000])
def test_direct_urls_that_are_none(room: LocalRoom, text: str):
    info(room, "x", "", **{"direct_url.json": text})
    (found,) = measured(room).distributions
    assert (found.url in ("", "5"), found.editable) == (True, False)


def test_an_editable_install_says_so(room: LocalRoom):
    text = json.dumps({"url": "file:///src", "dir_info": {"editable": True}})
    info(room, "x", "", **{"direct_url.json": text})
    assert measured(room).distributions[0].editable


def test_no_time_gives_no_numbers(room: LocalRoom):
    make(room, "file")
    script = disk.island("measuring")
    words = [sys.executable, "-I", "-S", "-c", script, str(room.folder / "env"), "0"]
    said = execute(room, words, name="measure", who="package", seconds=20, says=True).said
    assert json.loads(said)["complete"] is False


def test_an_environment_that_is_not_there(room: LocalRoom):
    room.paths = room.paths._replace(environment="/no/such/environment")
    done = measured(room)
    assert done.total is None
    assert done.outcome.step.detail == "not everything could be looked at: sizes are left out"


def test_growth():
    before = Usage(logical=1, allocated=2, exclusive=3, bytecode=4, files=5)
    after = Usage(logical=11, allocated=22, exclusive=33, bytecode=44, files=55)
    assert disk.growth(after, before) == Usage(
        logical=10, allocated=20, exclusive=30, bytecode=40, files=50
    )
