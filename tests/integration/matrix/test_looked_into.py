"""Images that stand for an os are looked into once, and are what they are."""

from __future__ import annotations

import datetime as dt
import gc
import warnings

import pytest

from envcheck.matrix import looked_into
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject
from envcheck.predict import targets

IMAGES = {"slim": "envcheck-base:{python}-slim", "alpine": "envcheck-base:{python}-musl"}


def cell(python, os):
    axes = {"python": python, "os": os, "installer": "uv", "architecture": "x86_64"}
    parts = {"test": Subject(), "index": Index(), "steps": Steps(), "limits": Limits()}
    return Cell(id=f"{python}-{os}", axes=axes, **parts)


@pytest.mark.docker
@pytest.mark.parametrize(
    ("python", "os", "libc", "compilers"),
    [
        ("3.12", "slim", "glibc 2.36", set()),
        ("3.11", "alpine", "musl 1.2.5", set()),
        ("3.11", "alpine-cc", "musl 1.2.5", {"c", "c++"}),
        ("3.14", "alpine", "", None),  # there is no such image
    ],
)
def test_cells_on_stand_ins(tmp_path, python, os, libc, compilers):
    today = dt.date(2026, 11, 20)
    examined = looked_into.by_engine(str(tmp_path))
    target = targets.of_cell(cell(python, os), IMAGES, today=today, examined=examined)
    assert (target.id, target.libc, target.compilers) == (f"{python}-{os}", libc, compilers)
    again = looked_into.by_engine(str(tmp_path))
    assert targets.of_cell(cell(python, os), IMAGES, today=today, examined=again) == target


@pytest.mark.docker
def test_what_was_seen_is_kept(tmp_path, monkeypatch):
    first = looked_into.by_engine(str(tmp_path))("envcheck-base:3.13-slim")
    assert first is not None
    monkeypatch.setattr(looked_into, "_look", pytest.fail)
    assert looked_into.by_engine(str(tmp_path))("envcheck-base:3.13-slim") == first
    for file in (tmp_path / "images").iterdir():
        file.write_bytes(b"something else")
    monkeypatch.setattr(looked_into, "_look", lambda reference: None)
    assert looked_into.by_engine(str(tmp_path))("envcheck-base:3.13-slim") is None


def test_without_an_engine_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert looked_into.by_engine(str(tmp_path))("envcheck-base:3.13-slim") is None
    with warnings.catch_warnings():  # the socket that docker's client could not connect
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.docker
def test_places_beside_words(tmp_path, envcheck):
    sheet = tmp_path / "sheet.json"
    done = envcheck("facts", "--image", "envcheck-base:3.12-slim", "-o", str(sheet))
    assert done.returncode == 0, done.stderr
    words = [f"facts:{sheet}", "3.12-slim,3.9-alpine", "image:envcheck-base:3.11-musl"]
    found = looked_into.named([*words, f"facts:{sheet}"], today=dt.date(2026, 11, 20))
    assert [(target.id, target.libc) for target in found] == [
        ("3.9-alpine", "musl 1.2.5"),
        ("3.12-slim", "glibc 2.41"),
        ("sheet", "glibc 2.36"),
        ("envcheck-base:3.11-musl", "musl 1.2.5"),
        ("sheet (2)", "glibc 2.36"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize("option", ["--venv", "--facts"])
def test_a_place_that_is_not_there(tmp_path, envcheck, option):
    done = envcheck("why", "six", "--offline", option, str(tmp_path / "none"))
    assert done.returncode in (2, 3)
    assert "none" in done.stderr
    assert "Traceback" not in done.stderr


def test_this_environment_as_a_place(envcheck, tmp_path):
    import sys

    found = looked_into.named([f"interpreter:{sys.executable}"], today=dt.date(2026, 11, 20))
    here = targets.here()
    assert found[0].python == here.python
    assert (found[0].libc, found[0].platforms) == (here.libc, here.platforms)
