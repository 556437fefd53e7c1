"""Recorded runs, given out again."""

from __future__ import annotations

import msgspec
import pytest

from envcheck import store
from envcheck.errors import DataError, TargetError, UsageError
from envcheck.matrix.backends import load
from envcheck.matrix.backends.base import Surroundings
from envcheck.model.cell import CellResult, Run, RunHeader
from envcheck.model.matrix import Cell, Index, Limits, Plan, Steps, Subject


def cell(name, requirement="numpy"):
    python, _, system = name.partition("-")
    return Cell(
        id=name,
        axes={"python": python, "os": system, "architecture": "x86_64", "installer": "uv"},
        test=Subject(requirements=[requirement]),
        index=Index(),
        steps=Steps(),
        limits=Limits(),
    )


RESULTS = [
    CellResult(cell=cell("3.12-slim"), backend="docker", status="pass", version="2.5.5"),
    CellResult(cell=cell("3.9-slim"), backend="docker", status="fail", cause="requires-python"),
]
HEADER = RunHeader(id="numpy-7", matrix="numpy", started="2026-11-20T21:00:00Z", cells=3)


@pytest.fixture(params=["document", "store"])
def recording(request, tmp_path):
    """The path of a recorded run: a document, or a directory of a store."""
    if request.param == "document":
        file = tmp_path / "numpy.json"
        run = Run(header=HEADER, results=RESULTS, missing=["3.9-alpine"])
        file.write_bytes(msgspec.json.encode(run))
        return str(file)
    names = ["3.12-slim", "3.9-slim", "3.9-alpine"]
    plan = Plan(name="numpy", summary="", folder="", cells=[cell(name) for name in names])
    writer = store.create(str(tmp_path), HEADER, plan)
    for result in RESULTS:
        writer.append(result)
    writer.close()
    return writer.folder


def replay(recording):
    return load("replay", Surroundings(None, None, "", "", recording=recording))


def test_what_was_recorded_comes_again_with_a_note(recording):
    backend = replay(recording)
    for result in RESULTS:
        assert backend.available(result.cell) == ""
        again = backend.recorded(result.cell)
        assert msgspec.structs.replace(again, notes=[]) == result
        assert again.notes == [f"recorded in the run {backend.run.header.id} of {HEADER.started}"]


def test_what_was_not_recorded_is_unavailable(recording):
    backend = replay(recording)
    for name in ("3.9-alpine", "3.13-slim"):
        assert backend.recorded(cell(name)) is None
        assert backend.available(cell(name)).endswith(f"has no result for {name}")
        with pytest.raises(TargetError):
            backend.open(cell(name))


def test_a_cell_that_has_changed_since_says_so(recording):
    again = replay(recording).recorded(cell("3.12-slim", "numpy<2"))
    assert again.notes[-1].endswith("the cell has changed since: test")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_no_recording_is_refused(tmp_path, content):
    file = tmp_path / "run.json"
    file.write_bytes(content)
    with pytest.raises(DataError):
        replay(str(file))


def test_a_recording_must_be_named_and_be_there(tmp_path):
    with pytest.raises(UsageError):
        replay("")
    with pytest.raises(DataError):
        replay(str(tmp_path / "missing.json"))
