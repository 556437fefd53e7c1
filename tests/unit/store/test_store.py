"""The store: nothing is lost by a kill, a full disk, a clock that jumps, or a second process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from envcheck import store
from envcheck.errors import UsageError
from envcheck.model.cell import CellResult, RunHeader
from envcheck.model.matrix import Cell, Index, Limits, Plan, Steps, Subject

if TYPE_CHECKING:
    from pathlib import Path


def cell(name: str) -> Cell:
    python, _, os_ = name.partition("-")
    return Cell(
        id=name,
        axes={"python": python, "os": os_, "architecture": "x86_64", "installer": "uv"},
        test=Subject(requirements=["one"]),
        index=Index(),
        steps=Steps(),
        limits=Limits(),
    )


def plan(*names: str) -> Plan:
    return Plan(name="one", summary="", folder=".", cells=[cell(name) for name in names])


def header(matrix: str = "one") -> RunHeader:
    return RunHeader(id="", matrix=matrix, cells=1)


def passed(name: str, **fields: object) -> CellResult:
    return CellResult(cell=cell(name), backend="docker", status="pass", **fields)


def test_what_was_stored_is_read_back_in_the_plans_order(tmp_path: Path):
    writer = store.create(str(tmp_path), header(), plan("3.9-slim", "3.10-slim", "3.11-slim"))
    for name in ("3.11-slim", "3.9-slim"):
        writer.begin(name)
        writer.append(passed(name, version="1.0"))
    assert writer.id == "one-1"
    writer.close()
    run = store.read(str(tmp_path))
    assert [result.cell.id for result in run.results] == ["3.9-slim", "3.11-slim"]
    assert run.results[0] == passed("3.9-slim", version="1.0")
    assert run.missing == ["3.10-slim"]
    assert run.ended == ""


def test_the_last_result_of_a_cell_counts(tmp_path: Path):
    writer = store.create(str(tmp_path), header(), plan("3.9-slim"))
    writer.append(CellResult(cell=cell("3.9-slim"), backend="docker", status="error"))
    writer.append(passed("3.9-slim"))
    writer.end()
    writer.close()
    run = store.read(str(tmp_path), "one")
    assert [result.status for result in run.results] == ["pass"]
    assert run.ended.endswith("Z")


def test_numbers_order_runs_whatever_the_clock_says(tmp_path: Path):
    for _ in range(11):
        store.create(str(tmp_path), header(), plan("3.9-slim")).close()
    os.utime(tmp_path / "one-11" / "run.json", (1, 1))
    assert store.find(str(tmp_path), "one") == "one-11"
    assert [one.id for one in store.runs(str(tmp_path))][-2:] == ["one-10", "one-11"]


def test_runs_that_start_at_once_get_numbers_of_their_own(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        writers = list(
            pool.map(lambda _: store.create(str(tmp_path), header(), plan("3.9-slim")), range(24))
        )
    assert sorted(writer.id for writer in writers) == sorted(f"one-{n}" for n in range(1, 25))


@pytest.mark.parametrize("reference", ["two", "one-7", "last"])
def test_a_run_that_is_not_there(tmp_path: Path, reference: str):
    if reference != "last":
        store.create(str(tmp_path), header(), plan("3.9-slim")).close()
    with pytest.raises(UsageError, match="there is no run"):
        store.read(str(tmp_path), reference)


def test_a_line_that_was_cut_off_is_left_out_and_spoils_nothing(tmp_path: Path):
    writer = store.create(str(tmp_path), header(), plan("3.9-slim", "3.10-slim"))
    writer.append(passed("3.9-slim"))
    writer.close()
    journal = tmp_path / "one-1" / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[:40])  # as a kill in the middle of a write leaves it
    again, done = store.resume(str(tmp_path), "one-1")
    assert list(done) == ["3.9-slim"]
    again.append(passed("3.10-slim"))
    again.close()
    assert store.read(str(tmp_path)).missing == []


def test_a_run_belongs_to_one_process(tmp_path: Path):
    writer = store.create(str(tmp_path), header(), plan("3.9-slim"))
    with pytest.raises(UsageError, match="under way in another process"):
        store.resume(str(tmp_path), "one-1")
    writer.close()
    store.resume(str(tmp_path), "one-1")[0].close()


WRITE_FOR_EVER = """
import sys
sys.path[:0] = sys.argv[2:]
from test_store import header, passed, plan
from envcheck import store
names = [f"3.{n}-slim" for n in range(100000)]
writer = store.create(sys.argv[1], header(), plan(*names[:1000]))
print("begun", flush=True)
for name in names:
    writer.append(passed(name))
    print(name, flush=True)
"""


def test_killed_at_any_moment_it_has_all_that_it_said_was_stored(tmp_path: Path):
    here = os.path.dirname(__file__)
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    for number in range(1, 4):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path), here, root],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        time.sleep(0.02 * number)
        child.send_signal(signal.SIGKILL)
        said = child.stdout.read().split("\n")
        child.stdout.close()
        child.wait()
        whole = {name for name in said[:-1] if name}
        _, done = store.resume(str(tmp_path), f"one-{number}")
        assert whole <= set(done)


def fill(path: Path) -> None:
    """Until nothing more fits."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b"x" * 65536):
            pass


def test_a_full_disk_loses_nothing_that_was_stored(tmp_path: Path, small_disk: Path):
    writer = store.create(str(small_disk), header(), plan("3.9-slim", "3.10-slim"))
    writer.append(passed("3.9-slim"))
    filler = small_disk / "filler"
    fill(filler)
    many = [passed("3.10-slim")] * 1000
    with pytest.raises(store.StoreError, match="No space left") as error:
        writer.append_all(many)
    assert "make room" in error.value.hint
    with pytest.raises(store.StoreError, match="No space left"):
        writer.write_log("3.10-slim", "install", "x" * 100_000)
    filler.unlink()
    writer.append(passed("3.10-slim"))
    writer.close()
    assert store.read(str(small_disk)).missing == []
    for line in (small_disk / "one-1" / "journal.jsonl").read_bytes().splitlines():
        json.loads(line)


def test_logs(tmp_path: Path):
    writer = store.create(str(tmp_path), header(), plan("3.9-slim"))
    path = writer.write_log("3.9-slim", "install", "it said \udcff\n")
    assert path == "logs/3.9-slim/install.log"
    assert (tmp_path / "one-1" / path).read_text() == "it said \\udcff\n"
    assert (tmp_path / "one-1").stat().st_mode & 0o077 == 0
    writer.close()
