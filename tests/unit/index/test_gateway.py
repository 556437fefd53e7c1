"""What a cell gets of its indexes: pages, files, metadata; how often the index is asked."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import zipfile
from typing import TYPE_CHECKING

import msgspec
import pytest
from gateway_client import eventually, page_of
from index_faults import slow
from index_server import IndexServer
from wheels import sdist, wheel

from envcheck.errors import IndexTrouble
from envcheck.index import catalogue, kept, pages
from envcheck.index.gateway import BASE
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from pathlib import Path

ONE = wheel("one", "1.0", requires=["two>=1"], requires_python=">=3.7")
OLD = wheel("one", "0.9", uploaded="2020-05-05T00:00:00Z", yanked="broken")
TWO = sdist("two", "2.0")
BIG = wheel("big", files={"big.bin": os.urandom(3 << 20)})


def entries(body: bytes) -> dict[str, dict[str, object]]:
    return {entry["filename"]: entry for entry in json.loads(body)["files"]}


def test_pages_tell_what_the_index_tells(door, visit):
    with IndexServer(ONE, OLD, TWO) as index:
        opened = door(index.url)
        visitor = visit(opened)
        answer = visitor.get(page_of(opened, "one"), Accept=pages.ACCEPT)
        html = visitor.get(page_of(opened, "one"), Accept="text/html")
        named = visitor.get(page_of(opened, "One"), Accept="text/html")
    assert answer.headers["Content-Type"] == pages.JSON
    files = entries(answer.body)
    assert files[ONE.name]["hashes"] == {"sha256": ONE.sha256}
    assert files[ONE.name]["requires-python"] == ">=3.7"
    assert files[ONE.name]["upload-time"] == ONE.uploaded
    assert files[ONE.name]["size"] == len(ONE.data)
    assert files[OLD.name]["yanked"] == "broken"
    assert "yanked" not in files[ONE.name]
    assert named.body == html.body
    again = pages.parse(html.body, html.headers["Content-Type"], "http://door/index/x/one/")
    first = next(file for file in again if file.filename == ONE.name)
    assert (first.sha256, first.requires_python) == (ONE.sha256, ">=3.7")
    assert first.metadata


@pytest.mark.parametrize("json_pages", [True, False])
def test_a_file_comes_once_whoever_asks_for_it(door, visit, tmp_path, json_pages):
    with IndexServer(BIG, json=json_pages) as index:
        index.fault("/files/*", slow(8 << 20))
        opened = door(index.url)
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}"
        answers = []
        visitors = [visit(opened) for _ in range(6)]
        threads = [
            threading.Thread(target=lambda v=v: answers.append(v.get(path))) for v in visitors
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = visitors[0].get(path)
        assert eventually(lambda: index.downloads() == {BIG.name: 1})
    assert [hashlib.sha256(a.body).hexdigest() for a in (*answers, after)] == [BIG.sha256] * 7
    traffic = opened.traffic()
    assert traffic.files == 1
    assert traffic.served >= 7 * len(BIG.data)
    assert len(BIG.data) <= traffic.upstream < 1.1 * len(BIG.data)
    assert traffic.seconds > 0.2
    assert traffic.errors == []


def test_a_file_is_given_while_it_comes(door, visit):
    with IndexServer(BIG) as index:
        index.fault("/files/*", slow(4 << 20))
        opened = door(index.url)
        visitor = visit(opened)
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}"
        visitor.connection.request("GET", visitor.prefix + path)
        answer = visitor.connection.getresponse()
        assert answer.read(1000) == BIG.data[:1000]
        assert index.downloads() == {}  # it is still being sent
        assert answer.read() == BIG.data[1000:]


def test_another_run_asks_for_little(gateway, visit, tmp_path):
    with IndexServer(ONE, TWO) as index:
        for _ in range(2):
            index.forget()
            made = gateway(index.url)
            opened = made.open(Index())
            visitor = visit(opened)
            visitor.get(page_of(opened, "one"))
            path = f"{page_of(opened, 'one')}{ONE.sha256}/{ONE.name}"
            assert visitor.get(f"{path}.metadata").body == ONE.metadata
            assert visitor.get(path).body == ONE.data
            made.close()
        assert index.count() == 0
    assert opened.traffic().upstream == 0


def test_an_old_page_is_asked_for_by_its_etag(gateway, visit, tmp_path):
    with IndexServer(ONE) as index:
        made = gateway(index.url)
        assert [str(r.version) for r in made.releases(Index(), "one")] == ["1.0"]
        made.close()
        path = str(next((tmp_path / "cache" / "pages").iterdir()))
        page = msgspec.msgpack.decode(kept.read(path), type=catalogue.Page)
        older = msgspec.structs.replace(page, etag='"x"', fetched=page.fetched - 10_000)
        kept.write(path, msgspec.msgpack.encode(older))
        index.fault("/simple/*", lambda answer: answer._replace(status=304, body=b"", length=None))
        index.forget()
        made = gateway(index.url)
        assert [str(r.version) for r in made.releases(Index(), "one")] == ["1.0"]
        assert [request.status for request in index.requests] == [304]


def test_etags_of_ours(door, visit):
    with IndexServer(ONE) as index:
        opened = door(index.url)
        visitor = visit(opened)
        etag = visitor.get(page_of(opened, "one")).headers["ETag"]
        again = visitor.get(page_of(opened, "one"), If_None_Match=etag)
        assert (again.status, again.body) == (304, b"")
        assert eventually(lambda: index.count("/simple/*") == 1)


def test_parts_of_files(door, visit):
    with IndexServer(BIG) as index:
        opened = door(index.url)
        visitor = visit(opened)
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}"
        size = len(BIG.data)
        for _ in range(2):  # while it comes, and from the store
            for wanted, part in (
                ("bytes=-100", slice(-100, None)),
                ("bytes=10-19", slice(10, 20)),
                (f"bytes={size - 5}-", slice(-5, None)),
                (f"bytes=0-{size * 2}", slice(None)),
            ):
                answer = visitor.get(path, Range=wanted)
                assert answer.body == BIG.data[part]
                assert answer.status == (200 if len(answer.body) == size else 206)
            assert visitor.get(path, Range=f"bytes={size}-").status == 416
            head = visitor.get(path, "HEAD")
            assert (head.body, head.headers["Content-Length"]) == (b"", str(size))


@pytest.mark.parametrize(
    ("metadata", "ranges", "whole"),
    [(True, True, 0), (False, True, 0), (False, False, 1)],
)
def test_metadata_of_a_wheel(door, visit, metadata, ranges, whole):
    """Beside it, out of it by ranges; else it is not offered, and got by fetching it."""
    with IndexServer(BIG, metadata=metadata, ranges=ranges) as index:
        opened = door(index.url)
        visitor = visit(opened)
        answer = visitor.get(page_of(opened, "big"), Accept=pages.ACCEPT)
        assert bool(entries(answer.body)[BIG.name].get("core-metadata")) == (not whole)
        path = f"{page_of(opened, 'big')}{BIG.sha256}/{BIG.name}.metadata"
        for _ in range(2):
            assert visitor.get(path).body == BIG.metadata
        assert eventually(lambda: sum(index.downloads().values()) == whole)
        assert whole or index.sent("/files/*") < 200_000


def test_metadata_is_offered_for_wheels_only(door, visit):
    with IndexServer(TWO, metadata=False) as index:
        opened = door(index.url)
        visitor = visit(opened)
        answer = visitor.get(page_of(opened, "two"), Accept=pages.ACCEPT)
        assert "core-metadata" not in entries(answer.body)[TWO.name]
        assert (
            visitor.get(f"{page_of(opened, 'two')}{TWO.sha256}/{TWO.name}.metadata").status == 404
        )


def test_only_what_was_uploaded_before_a_day(gateway, visit):
    with IndexServer(ONE, OLD) as index:
        made = gateway(index.url)
        until = Index(exclude_newer="2021-01-01")
        old, new = made.open(until), made.open(Index())
        both = [
            entries(visit(d).get(page_of(d, "one"), Accept=pages.JSON).body) for d in (old, new)
        ]
        assert [sorted(files) for files in both] == [[OLD.name], sorted([OLD.name, ONE.name])]
        path = f"{page_of(old, 'one')}{ONE.sha256}/{ONE.name}"
        assert visit(old).get(path).status == 404
        assert page_of(old, "one") != page_of(new, "one")
        assert [str(r.version) for r in made.releases(until, "one")] == ["0.9"]
        assert old.notes() == []


def test_files_whose_upload_time_is_not_known_stay_and_that_is_said(gateway):
    with IndexServer(ONE, upload_times=False) as index:
        made = gateway(index.url)
        opened = made.open(Index(exclude_newer="2021-01-01"))
        assert [
            str(r.version) for r in made.releases(Index(exclude_newer="2021-01-01"), "one")
        ] == ["1.0"]
        assert "one" in opened.notes()[0]
        assert "2021-01-01" in opened.notes()[0]


def test_releases(gateway):
    more = [wheel("one", "1.10"), wheel("one", "1.9"), sdist("one", "1.9"), wheel("one", "2.0rc1")]
    with IndexServer(ONE, OLD, *more) as index:
        releases = gateway(index.url).releases(Index(), "One")
    assert [str(r.version) for r in releases] == ["0.9", "1.0", "1.9", "1.10", "2.0rc1"]
    assert [r.yanked is not None for r in releases] == [True, False, False, False, False]
    assert releases[1].requires_python == ">=3.7"
    assert releases[0].uploaded == "2020-05-05T00:00:00Z"
    assert len(releases[2].files) == 2


def test_a_project_that_is_nowhere(gateway, visit):
    with IndexServer(ONE) as index:
        made = gateway(index.url)
        opened = made.open(Index())
        assert made.releases(Index(), "nowhere") == []
        assert visit(opened).get(page_of(opened, "nowhere")).status == 404
        assert opened.faults() == []
        assert eventually(lambda: index.count("/simple/nowhere*") == 1)


def test_directories_of_this_machine(door, visit, tmp_path: Path):
    """A wheel directory, and an index that is a directory, with and without pages."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "simple" / "Two").mkdir(parents=True)
    (tmp_path / "simple" / "big").mkdir()
    ONE.write(tmp_path / "wheels")
    (tmp_path / "wheels" / "notes.txt").write_text("no distribution")
    TWO.write(tmp_path / "simple" / "Two")
    BIG.write(tmp_path)
    (tmp_path / "simple" / "big" / "index.html").write_text(
        f'<a href="../../{BIG.name}#sha256={BIG.sha256}">{BIG.name}</a>'
        '<a href="../../../../../../../../etc/passwd">passwd</a>'
    )
    index = Index(url=(tmp_path / "simple").as_uri(), find_links=[str(tmp_path / "wheels")])
    opened = door(index=index)
    visitor = visit(opened)
    links = visitor.get(page_of(opened, "", "links"))
    assert [f.filename for f in pages.parse(links.body, "text/html", "http://door/x/")] == [
        ONE.name
    ]
    for file, project, kind in ((ONE, "", "links"), (TWO, "two", "index"), (BIG, "big", "index")):
        path = f"{page_of(opened, project, kind)}{file.sha256}/{file.name}"
        assert visitor.get(path).body == file.data
        assert opened.fetch(file.sha256, project)
        if file.name.endswith(".whl"):
            assert visitor.get(f"{path}.metadata").body == file.metadata
    assert visitor.get(page_of(opened, "one")).status == 404
    assert opened.faults() == []
    assert opened.traffic().upstream == 0


def test_a_local_file_that_is_not_what_its_page_says(door, visit, tmp_path: Path):
    (tmp_path / "simple" / "one").mkdir(parents=True)
    ONE.write(tmp_path)
    (tmp_path / "simple" / "one" / "index.html").write_text(
        f'<a href="../../{ONE.name}#sha256={OLD.sha256}">{ONE.name}</a>'
    )
    opened = door(index=Index(url=(tmp_path / "simple").as_uri()))
    answer = visit(opened).get(f"{page_of(opened, 'one')}{OLD.sha256}/{ONE.name}")
    assert answer.status == 424
    assert [fault.kind for fault in opened.faults()] == ["hash"]


def test_an_index_without_hashes(gateway, visit):
    with IndexServer(ONE, hashes=False) as index:
        made = gateway(index.url)
        opened = made.open(Index())
        visitor = visit(opened)
        answer = visitor.get(page_of(opened, "one"), Accept=pages.JSON)
        url = entries(answer.body)[ONE.name]["url"]
        assert made.known(ONE.sha256) is None
        assert visitor.get(f"{page_of(opened, 'one')}{url}").body == ONE.data
        known = made.known(ONE.sha256)
        assert known is not None
        assert known.filename == ONE.name
        assert opened.fetch(ONE.sha256, "one")
        assert eventually(lambda: index.downloads() == {ONE.name: 1})


def test_what_a_lock_names_is_checked_and_fetched(gateway):
    with IndexServer(ONE, TWO) as index:
        made = gateway(index.url)
        opened = made.open(Index())
        assert made.known(ONE.sha256) is None
        assert made.known(ONE.sha256, "one", Index()).filename == ONE.name
        assert made.known("0" * 64, "one", Index()) is None
        path = opened.fetch(ONE.sha256, "one")
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
        with pytest.raises(IndexTrouble, match="no index here lists") as raised:
            opened.fetch(TWO.sha256, "one")
        assert raised.value.kind == "absent"


def test_a_closed_door_is_closed(door, visit, tmp_path):
    with IndexServer(ONE) as index:
        opened = door(index.url)
        visitor = visit(opened)
        assert visitor.get(page_of(opened, "one")).status == 200
        opened.close()
        opened.close()
        with pytest.raises(OSError):
            visitor.get(page_of(opened, "one"))
        with pytest.raises(OSError):
            visit(opened).get(page_of(opened, "one"))


def test_a_door_with_a_long_path(gateway, visit, tmp_path, monkeypatch):
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    with IndexServer(ONE) as index:
        opened = gateway(index.url).open(Index(), unix=str(folder / "index.sock"))
        monkeypatch.chdir(folder)
        opened.unix = "index.sock"
        assert visit(opened).get(page_of(opened, "one")).status == 200


def test_the_same_base_for_every_cell(door, visit):
    """A door answers what is sent to it as a proxy, for its own address only, to who may."""
    with IndexServer(ONE) as index:
        opened = door(index.url)
        visitor = visit(opened)
        visitor.prefix = ""
        path = page_of(opened, "one")
        proxy = opened.environment()["http_proxy"]
        import base64

        login = base64.b64encode(proxy.partition("//")[2].rpartition("@")[0].encode()).decode()
        allowed = {"Proxy_Authorization": f"Basic {login}"}
        assert visitor.get(BASE + path, **allowed).status == 200
        assert visitor.get(BASE + path).status == 403
        assert visitor.get(BASE + path, Proxy_Authorization="Basic eDp5").status == 403
        assert visitor.get(f"http://127.0.0.1:{index.port}/simple/one/", **allowed).status == 403
        assert visitor.get(path).status == 403


def test_a_cell_may_not_fetch_without_end(gateway, visit):
    with IndexServer(BIG) as index:
        opened = gateway(index.url).open(Index(), budget=1 << 20)
        with pytest.raises(IndexTrouble, match="more than 1,048,576 bytes"):
            opened.fetch(BIG.sha256, "big")
    assert [fault.kind for fault in opened.faults()] == ["budget"]
