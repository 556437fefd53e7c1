"""Real pip and uv with a gateway between them and an index that is sound, or is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from index_faults import altered, drop, stall, status
from index_server import IndexServer
from wheels import sdist, wheel

from envcheck.index.gateway import BASE, CLIENT_ENVIRONMENT
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from envcheck.index.gateway import Door

ONE = wheel("one", "1.0", requires=["two>=1"])
TWO = wheel("two", "2.0", files={"two.py": "", "big.bin": os.urandom(2 << 20)})
OLD = wheel("one", "0.1")
UV = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))


def install(
    door: Door, tool: str, target: Path, *words: str, base: str = BASE
) -> subprocess.CompletedProcess[str]:
    options = door.index_options(base)
    index = ["--index-url", options.index_url] if options.index_url else ["--no-index"]
    for url in options.extra_index_urls:
        index += ["--extra-index-url", url]
    for url in options.find_links:
        index += ["--find-links", url]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_")) and not name.lower().endswith("_proxy")
    }
    environment |= CLIENT_ENVIRONMENT | door.environment()
    environment |= {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "HOME": str(target.parent)}
    environment["UV_CACHE_DIR"] = str(target.parent / "uv")
    command = [sys.executable, "-I", "-m", "pip", "--no-cache-dir", "--disable-pip-version-check"]
    if tool == "uv":
        command = [UV, "pip"]
    command += ["install", "--target", str(target), *index, *words]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, cwd=target.parent
    )


@pytest.fixture(params=["pip", "uv"])
def tool(request: Any) -> str:
    return str(request.param)


@pytest.mark.parametrize("offers", [{}, {"json": False, "metadata": False, "ranges": False}])
def test_installing(door, tmp_path, tool, offers):
    with IndexServer(ONE, OLD, TWO, **offers) as index:
        opened = door(index.url)
        done = install(opened, tool, tmp_path / "here", "one")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "here" / "big.bin").read_bytes()
        assert (tmp_path / "here" / "one-1.0.dist-info").is_dir()
        assert max(index.downloads().values()) == 1
    assert opened.traffic().files == 2
    assert opened.faults() == []


def test_hashes_can_be_required(door, tmp_path, tool):
    with IndexServer(ONE, TWO) as index:
        opened = door(index.url)
        lock = tmp_path / "lock.txt"
        lock.write_text(
            f"one==1.0 --hash=sha256:{ONE.sha256}\ntwo==2.0 --hash=sha256:{TWO.sha256}\n"
        )
        words = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(lock)]
        assert install(opened, tool, tmp_path / "here", *words).returncode == 0


def test_wheel_directories_and_several_indexes(gateway, tmp_path, tool):
    (tmp_path / "wheels").mkdir()
    TWO.write(tmp_path / "wheels")
    with IndexServer(OLD) as first, IndexServer(ONE, json=False) as second:
        index = Index(extra_urls=[second.url], find_links=[str(tmp_path / "wheels")])
        opened = gateway(first.url).open(index)
        more = ["--index-strategy", "unsafe-best-match"] if tool == "uv" else []
        done = install(opened, tool, tmp_path / "here", "one", *more)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "here" / "one-1.0.dist-info").is_dir()


def test_uv_finds_what_another_cell_has_brought(gateway, tmp_path):
    """The base is the same for every cell, whatever the port: uv's cache serves them all."""
    with IndexServer(ONE, TWO) as index:
        for run in range(2):
            opened = gateway(index.url).open(Index())
            done = install(opened, "uv", tmp_path / f"here{run}", "one")
            assert done.returncode == 0, done.stderr
            assert opened.traffic().files == (2, 0)[run]


FAULTS = {
    "page": ("/simple/two/", status(500), "trouble"),
    "page-denied": ("/simple/two/", status(403), "denied"),
    "page-dropped": ("/simple/two/", drop(), "trouble"),
    "page-stalled": ("/simple/two/", stall(60), "trouble"),
    "metadata": ("/files/two*.metadata", status(500), "trouble"),
    "file": ("/files/two*.whl", status(500), "trouble"),
    "file-dropped": ("/files/two*.whl", drop(after=1000), "trouble"),
    "file-altered": ("/files/two*.whl", altered(), "hash"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_trouble_ends_quickly_and_its_reason_is_known(door, tmp_path, tool, fault):
    pattern, change, kind = FAULTS[fault]
    with IndexServer(ONE, TWO) as index:
        index.fault(pattern, change)
        opened = door(index.url)
        started = time.monotonic()
        done = install(opened, tool, tmp_path / "here", "one")
        assert done.returncode != 0
        assert {f.kind for f in opened.faults()} == {kind}, opened.faults()
        assert time.monotonic() - started < 20
        assert index.count(pattern) <= 12


def test_a_project_that_does_not_exist_is_no_trouble(door, tmp_path, tool):
    with IndexServer(TWO) as index:
        opened = door(index.url)
        done = install(opened, tool, tmp_path / "here", "nowhere")
        assert done.returncode != 0
        assert "nowhere" in done.stderr
    assert opened.faults() == []


def test_building_needs_no_more(door, tmp_path, tool):
    with IndexServer(sdist("three", "1.0", requires=["two"]), TWO) as index:
        opened = door(index.url)
        done = install(opened, tool, tmp_path / "here", "three")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "here" / "three.py").exists()
