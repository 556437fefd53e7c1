"""Sessions with indexes, and their recordings."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from gateway_client import QUICK
from index_faults import status
from index_server import IndexServer
from wheels import sdist, wheel

from envcheck.errors import DataError, IndexTrouble
from envcheck.index import recording
from envcheck.index.session import IndexSession
from envcheck.index.sources import Configuration
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Opened = Callable[..., IndexSession]

LINUX = ("cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_17_x86_64")
FILES = (
    wheel("one", requires=["two"]), wheel("two"), sdist("three"),
    *(wheel("four", tag=tag) for tag in LINUX),
)  # fmt: skip


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer(*FILES) as server:
        yield server


@pytest.fixture
def opened(tmp_path: Path, index: IndexServer) -> Iterator[Opened]:
    """Opens sessions with this index and one cache."""
    made: list[IndexSession] = []

    def run(more: Index | None = None, **said: Any) -> IndexSession:
        configured = said.pop("configured", Configuration(main=index.url))
        session = IndexSession(
            str(tmp_path / "cache"),
            more or Index(),
            configured=configured,
            patience=QUICK,
            **said,
        )
        made.append(session)
        return session

    yield run
    for session in made:
        session.close()


def look(session: IndexSession) -> dict[str, str]:
    """Asks for everything: file -> beginning of its metadata."""
    found = {}
    for name in ("one", "two", "three", "four"):
        for file in session.listing(name).files:
            found[file.filename] = session.want(file).result().metadata[:40]
    return found


def test_each_thing_is_asked_for_once(opened: Opened, index: IndexServer) -> None:
    session = opened()
    look(session)
    asked = index.count()
    assert session.requests == asked
    assert session.moved > 0
    look(session)
    assert index.count() == asked
    again = opened()
    assert look(again) == look(session)
    assert (again.requests, index.count()) == (0, asked)  # pages and facts are kept


def test_a_project_that_is_not_there(opened: Opened) -> None:
    session = opened()
    listing = session.listing("nowhere")
    assert (listing.found, listing.files) == (False, [])


def test_trouble_is_told_to_who_asks(opened: Opened, index: IndexServer) -> None:
    index.fault("/simple/one/", status(403))
    session = opened()
    for _ in range(2):
        with pytest.raises(IndexTrouble):
            session.listing("one")
    assert session.listing("two").files
    index.fault("/files/two*", status(500))
    with pytest.raises(IndexTrouble, match="500"):
        session.wheel(session.listing("two").files[0])


def test_no_index_at_all(opened: Opened) -> None:
    session = opened(configured=Configuration(no_index=True))
    with pytest.raises(IndexTrouble, match="none is configured"):
        session.listing("one")


def test_a_file_of_two_indexes_is_the_first_ones(opened: Opened, index: IndexServer) -> None:
    with IndexServer(wheel("two", requires=["evil"])) as other:
        both = Configuration(main=index.url, extra=(other.url,))
        session = opened(configured=both)
        (file,) = session.listing("two").files
        assert "evil" not in session.wheel(file).metadata


def test_files_of_other_projects_are_left_out(opened: Opened, tmp_path: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    for file in (wheel("two", "9.0"), wheel("other", "9.0")):
        file.write(folder)
    session = opened(Index(find_links=[str(folder)]))
    names = {file.filename for file in session.listing("two").files}
    assert names == {"two-1.0-py3-none-any.whl", "two-9.0-py3-none-any.whl"}
    assert str(folder / "two-9.0-py3-none-any.whl") in session.consulted
    assert session.wheel(session.listing("two").files[-1]).size


def test_offline(opened: Opened, index: IndexServer) -> None:
    session = opened(offline=True)
    with pytest.raises(IndexTrouble, match="nothing is asked of an index"):
        session.listing("one")
    known = look(opened())
    index.forget()
    assert look(opened(offline=True)) == known
    assert index.count() == 0


def test_what_is_kept_and_broken_is_asked_for_again(
    opened: Opened, index: IndexServer, tmp_path: Path
) -> None:
    known = look(opened())
    damaged = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert damaged
    for content in (b"", b"x" * 100, b"\x00" * 5000):
        for path in damaged:
            path.write_bytes(content)
        assert look(opened()) == known


def test_names_that_were_met(opened: Opened) -> None:
    look(opened())
    assert {"one", "two", "three"} <= opened().names()
    session = opened(replayed=recording.Recording())
    assert session.names() == set()


def test_a_recording_answers_instead(opened: Opened, index: IndexServer, tmp_path: Path) -> None:
    path = str(tmp_path / "seen")
    session = opened()
    known = look(session)
    recording.write(session.recording, path)
    index.forget()
    replayed = opened(replayed=recording.read(path))
    assert look(replayed) == known
    assert (index.count(), replayed.requests) == (0, 0)
    assert replayed.consulted == set()
    with pytest.raises(IndexTrouble, match="not in the recording"):
        replayed.listing("nowhere")
    held = lzma.decompress((tmp_path / "seen").read_bytes())
    assert b"127.0.0.1" not in held
    assert not any(file.sha256.encode() in held for file in FILES)


def test_a_recording_is_small_and_always_the_same(opened: Opened, tmp_path: Path) -> None:
    session = opened()
    look(session)
    for name in ("a", "b"):
        recording.write(session.recording, str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").stat().st_size < 5000


def test_the_day_of_a_replayed_session(opened: Opened) -> None:
    empty = recording.Recording()
    assert opened(Index(exclude_newer="2025-01-01"), replayed=empty).exclude_newer == "2025-01-01"
    default = Index(exclude_newer="2024-01-01")
    assert opened(replayed=empty, default=default).exclude_newer == "2024-01-01"
    assert opened(replayed=empty).exclude_newer == ""


@pytest.mark.parametrize(
    "content",
    [
        b"", b"nonsense", lzma.compress(b"")[:-4], lzma.compress(b"nonsense"),
        lzma.compress(msgspec.msgpack.encode([1, 2])),
        lzma.compress(msgspec.msgpack.encode({"listings": {"one": 3}})),
        lzma.compress(msgspec.msgpack.encode({"schema": "envcheck.index-recording/9"})),
    ],
)  # fmt: skip
def test_what_is_no_recording(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(DataError, match="no recording"):
        recording.read(str(file))


def test_a_recording_that_unpacks_to_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "LIMIT", 1 << 16)
    file = tmp_path / "bomb"
    file.write_bytes(lzma.compress(bytes(1 << 22)))
    with pytest.raises(DataError, match="no recording"):
        recording.read(str(file))


def test_where_nothing_can_be_written_or_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot write"):
        recording.write(recording.Recording(), str(tmp_path))
    with pytest.raises(DataError, match="cannot read"):
        recording.read(str(tmp_path / "nowhere"))


def test_a_relative_cache_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        IndexSession("", Index())


def test_closing_gives_up_what_is_asked_for(opened: Opened, index: IndexServer) -> None:
    session = opened()
    futures = [session.want_listing(f"p{number}") for number in range(200)]
    session.close()
    assert all(future.done() or future.cancel() or future.running() for future in futures)
