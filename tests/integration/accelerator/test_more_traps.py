"""Traps: more."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 -- what follows needs torch

from envcheck.accelerator import Accelerator  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("fresh")]

INPUTS = torch.ones(3, 2)


def accumulating():
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return accelerator, *accelerator.prepare(model, optimizer)


@pytest.mark.parametrize("dropped_by", ["optimizer", "model"])
def test_gradients_that_are_dropped_are_no_trap(dropped_by):
    accelerator, model, optimizer = accumulating()
    for _ in range(2):
        with accelerator.accumulate(model):
            model(INPUTS).norm().backward()
            (optimizer.optimizer if dropped_by == "optimizer" else model).zero_grad()
            accelerator.backward(model(INPUTS).sum())
            optimizer.step()


def test_the_first_and_the_last_layer_are_frozen():
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1))
    model[0].requires_grad_(False)
    model[2].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model, optimizer = accelerator.prepare(model, optimizer)
    model(INPUTS).sum().backward()
    with pytest.raises(RuntimeError, match=r"loss\.backward"):
        optimizer.step()


def test_a_step_returns_what_the_closure_does():
    accelerator = Accelerator(cpu=True)
    model = nn.Linear(2, 1)
    optimizer = accelerator.prepare(torch.optim.SGD(model.parameters(), lr=0.1))
    assert optimizer.step(lambda: 3.0) == 3.0


@pytest.mark.parametrize("setting", ["split_batches", "even_batches"])
def test_a_setting_and_a_configuration_that_contradict_each_other(setting):
    from envcheck.accelerator import DataLoaderConfiguration

    with pytest.raises(ValueError, match=setting):
        Accelerator(
            cpu=True,
            dataloader_config=DataLoaderConfiguration(),
            **{setting: setting == "split_batches"},
        )


@pytest.mark.parametrize("steps", [1.5, "2", None, 0, -1])
def test_accumulation_steps_that_are_no_number(steps):
    with pytest.raises((ValueError, TypeError), match=r"gradient_accumulation_steps|at least 1"):
        Accelerator(cpu=True, gradient_accumulation_steps=steps)
