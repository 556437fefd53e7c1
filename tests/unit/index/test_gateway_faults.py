"""Indexes that drop, stall, crawl, lie; damaged caches, full disks, two at once."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from gateway_client import eventually, page_of
from index_faults import altered, drop, endless, garbage, instead, slow, stall, status, truncate
from index_server import IndexServer
from wheels import wheel

from envcheck.errors import IndexTrouble
from envcheck.index import wheels
from envcheck.model.matrix import Index

ONE = wheel("one", "1.0")
BIG = wheel("big", files={"big.bin": os.urandom(2 << 20)})
FILE = "/files/big-*.whl"
ROOT = Path(__file__).parents[3]


def the_fault(opened) -> tuple[str, str]:
    assert len(opened.faults()) == 1, opened.faults()
    assert opened.traffic().errors == [opened.faults()[0].sentence]
    return opened.faults()[0]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_is_dropped_is_taken_up_again(door, ranges):
    with IndexServer(BIG, ranges=ranges) as index:
        index.fault(FILE, drop(after=700_000), times=1)
        opened = door(index.url)
        assert Path(opened.fetch(BIG.sha256, "big")).read_bytes() == BIG.data
        assert eventually(lambda: index.count(FILE) == 2)
        assert index.sent(FILE) < 2.2 * len(BIG.data)
        on_its_way = 512 << 10  # what was sent and not received before the connection broke
        assert not ranges or index.sent(FILE) <= len(BIG.data) + on_its_way
    assert opened.faults() == []


def test_a_connection_that_is_always_dropped(door, visit):
    with IndexServer(BIG) as index:
        index.fault(FILE, drop(after=0))
        opened = door(index.url)
        visitor = visit(opened)
        answer = visitor.get(f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}")
        kind, sentence = the_fault(opened)
        assert answer.status == 424
        assert answer.reason == f"{BIG.name}: the connection was dropped, 3 times"
        assert kind == "trouble"
        assert "the connection was dropped, 3 times" in sentence
        assert BIG.name in sentence
        assert eventually(lambda: index.count(FILE) == 3)
        visitor.get(f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}")  # an installer tries again
        assert index.count(FILE) == 3


def test_what_passes_is_waited_for(door):
    with IndexServer(BIG) as index:
        index.fault(FILE, status(503, retry_after="1"), times=1)
        index.fault(FILE, status(429), times=2)
        index.fault("/simple/*", status(500), times=2)
        opened = door(index.url)
        assert opened.fetch(BIG.sha256, "big")
        assert opened.faults() == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (stall(30), "it does not answer in time"),
        (slow(1500), "less than 5000 bytes per second"),
        (status(500), "it answers 500"),
        (status(418), "it answers 418"),
    ],
)
def test_an_index_that_does_not_give_a_file(door, fault, reason):
    with IndexServer(BIG) as index:
        index.fault(FILE, fault)
        opened = door(index.url)
        with pytest.raises(IndexTrouble, match=reason):
            opened.fetch(BIG.sha256, "big")
    assert the_fault(opened)[0] == "trouble"


@pytest.mark.parametrize("fault", [altered(), truncate(1_000_000), instead(b"<html>log in</html>")])
def test_a_file_that_is_not_what_its_hash_says_reaches_nobody(door, visit, tmp_path, fault):
    with IndexServer(BIG) as index:
        index.fault(FILE, fault)
        opened = door(index.url)
        visitor = visit(opened)
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}"
        try:
            answer = visitor.get(path)
        except (OSError, http.client.HTTPException):
            pass
        else:
            assert answer.status == 424
        assert the_fault(opened)[0] == "hash"
        assert not [f for f in (tmp_path / "cache" / "wheels").rglob("*") if f.is_file()]


def test_a_file_that_was_damaged_once_is_fetched_again(door):
    with IndexServer(BIG) as index:
        index.fault(FILE, altered(), times=1)
        opened = door(index.url)
        assert Path(opened.fetch(BIG.sha256, "big")).read_bytes() == BIG.data
        assert eventually(lambda: index.count(FILE) == 2)


@pytest.mark.parametrize(
    ("fault", "kind", "status_"),
    [
        (status(500), "trouble", 424),
        (status(403), "denied", 403),
        (status(401), "denied", 403),
        (drop(), "trouble", 424),
        (stall(30), "trouble", 424),
        (endless(), "trouble", 424),
        (instead(b"{", "application/json"), "trouble", 424),
        (instead(b'{"meta":{"api-version":"2.0"},"files":[]}', "application/json"), "trouble", 424),
        (instead(b"PK", "application/zip"), "trouble", 424),
    ],
)
def test_pages_that_cannot_be_read(gateway, visit, fault, kind, status_):
    """Not taken for a project that does not exist; and not for ever."""
    with IndexServer(ONE) as index:
        index.fault("/simple/one/", fault)
        made = gateway(index.url)
        opened = made.open(Index())
        assert visit(opened).get(page_of(opened, "one")).status == status_
        assert the_fault(opened)[0] == kind
        with pytest.raises(IndexTrouble) as raised:
            made.releases(Index(), "one")
        assert raised.value.kind == kind
        made.close()
        index.mend()
        assert len(gateway(index.url).releases(Index(), "one")) == 1


def test_garbage_lists_nothing(gateway):
    with IndexServer(ONE) as index:
        index.fault("/simple/one/", garbage())
        assert gateway(index.url).releases(Index(), "one") == []


def test_nobody_listens(door, visit):
    opened = door("http://127.0.0.1:9/simple")
    assert visit(opened).get(page_of(opened, "one")).status == 424
    assert "the connection was refused" in the_fault(opened)[1]


def test_metadata_that_is_not_what_the_page_says_is_read_from_the_wheel(door, visit):
    with IndexServer(BIG) as index:
        index.fault("/files/*.metadata", altered())
        opened = door(index.url)
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}.metadata"
        assert visit(opened).get(path).body == BIG.metadata
        assert index.downloads() == {}


def test_damaged_caches_are_noticed(gateway, visit, tmp_path):
    with IndexServer(BIG) as index:
        for damage in (None, "flip", "cut", "empty"):
            for file in (tmp_path / "cache").rglob("*"):
                if file.is_file() and damage:
                    content = bytearray(file.read_bytes())
                    content[len(content) // 2] ^= 1
                    short = content[: len(content) // 2] if damage == "cut" else b""
                    file.write_bytes(content if damage == "flip" else short)
            made = gateway(index.url)
            opened = made.open(Index())
            visitor = visit(opened)
            path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}"
            assert visitor.get(path).body == BIG.data
            assert visitor.get(f"{path}.metadata").body == BIG.metadata
            made.close()
        assert eventually(lambda: index.downloads() == {BIG.name: 4})


def test_a_file_that_is_exchanged_while_a_run_goes_on(door, visit):
    with IndexServer(BIG) as index:
        opened = door(index.url)
        stored = Path(opened.fetch(BIG.sha256, "big"))
        stored.write_bytes(b"something else")
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}"
        assert visit(opened).get(path).body == BIG.data


def test_no_room_for_a_file(gateway, monkeypatch):
    with IndexServer(BIG) as index:
        made = gateway(index.url)
        made.store._reserve = 1 << 62
        opened = made.open(Index())
        with pytest.raises(IndexTrouble, match="no room for") as raised:
            opened.fetch(BIG.sha256, "big")
        assert raised.value.kind == "disk"
        assert "ENVCHECK_CACHE_DIR" in raised.value.hint
        assert index.downloads() == {}


@pytest.mark.root
def test_a_disk_that_becomes_full(gateway, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]).returncode:
        pytest.skip("only on machines that may mount")
    try:
        with IndexServer(BIG, json=False) as index:  # no sizes: it is seen when it happens
            index.fault(FILE, lambda answer: answer._replace(length=None, close=True))
            made = gateway(index.url, cache=small)
            made.store._reserve = 0
            opened = made.open(Index())
            with pytest.raises(IndexTrouble, match="is full"):
                opened.fetch(BIG.sha256, "big")
            assert the_fault(opened)[0] == "disk"
            assert not [f for f in (small / "wheels").rglob("*") if f.is_file()]
            assert opened.index_options("")
        made.close()
    finally:
        subprocess.run(["umount", "-l", small], check=True)


PROGRAM = """
import sys
from envcheck.index.gateway import Gateway
from envcheck.index.sources import Configuration
from envcheck.model.matrix import Index
with Gateway(sys.argv[1], configured=Configuration(main=sys.argv[2])) as gateway:
    with gateway.open(Index()) as door:
        for _ in range(20):
            for name, sha256 in (word.split("=") for word in sys.argv[3:]):
                print(door.fetch(sha256, name))
"""


def test_two_processes_with_one_cache(gateway, tmp_path):
    several = [wheel(f"p{n}", files={"x.bin": os.urandom(300_000)}) for n in range(5)]
    with IndexServer(*several) as index:
        index.fault("/files/*", slow(2 << 20))
        words = [f"{file.project}={file.sha256}" for file in several]
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "cache"), index.url, *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        running = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)
        ]
        said = [process.communicate(timeout=60)[0] for process in running]
        assert [process.returncode for process in running] == [0, 0, 0]
        assert len(set(said)) == 1
        assert max(index.downloads().values()) <= 3
    for line in said[0].decode().split():
        assert Path(line).read_bytes() in [file.data for file in several]
    assert list((tmp_path / "cache" / "wheels" / "incoming").iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path):
    store = wheels.WheelStore(str(tmp_path))
    left, held = tmp_path / "incoming" / "left.part", tmp_path / "incoming" / "held.part"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    incoming = store.create(None)
    os.rename(incoming.path, held)
    os.utime(held, (1, 1))
    wheels.WheelStore(str(tmp_path))
    assert [file.name for file in (tmp_path / "incoming").iterdir()] == ["held.part"]
    incoming.discard()


def test_closing_ends_what_is_waited_for(gateway):
    with IndexServer(BIG) as index:
        index.fault(FILE, stall(30))
        made = gateway(index.url)
        opened = made.open(Index())
        errors = []

        def fetch() -> None:
            try:
                opened.fetch(BIG.sha256, "big")
            except IndexTrouble as trouble:
                errors.append(trouble)

        thread = threading.Thread(target=fetch)
        thread.start()
        assert eventually(lambda: index.count("/simple/big/") == 1)
        made.close()
        thread.join(5)
        assert not thread.is_alive()
        assert errors
