"""Facts of sdists that lie on an index, or here."""

from __future__ import annotations

import contextlib
import gzip
import random

import pytest
from gateway_client import QUICK
from index_faults import altered, drop, endless, instead, slow, status, truncate
from index_server import IndexServer
from msgspec.structs import replace
from sdists import SETUPTOOLS, packed, tar
from wheels import File, metadata

from envcheck.errors import IndexTrouble
from envcheck.index.client import Client
from envcheck.index.local import url_of
from envcheck.index.pages import File as Listed
from envcheck.index.remote_sdist import headers_of, inspect, is_static
from envcheck.index.sdist_signs import summary
from envcheck.index.sources import Network

STATIC = metadata("one", "1.0", requires=["two>=1"], requires_python=">=3.9", standard="2.2")
FILES = {
    "PKG-INFO": STATIC + "\nA description\nRequires-Dist: not-this\n",
    "pyproject.toml": SETUPTOOLS,
    "setup.py": "from setuptools import setup, Extension\n"
    "setup(ext_modules=[Extension('x', ['x.c'])])\n",
    "x.c": "#include <libpq-fe.h>\n",
}


def noise(length):
    return random.Random(length).randbytes(length)


LONG = {"PKG-INFO": STATIC, "a.bin": noise(3 << 20), "setup.py": FILES["setup.py"]}


def asked(index, file, **more):
    """(facts, bytes that were moved)."""
    moved: list[int] = []
    listed = Listed(filename=file.name, url=index.files_url + file.name)
    listed = replace(listed, **{key: more.pop(key) for key in ("sha256", "size") if key in more})
    with contextlib.closing(Client(Network(), QUICK)) as client:
        return inspect(listed, client, moved.append, **more), sum(moved)


@pytest.mark.parametrize("ending", [".tar.gz", ".tar.bz2", ".tar.xz", ".zip", ".tgz"])
@pytest.mark.parametrize("ranges", [True, False])
def test_facts(ending, ranges):
    file = packed(FILES, ending)
    with IndexServer(file, ranges=ranges) as index:
        facts, moved = asked(index, file)
    assert facts.metadata == STATIC
    assert facts.static
    assert facts.complete
    assert (facts.size, moved) == (len(file.data), len(file.data))
    assert (facts.pure, facts.languages, facts.headers) == (False, ["c"], ["libpq-fe.h"])
    assert facts.build_requires == ["setuptools>=61"]
    assert summary(facts) == "needs a C compiler and libpq-fe.h (setuptools)"
    assert facts.sources == {
        "size": "the index's answer",
        "metadata": "PKG-INFO in the sdist",
        "build": "its files",
    }


def test_one_request_for_most():
    file = packed(FILES)
    with IndexServer(file) as index:
        asked(index, file)
        assert index.count("/files/*") == 1


def test_a_file_here(tmp_path):
    file = packed(FILES)
    listed = Listed(filename=file.name, url=url_of(str(file.write(tmp_path))))
    facts = inspect(listed, None, lambda _: None)
    assert facts.complete
    assert facts.languages == ["c"]
    with pytest.raises(IndexTrouble) as caught:
        inspect(Listed(filename="no.tar.gz", url=url_of(str(tmp_path / "no.tar.gz"))), None, print)
    assert caught.value.kind == "absent"


@pytest.mark.parametrize("ranges", [True, False])
def test_no_more_than_the_budget(ranges):
    file = packed(LONG)
    with IndexServer(file, ranges=ranges) as index:
        facts, moved = asked(index, file, budget=2 << 20)
    assert moved <= 2 << 20
    assert not facts.complete
    assert facts.size == len(file.data)
    assert facts.metadata == STATIC
    if ranges:
        assert facts.languages == ["c"]  # setup.py is at the end
        assert facts.sources["build"] == "some of its files: not all of it was read"
    else:
        assert facts.pure is None


def test_a_long_zip_by_ranges():
    file = packed(LONG, ".zip")
    with IndexServer(file) as index:
        facts, moved = asked(index, file, budget=2 << 20)
    assert facts.languages == ["c"]
    assert moved < 1.2 * (1 << 20)


def test_a_long_file_of_the_other_kinds():
    file = packed({"a.bin": noise(3 << 19), "setup.py": "x"}, ".tar.xz")
    with IndexServer(file) as index:
        facts, moved = asked(index, file, budget=1 << 20)
    assert facts.pure is None
    assert moved == 1 << 20


@pytest.mark.parametrize(
    ("change", "times"), [(drop(after=300), 1), (status(503), 1), (drop(), 2), (slow(1e6), 0)]
)
def test_troubles_that_pass(change, times):
    file = packed(FILES)
    with IndexServer(file) as index:
        index.fault("/files/*", change, times=times)
        assert asked(index, file)[0].languages == ["c"]


@pytest.mark.parametrize(
    ("change", "kind"), [(status(404), "absent"), (status(403), "denied"), (status(500), "trouble")]
)
def test_troubles_that_stay(change, kind):
    file = packed(FILES)
    with IndexServer(file) as index:
        index.fault("/files/*", change)
        with pytest.raises(IndexTrouble) as caught:
            asked(index, file)
    assert caught.value.kind == kind


@pytest.mark.parametrize("ending", [".tar.gz", ".tar.bz2", ".tar.xz", ".zip"])
@pytest.mark.parametrize(
    "change",
    [
        instead(b"<html>log in</html>"),
        instead(b""),
        altered(),
        truncate(keep=200),
        endless(b"\0" * 1000),
    ],
)
def test_an_index_that_lies(ending, change):
    file = packed(FILES, ending)
    with IndexServer(file, ranges=False) as index:
        index.fault("/files/*", change)
        facts, moved = asked(index, file, budget=1 << 20)
    assert moved <= 1 << 20
    assert facts.problem or not facts.complete or facts.languages == ["c"]


@pytest.mark.parametrize("ending", [".tar.gz", ".zip"])
def test_hashes_and_sizes(ending):
    file = packed(FILES, ending)
    with IndexServer(file) as index:
        assert asked(index, file, sha256=file.sha256, size=len(file.data))[0].complete
        for wrong in ({"sha256": "0" * 64}, {"size": 7}):
            with pytest.raises(IndexTrouble) as caught:
                asked(index, file, **wrong)
            assert caught.value.kind == "hash"


def test_a_file_that_is_none():
    file = File("one-1.0.tar.gz", gzip.compress(b"x" * 5000), b"")
    with IndexServer(file) as index:
        facts, _ = asked(index, file)
    assert (
        facts.problem == "it is no tar archive: invalid literal for int() with base 8: b'xxxxxxxx'"
    )
    assert facts.pure is None


def test_metadata_is_its_own():
    """Not that of an egg-info directory, or of a distribution that lies inside."""
    files = {"one.egg-info/PKG-INFO": STATIC, "vendor/two/PKG-INFO": STATIC, "setup.py": ""}
    file = packed(files)
    with IndexServer(file) as index:
        assert not asked(index, file)[0].metadata


@pytest.mark.parametrize(
    ("headers", "static"),
    [
        ("Metadata-Version: 2.1\nRequires-Dist: x", False),
        ("Metadata-Version: 2.2\nRequires-Dist: x", True),
        ("Metadata-Version: 2.4\nDynamic: Version\nDynamic: License-File", True),
        ("Metadata-Version: 2.2\nDynamic: Requires-Dist", False),
        ("Metadata-Version: 2.2\nDynamic: requires-python", False),
        ("Metadata-Version: 2.3\nDynamic: Provides-Extra", False),
        ("Metadata-Version: 10.0\n", True),
        ("Metadata-Version: x\n", False),
        ("", False),
    ],
)
def test_static(headers, static):
    assert is_static(headers) is static


def test_headers():
    text = "Metadata-Version: 2.1\nName: one\nDescription: a\n        |b\nVersion: 1\n\nbody"
    assert (
        headers_of(text.replace("\n", "\r\n")) == "Metadata-Version: 2.1\nName: one\nVersion: 1\n"
    )
    assert headers_of("<html>") == ""


def test_a_tar_file_whose_members_lie_at_its_top():
    file = File("one-1.0.tar.gz", gzip.compress(tar(FILES, "")), b"")
    with IndexServer(file) as index:
        assert asked(index, file)[0].pure is None
