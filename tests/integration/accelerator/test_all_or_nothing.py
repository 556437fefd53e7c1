"""Checkpoints that are whole files and hold something else: all is loaded, or nothing."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numpy")
pytest.importorskip("safetensors")

from checkpoints import FILES, Custom  # noqa: E402 -- what follows needs torch
from programs import Program  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_flipped_byte_is_never_half_a_load(training, file):
    path = training.folder / file
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 23)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        before = training.everything()
        with contextlib.suppress(RuntimeError):  # it may be where nothing is read
            training.accelerator.load_state(training.folder)
            path.write_bytes(whole)
            training.accelerator.load_state(training.folder)
            before = training.everything()
        assert training.everything() == before, place


OTHER = {
    "optimizer.bin": [None, [], 3, "x", {"param_groups": [{"params": [0, 1]}]}],
    "scheduler.bin": [None, 3, "x", [], {}, {"state": 1}],
    "random_states_0.pkl": [None, [], 3, {}, {"step": 0, "random": {}, "dataloaders": []}],
}


@pytest.mark.parametrize("file", OTHER)
def test_whole_files_that_hold_something_else(training, refused, file):
    for content in OTHER[file]:
        torch.save(content, training.folder / file)
        assert file in refused(RuntimeError)


DAMAGE = {
    "torch": lambda rank: rank["random"].update(torch=rank["random"]["torch"][:-3]),
    "another type": lambda rank: rank["random"].update(torch=rank["random"]["torch"].float()),
    "python": lambda rank: rank["random"].update(python=(3, (1, 2, 3), None)),
    "numpy": lambda rank: rank["random"].update(numpy=("MT19937", [1, 2], 0, 0, 0.0)),
    "missing": lambda rank: rank["random"].pop("torch"),
    "dataloaders": lambda rank: rank["dataloaders"][0].update(junk=1),
    "step": lambda rank: rank.update(step="x"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_states_that_cannot_be_restored(training, refused, name):
    path = training.folder / "random_states_0.pkl"
    rank = torch.load(path)
    DAMAGE[name](rank)
    torch.save(rank, path)
    assert path.name in refused(RuntimeError)


def test_a_custom_object_that_refuses(training, refused):
    torch.save({"refused": True}, training.folder / "custom_checkpoint_0.pkl")
    refused()
    training.custom.state = {"number": 1}
    last = Custom()
    training.accelerator.register_for_checkpointing(last)
    training.accelerator.save_state(training.folder)
    training.train()
    torch.save({"refused": True}, training.folder / "custom_checkpoint_1.pkl")
    refused()


def test_of_another_optimizer(training, refused):
    linear = nn.Linear(4, 4)
    sgd = torch.optim.SGD(linear.parameters(), lr=0.1)
    torch.save(sgd.state_dict(), training.folder / "optimizer.bin")
    assert "optimizer.bin" in refused(RuntimeError)
    other = nn.Conv1d(4, 4, 1)
    adam = torch.optim.Adam(other.parameters())
    other(torch.ones(4, 1)).sum().backward()
    adam.step()
    torch.save(adam.state_dict(), training.folder / "optimizer.bin")
    assert "optimizer.bin" in refused(RuntimeError)


@pytest.mark.parametrize("file", ["model_1.safetensors", "optimizer_1.bin", "scheduler_1.bin"])
def test_more_than_is_prepared(training, refused, file):
    shutil.copy(training.folder / file.replace("_1", ""), training.folder / file)
    assert file.partition("_")[0] in refused(RuntimeError)


def test_another_number_of_dataloaders(training):
    training.accelerator.prepare(DataLoader([1, 2]))
    with pytest.warns(match="dataloader"):
        training.accelerator.load_state(training.folder)


def test_an_overwritten_checkpoint_keeps_nothing_of_before(training):
    for name in ("model_1.safetensors", "optimizer_1.bin", "custom_checkpoint_1.pkl"):
        shutil.copy(training.folder / "custom_checkpoint_0.pkl", training.folder / name)
    shutil.copy(training.folder / "random_states_0.pkl", training.folder / "random_states_1.pkl")
    (training.folder / "notes.txt").write_text("mine")
    for safe in (True, False, True):
        training.train()
        weights = training.everything()[0]
        training.accelerator.save_state(training.folder, safe_serialization=safe)
        assert len(list(training.folder.iterdir())) == len(FILES) + 1
        training.train()
        training.accelerator.load_state(training.folder)
        assert training.everything()[0] == weights


def test_a_directory_where_a_file_is_to_be(training):
    """Saved as a whole, or not at all."""
    (training.folder / "model.safetensors").unlink()
    (training.folder / "model.safetensors").mkdir()
    before = {path.name: path.is_file() and path.read_bytes() for path in training.folder.iterdir()}
    try:
        training.accelerator.save_state(training.folder)
    except OSError:
        paths = training.folder.iterdir()
        assert {path.name: path.is_file() and path.read_bytes() for path in paths} == before
    else:
        training.accelerator.load_state(training.folder)
    assert [path.name for path in training.folder.parent.iterdir()] == ["checkpoint"]


def test_interrupted_while_saving(training, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(training.custom, "state_dict", interrupted, raising=False)
    with pytest.raises(KeyboardInterrupt):
        training.accelerator.save_state(training.folder)
    assert [path.name for path in training.folder.parent.iterdir()] == ["checkpoint"]


def test_a_directory_beside_it_is_somebody_elses(training):
    own = training.folder.with_name("checkpoint.saving")
    own.mkdir()
    (own / "notes.txt").write_text("mine")
    training.accelerator.save_state(training.folder)
    assert (own / "notes.txt").read_text() == "mine"


def test_what_is_malicious_is_named(training, refused):
    class Evil:
        def __reduce__(self):
            return print, ("it ran",)

    class Blocked:
        def __reduce__(self):
            return os.getcwd, ()

    for evil, name in ((Evil(), "print"), (Blocked(), "posix.getcwd")):
        for new in (True, False):
            path = training.folder / "optimizer.bin"
            torch.save(evil, path, _use_new_zipfile_serialization=new)
            message = refused((RuntimeError, pickle.UnpicklingError))
            assert str(path) in message
            assert name in message
            assert "will likely succeed" not in message


RANKS = Program(
    "a file of one rank is damaged",
    """
accelerator = Accelerator(cpu=True)
model = nn.Linear(2, 2)
model = accelerator.prepare(model)
accelerator.save_state("checkpoint")
if RANK == 0:
    os.truncate("checkpoint/random_states_1.pkl", 50)
accelerator.wait_for_everyone()
with torch.no_grad():
    model.module.weight.fill_(7)
error = raised(accelerator.load_state, "checkpoint")
assert "random_states_1.pkl" in str(error), error
assert (model.module.weight == 7).all()
""",
)
NUMBERS = Program(
    "another number of processes",
    """
import shutil
accelerator = Accelerator(cpu=True)
model = accelerator.prepare(nn.Linear(2, 2))
accelerator.save_state("checkpoint")
if RANK == 0:
    shutil.copytree("checkpoint", "three")
    shutil.copy("three/random_states_1.pkl", "three/random_states_2.pkl")
    shutil.copytree("checkpoint", "one")
    os.remove("one/random_states_1.pkl")
accelerator.wait_for_everyone()
accelerator.load_state("checkpoint")
for name in ("one", "three"):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        accelerator.load_state(name)
    assert len(said) == 1, [str(one.message) for one in said]
""",
)


@pytest.mark.parametrize("scenario", [RANKS, NUMBERS], ids=lambda scenario: scenario.name)
def test_several_processes(scenario, ran):
    scenario.check(ran.outcomes)
