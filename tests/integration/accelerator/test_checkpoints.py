"""Checkpoints that are damaged, of something else, or malicious: what load_state then leaves."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import sys
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numpy")
pytest.importorskip("safetensors")

from checkpoints import FILES, Custom  # noqa: E402 -- what follows needs torch
from torch import nn  # noqa: E402

pytestmark = pytest.mark.torch


def test_what_was_saved_is_loaded(training):
    """Else nothing below would mean anything."""
    before = training.everything()
    training.accelerator.load_state(training.folder)
    after = training.everything()
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert training.custom.state == {"number": 2}


@pytest.mark.parametrize("file", sorted(FILES))
def test_truncated_at_any_length(training, refused, file):
    path = training.folder / file
    whole = path.read_bytes()
    for length in (0, 1, 7, 9, 64, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert str(path) in refused(RuntimeError)
    path.write_bytes(whole)
    training.accelerator.load_state(training.folder)


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_file_that_is_missing_or_a_directory(training, refused, file):
    (training.folder / file).unlink()
    refused((OSError, RuntimeError, ValueError))
    (training.folder / file).mkdir()
    assert file in refused((OSError, RuntimeError))


@pytest.mark.parametrize("place", ["nowhere", "empty", "file"])
def test_no_checkpoint(training, refused, tmp_path, place):
    shutil.rmtree(training.folder)
    if place == "empty":
        training.folder.mkdir()
    elif place == "file":
        training.folder.write_text("")
    assert "checkpoint is no checkpoint" in refused(ValueError)


MODELS = {
    "another shape": (lambda: nn.Linear(4, 5), r"bias is \(5,\), here \(4,\)"),
    "more dimensions": (lambda: nn.Conv1d(4, 4, 1), r"weight is \(4, 4, 1\), here \(4, 4\)"),
    "less weights": (lambda: nn.Linear(4, 4, bias=False), "no bias"),
    "other names": (lambda: nn.Sequential(nn.Linear(4, 4)), r"no weight.*0\.weight"),
    "no weights": (nn.Identity, "no weight"),
}


@pytest.mark.parametrize("name", MODELS)
def test_of_another_model(training, refused, name):
    from safetensors.torch import save_file

    make, says = MODELS[name]
    save_file(make().state_dict(), training.folder / "model.safetensors")
    message = refused(RuntimeError)
    assert "model.safetensors is of another Linear" in message
    assert re.search(says, message)


def test_of_other_groups_of_an_optimizer(training, refused):
    path = training.folder / "optimizer.bin"
    linear = nn.Linear(4, 4)
    groups = [{"params": [linear.weight]}, {"params": [linear.bias]}]
    torch.save(torch.optim.Adam(groups).state_dict(), path)
    assert "groups of [1, 1] parameters, here [2]" in refused(RuntimeError)


def test_another_number_of_custom_objects(training, refused):
    training.accelerator.register_for_checkpointing(Custom())
    assert "register_for_checkpointing" in refused(RuntimeError)
    del training.accelerator._custom_objects[:]
    assert "register_for_checkpointing" in refused(RuntimeError)


class Malicious:
    """Unpickled, it calls ``function`` with ``argument``."""

    def __init__(self, function, argument):
        self.call = function, (argument,)

    def __reduce__(self):
        return self.call


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("file", sorted(FILES))
@pytest.mark.parametrize("function", [os.mkdir, os.system, eval, exec], ids=lambda f: f.__name__)
def test_what_is_pickled_does_not_run(training, refused, tmp_path, file, function):
    mark, path = tmp_path / "mark", training.folder / file
    code = {
        os.mkdir: str(mark),
        os.system: f"mkdir {mark}",
        eval: f"__import__('os').mkdir({str(mark)!r})",
        exec: f"import os; os.mkdir({str(mark)!r})",
    }
    evil = Malicious(function, code[function])
    pickle.loads(pickle.dumps(evil))
    mark.rmdir()  # it would have worked
    whole = {} if file == "model.safetensors" else torch.load(path)
    for content in (evil, {**whole, "more": {"deep": [evil]}}):
        torch.save(content, path)
        refused((RuntimeError, pickle.UnpicklingError))
        path.write_bytes(pickle.dumps(content))
        refused((RuntimeError, pickle.UnpicklingError))
    torch.save({"weight": evil}, training.folder / "pytorch_model.bin")
    (training.folder / "model.safetensors").unlink()
    refused((RuntimeError, pickle.UnpicklingError))
    assert not mark.exists()


@pytest.fixture
def list_config(monkeypatch):
    """A class as omegaconf's, of a module of that name."""

    class ListConfig:
        def __init__(self, items):
            self.items = items

    module = ModuleType("omegaconf")
    module.ListConfig = ListConfig
    ListConfig.__module__, ListConfig.__qualname__ = "omegaconf", "ListConfig"
    monkeypatch.setitem(sys.modules, "omegaconf", module)
    yield ListConfig
    torch.serialization.clear_safe_globals()


@pytest.mark.parametrize("part", ["custom", "optimizer"])
def test_a_type_that_torch_does_not_know_is_named_and_can_be_allowed(
    training, refused, list_config, part
):
    kept = list_config([0.5, 0.9])
    if part == "custom":
        training.custom.state = {"number": kept}
    else:
        training.optimizer.param_groups[0]["betas"] = kept
    training.accelerator.save_state(training.folder)
    training.custom.state = {}
    training.optimizer.param_groups[0]["betas"] = (0.1, 0.1)
    message = refused(pickle.UnpicklingError)
    assert "holds omegaconf.ListConfig" in message
    assert "torch.serialization.add_safe_globals([ListConfig])" in message
    assert 'load_kwargs={"weights_only": False}' in message

    def loaded():
        if part == "custom":
            return training.custom.state["number"]
        return training.optimizer.param_groups[0]["betas"]

    training.accelerator.load_state(training.folder, load_kwargs={"weights_only": False})
    assert loaded().items == [0.5, 0.9]
    training.custom.state = {}
    training.optimizer.param_groups[0]["betas"] = (0.1, 0.1)
    torch.serialization.add_safe_globals([list_config])
    training.accelerator.load_state(training.folder)
    assert isinstance(loaded(), list_config)
