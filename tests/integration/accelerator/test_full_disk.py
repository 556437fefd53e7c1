"""Disks that are full, read-only or hold something else: the checkpoint before is as it was."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from programs import Program  # noqa: E402 -- what follows needs torch
from torch import nn  # noqa: E402

from envcheck.accelerator import Accelerator, ProjectConfiguration  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("fresh")]

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def files_of_at_most(size):
    """What this process writes, without being root or a disk being full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def prepared(**keywords):
    accelerator = Accelerator(cpu=True, **keywords)
    model = nn.Linear(32, 32)
    optimizer = torch.optim.Adam(model.parameters())
    model, optimizer = accelerator.prepare(model, optimizer)

    def train():
        accelerator.backward(model(torch.rand(4, 32)).sum())
        optimizer.step()
        optimizer.zero_grad()

    train()
    return accelerator, model, train


@pytest.mark.parametrize("safe", [True, False])
def test_the_checkpoint_before_survives_wherever_the_space_ends(tmp_path, safe):
    accelerator, _, train = prepared()
    folder = tmp_path / "checkpoint"
    accelerator.save_state(folder, safe_serialization=safe)
    before = contents(folder)
    train()
    for size in (0, 100, 1000, 4000, 5000, max(map(len, before.values())) - 1):
        with files_of_at_most(size), pytest.raises(OSError, match="checkpoint was not saved"):
            accelerator.save_state(folder, safe_serialization=safe)
        assert contents(folder) == before
        assert os.listdir(tmp_path) == ["checkpoint"]
    accelerator.load_state(folder)
    accelerator.save_state(folder, safe_serialization=safe)


@pytest.mark.parametrize("safe", [True, False])
def test_weights_before_survive(tmp_path, safe):
    accelerator, model, train = prepared()
    folder = tmp_path / "weights"
    with files_of_at_most(1000), pytest.raises(OSError, match="weights was not saved"):
        accelerator.save_model(model, folder, safe_serialization=safe)
    assert os.listdir(tmp_path) == []
    accelerator.save_model(model, folder, max_shard_size=1000, safe_serialization=safe)
    before = contents(folder)
    assert len(before) == 3
    train()
    with files_of_at_most(2000), pytest.raises(OSError, match="weights was not saved"):
        accelerator.save_model(model, folder, safe_serialization=safe)
    assert contents(folder) == before
    assert os.listdir(tmp_path) == ["weights"]
    accelerator.save_model(model, folder, safe_serialization=safe)
    assert len(contents(folder)) == 1


def test_the_newest_checkpoint_survives_with_a_limit(tmp_path):
    project = ProjectConfiguration(str(tmp_path), automatic_checkpoint_naming=True, total_limit=1)
    accelerator, model, train = prepared(project_config=project)
    folder = tmp_path / "checkpoints"
    accelerator.save_state()
    train()
    accelerator.save_state()
    assert os.listdir(folder) == ["checkpoint_1"]
    weights = model.weight.detach().clone()
    train()
    with files_of_at_most(2000), pytest.raises(OSError, match="checkpoint_2 was not saved"):
        accelerator.save_state()
    assert os.listdir(folder) == ["checkpoint_1"]
    accelerator.load_state()
    assert torch.equal(model.weight, weights)
    accelerator.save_state()
    assert os.listdir(folder) == ["checkpoint_2"]


def test_automatic_names_that_exist(tmp_path):
    project = ProjectConfiguration(str(tmp_path), automatic_checkpoint_naming=True, total_limit=2)
    accelerator, _, _ = prepared(project_config=project)
    folder = tmp_path / "checkpoints"
    for name in ("checkpoint_0", "checkpoint_mine", "checkpoint_", "other"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_text("mine")
    with pytest.raises(ValueError, match="checkpoint_0 exists"):
        accelerator.save_state()
    assert contents(folder / "checkpoint_0") == {"file": b"mine"}
    project.iteration = 9
    for _ in range(3):
        accelerator.save_state()
    kept = {"checkpoint_10", "checkpoint_11", "checkpoint_mine", "checkpoint_", "other"}
    assert set(os.listdir(folder)) == kept
    accelerator.load_state()
    assert accelerator.save_iteration == 12


def test_places_that_are_none(tmp_path):
    accelerator, model, _ = prepared()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for place in ("file", "link", "file/below", "x" * 300):
        for save in (accelerator.save_state, lambda path: accelerator.save_model(model, path)):
            with pytest.raises(OSError, match="was not saved"):
                save(tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"
    assert set(os.listdir(tmp_path)) == {"file", "link"}
    with pytest.raises(ValueError, match="needs output_dir"):
        accelerator.save_state()
    accelerator.save_state(tmp_path / "new" / "folders")
    accelerator.load_state(tmp_path / "new" / "folders")


def test_what_else_is_in_the_folder_stays(tmp_path):
    accelerator, model, _ = prepared()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    accelerator.save_state(tmp_path / "out")
    accelerator.save_model(model, tmp_path / "out")
    accelerator.save_state(tmp_path / "out")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    accelerator.load_state(tmp_path / "out")


TOGETHER = Program(
    "disk full on one of two ranks",
    """
import resource
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
accelerator = Accelerator(cpu=True)
model = nn.Linear(4, 4)
model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters()))

def contents():
    accelerator.wait_for_everyone()
    found = {path.name: path.read_bytes() for path in Path("checkpoint").iterdir()}
    others = {name for name in os.listdir() if not name.startswith(("log.", "program."))}
    assert others == {"checkpoint"}, others
    accelerator.wait_for_everyone()
    return found

accelerator.save_state("checkpoint")
before = contents()
assert {"random_states_0.pkl", "random_states_1.pkl"} < set(before)
accelerator.backward(model(torch.ones(1, 4)).sum())
optimizer.step()
for rank in (0, 1):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if RANK == rank:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    error = raised(accelerator.save_state, "checkpoint")
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(error, OSError) and f"rank {rank}: " in str(error), error
    assert contents() == before
accelerator.load_state("checkpoint")
accelerator.save_state("checkpoint")
assert contents().keys() == before.keys()
""",
)


@pytest.mark.parametrize("scenario", [TOGETHER], ids=lambda scenario: scenario.name)
def test_several_processes(scenario, ran):
    scenario.check(ran.outcomes)


MOUNTED = """
import os, sys, torch
from torch import nn
from envcheck.accelerator import Accelerator
torch.set_num_threads(1)
accelerator = Accelerator(cpu=True)
model = nn.Linear(64, 64)
model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters()))
def train():
    accelerator.backward(model(torch.ones(1, 64)).sum()); optimizer.step(); optimizer.zero_grad()
folder = os.path.join(sys.argv[1], "checkpoint")
if sys.argv[2] == "ro":
    for save in (accelerator.save_state, lambda path: accelerator.save_model(model, path)):
        try:
            save(folder)
        except OSError as error:
            assert "Read-only file system" in str(error), error
        else:
            raise AssertionError("saved")
    assert not os.listdir(sys.argv[1])
    sys.exit()
train()
accelerator.save_state(folder)
saved = model.weight.detach().clone()
names = os.listdir(folder)
train()
size = sum(os.path.getsize(os.path.join(folder, name)) for name in names)
for left in (size // 2, 0):
    disk = os.statvfs(folder)
    with open(os.path.join(sys.argv[1], f"filler{left}"), "wb") as filler:
        filler.write(bytes(disk.f_bavail * disk.f_frsize - left // 4096 * 4096))
    for _ in range(2):
        try:
            accelerator.save_state(folder)
        except OSError as error:
            assert "checkpoint was not saved" in str(error), error
        else:
            raise AssertionError("saved")
        left_over = sorted(os.listdir(sys.argv[1]))
        assert left_over[0] == "checkpoint" and "filler" in left_over[1], left_over
        assert sorted(os.listdir(folder)) == sorted(names)
    os.unlink(os.path.join(sys.argv[1], f"filler{left}"))
accelerator.load_state(folder)
assert torch.equal(model.weight, saved)
accelerator.save_state(folder)
"""


@pytest.mark.root
@pytest.mark.parametrize("options", ["size=300k", "ro"])
def test_a_file_system_of_its_own(tmp_path, options):
    (tmp_path / "mount").mkdir()
    mount = f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"'
    place = str(tmp_path / "mount")
    program = [sys.executable, "-W", "error", "-c", MOUNTED, place, options]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, place, *program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
