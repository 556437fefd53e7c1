"""Losses, gradients, weights: against a plain loop, and against Accelerate, with the same text."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from benchmarks.parity.plain import train_together  # noqa: E402
from benchmarks.parity.problem import Knobs, Trace  # noqa: E402
from benchmarks.parity.scenarios import (  # noqa: E402
    EVALUATIONS,
    ONE_PROCESS,
    ONLY_TOGETHER,
    RESUMPTIONS,
    SAVING,
    SEVERAL_PROCESSES,
    TOLERANCE,
    compare,
    tail,
)
from benchmarks.parity.worker import ROOT, SCRIPTS, swapped  # noqa: E402

pytestmark = pytest.mark.torch
TOGETHER = (*SEVERAL_PROCESSES, *ONLY_TOGETHER)
OVERFLOWS = [scenario for scenario in ONE_PROCESS if "overflows" in scenario.name]


def each(scenarios):
    return pytest.mark.parametrize("scenario", scenarios, ids=lambda scenario: scenario.name)


@each([scenario for scenario in ONE_PROCESS if scenario.plain])
def test_one_process_computes_what_a_plain_loop_does_bit_for_bit(scenario, ran):
    (plain,), (ours,) = (ran.traces(scenario.name, who) for who in ("plain", "ours"))
    assert len(plain.losses) > 5
    assert plain.weights.abs().sum() > 0
    assert compare(plain, ours) == (0.0, 0.0, 0.0, True)
    for name in ours.notes:
        assert plain.notes[name] == ours.notes[name], name


@each(OVERFLOWS)
def test_the_overflows_are_some_but_not_all_steps(scenario, ran):
    (ours,) = ran.traces(scenario.name, "ours")
    assert 2 < sum(ours.notes["skipped"]) < len(ours.notes["skipped"]) - 2


@each(SEVERAL_PROCESSES)
def test_several_processes_compute_what_one_does(scenario, ran):
    plain, ours = (ran.traces(scenario.name, who, scenario.world) for who in ("plain", "ours"))
    for rank, pair in enumerate(zip(plain, ours, strict=True)):
        assert pair[0].losses
        assert compare(*pair).largest < TOLERANCE, f"rank {rank}: {compare(*pair)}"
        shared = min(len(trace.notes["rate"]) for trace in pair)
        assert pair[0].notes["rate"][:shared] == pytest.approx(pair[1].notes["rate"][:shared])


@each([scenario for scenario in TOGETHER if not scenario.knobs.norm])  # those count by rank
def test_all_ranks_end_with_the_same_weights(scenario, ran):
    first, *others = ran.traces(scenario.name, "ours", scenario.world)
    assert all(torch.equal(first.weights, other.weights) for other in others)


@each([scenario for scenario in (*ONE_PROCESS, *TOGETHER) if not scenario.differs])
def test_accelerate_computes_the_same_bits(scenario, ran):
    theirs = ran.traces(scenario.name, "accelerate", scenario.world)
    ours = ran.traces(scenario.name, "ours", scenario.world)
    for pair in zip(theirs, ours, strict=True):
        assert compare(*pair) == (0.0, 0.0, 0.0, True)
        assert pair[0].notes == pair[1].notes


@each([scenario for scenario in (*ONE_PROCESS, *TOGETHER) if scenario.differs])
def test_where_accelerate_is_said_to_differ_it_does(scenario, ran):
    """If it no longer does, the table of differences is to be corrected."""
    name = f"{scenario.name}.accelerate"
    if ran.outcomes[name].ok:
        theirs = ran.traces(scenario.name, "accelerate", scenario.world)
        ours = ran.traces(scenario.name, "ours", scenario.world)
        assert not all(compare(*pair).equal for pair in zip(theirs, ours, strict=True))


@each(EVALUATIONS)
def test_gather_for_metrics_gives_every_row_once_in_order(scenario, ran):
    ours = ran.traces(scenario.name, "ours", scenario.world)
    theirs = ran.traces(scenario.name, "accelerate", scenario.world)
    for trace in ours:
        rows = trace.notes["rows"]
        assert len(rows) > 10
        assert rows == [list(range(len(row))) for row in rows]
    assert [trace.notes for trace in ours] == [trace.notes for trace in theirs]


@each(RESUMPTIONS)
def test_what_is_resumed_goes_on_as_if_it_had_not_been_stopped(scenario, ran):
    (whole,), (first,), (second,) = (
        ran.traces(scenario.name, f"ours{stage}") for stage in ("", ".first", ".second")
    )
    assert len(first.losses) == scenario.knobs.stop
    rest = tail(whole, len(first.losses), len(first.gradients))
    assert rest.losses
    assert compare(rest, second) == (0.0, 0.0, 0.0, True)


@each([scenario for scenario in RESUMPTIONS if scenario.plain])
def test_what_can_be_resumed_still_computes_what_a_plain_loop_does(scenario, ran):
    (plain,), (whole,) = (ran.traces(scenario.name, who) for who in ("plain", "ours"))
    assert compare(plain, whole) == (0.0, 0.0, 0.0, True)


@each([scenario for scenario in (*ONE_PROCESS, *ONLY_TOGETHER) if scenario.script == "quickstart"])
def test_the_quickstart_saves_the_same_files(scenario, ran):
    from safetensors.torch import load_file

    folders = [ran.folder / f"{scenario.name}.{who}" / "output" for who in ("ours", "accelerate")]
    ours, theirs = ({path.name for path in folder.iterdir()} for folder in folders)
    assert ours == theirs == {"model.safetensors"}
    ours, theirs = (load_file(folder / "model.safetensors") for folder in folders)
    assert ours.keys() == theirs.keys() == {"weight", "bias"}
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@each([SAVING])
def test_save_model_writes_the_files_that_accelerate_does(scenario, ran):
    from safetensors.torch import load_file

    def content(path):
        if path.suffix == ".json":
            return json.loads(path.read_text())
        tensors = load_file(path) if path.suffix == ".safetensors" else torch.load(path)
        return {name: tensor.tolist() for name, tensor in tensors.items()}

    folders = [ran.folder / f"{scenario.name}.{who}" for who in ("ours", "accelerate")]
    assert ran.traces(scenario.name, "ours")
    assert ran.traces(scenario.name, "accelerate")
    ours, theirs = (
        {str(path.relative_to(folder)): path for path in folder.glob("*/*")} for folder in folders
    )
    assert ours.keys() == theirs.keys()
    assert len(ours) > 12
    for name, path in ours.items():
        mine, other = content(path), content(theirs[name])
        if not name.startswith("tied-torch"):  # a row of the differences
            assert mine == other, name


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_only_import_lines_are_swapped(path):
    text = path.read_text(encoding="utf-8")
    pairs = list(zip(text.split("\n"), swapped(text, "ours").split("\n"), strict=True))
    changed = [pair for pair in pairs if pair[0] != pair[1]]
    assert changed
    for before, after in changed:
        assert after == before.replace("from accelerate", "from envcheck.accelerator")


def test_torchrun_gives_what_forked_processes_do(tmp_path):
    """The scenarios' processes are forked; here they are real ones, started by torchrun."""
    knobs = Knobs(length=21, accumulation=2)
    script = tmp_path / "train.py"
    script.write_text(swapped((SCRIPTS / "train.py").read_text(), "ours"))
    argv = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*argv, str(script), knobs.write(), str(tmp_path / "trace")],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    for rank, plain in enumerate(train_together(knobs, 2)):
        ours = Trace.load(str(tmp_path / f"trace.{rank}"))
        assert compare(plain, ours).largest < TOLERANCE
