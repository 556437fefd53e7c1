"""Trainings that have to learn: on every device, in every number format that it has."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from envcheck.accelerator import set_seed
from envcheck.smoke import hardware, models
from envcheck.smoke.trials import Failed, Skipped, Trials

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.accelerator import Accelerator

STEPS = 60
FACTOR = 10.0  # by which the loss must fall; measured: by 180 and more, in every format
LAST = 8  # steps at the end whose mean is the last loss
RATE = 1e-2
LARGEST_NORM = 10.0  # of a gradient
MOST_SKIPPED = STEPS // 4  # steps whose gradient overflows until loss scaling has found its scale


def mlp(trials: Trials, part: str) -> None:
    """A multilayer perceptron learns whether three of eight bits are odd; on every device."""
    for device, first in hardware.places():
        for dtype in hardware.PRECISIONS if first else ("fp32",):
            work = partial(learn, trials, device, dtype, models.Mlp, models.parity)
            trials.trial(work, part=part, device=str(device), dtype=dtype, model="mlp")


def transformer(trials: Trials, part: str) -> None:
    """A transformer learns to name the token before; on the first device of each kind."""
    for device, first in hardware.places():
        for dtype in hardware.PRECISIONS if first else ():
            work = partial(learn, trials, device, dtype, models.Transformer, models.previous)
            trials.trial(work, part=part, device=str(device), dtype=dtype, model="transformer")


def learn(
    trials: Trials,
    device: torch.device,
    dtype: str,
    build: Callable[[], torch.nn.Module],
    made: Callable[[], torch.utils.data.Dataset[Any]],
    record: dict[str, Any],
) -> None:
    """Train what ``build`` makes with the data that ``made`` makes; into ``record`` how it went.

    Raises Failed if a number is not finite or the loss does not fall by ``FACTOR``.
    """
    with hardware.accelerator(device, dtype, record) as accelerator:
        set_seed(3)
        model = build()
        formats = _observe(model)
        order = torch.Generator().manual_seed(4)
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
        loader = DataLoader(made(), batch_size=models.BATCH, shuffle=True, generator=order)
        model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
        losses: list[float] = []
        skipped = 0
        try:
            for inputs, targets in models.batches(loader, STEPS):
                trials.need()
                losses.append(step(accelerator, model, optimizer, inputs, targets, len(losses) + 1))
                skipped += accelerator.optimizer_step_was_skipped
        except RuntimeError as error:
            if dtype != "fp32" and "not implemented for" in str(error):
                raise Skipped(f"this torch does not compute in {dtype} here: {error}") from error
            raise
        _judge(record, losses, skipped)
        if not all(bool(value.isfinite().all()) for value in model.parameters()):
            raise Failed("a weight is not finite in the end")
        if formats != {hardware.DTYPES[dtype]}:
            names = ", ".join(sorted(map(str, formats)))
            raise Failed(f"the layers computed in {names}, not in {dtype}")


def step(
    accelerator: Accelerator,
    model: Any,
    optimizer: Any,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    number: int,
) -> float:
    """One step forward and back; the loss. Raises Failed if it or a gradient is not finite."""
    optimizer.zero_grad()
    loss = functional.cross_entropy(model(inputs), targets)
    value = loss.item()
    if not math.isfinite(value):
        raise Failed(f"the loss of step {number} is {value}")
    accelerator.backward(loss)
    norm = accelerator.clip_grad_norm_(model.parameters(), LARGEST_NORM).item()
    if not math.isfinite(norm) and accelerator.scaler is None:
        raise Failed(f"the gradient of step {number} is {norm}")
    optimizer.step()
    return value


def _observe(model: torch.nn.Module) -> set[torch.dtype]:
    """The formats of what the model's linear layers return, filled as it runs."""
    formats: set[torch.dtype] = set()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda _module, _inputs, out: formats.add(out.dtype))
    return formats


def _judge(record: dict[str, Any], losses: list[float], skipped: int) -> None:
    first, last = losses[0], sum(losses[-LAST:]) / LAST
    wanted = first / FACTOR
    record.update(steps=len(losses), first_loss=first, last_loss=last, wanted=wanted)
    if skipped > MOST_SKIPPED:
        raise Failed(f"the gradients of {skipped} of {len(losses)} steps overflowed")
    if last > wanted:
        fell = f"{first:.4g} to {last:.4g} in {len(losses)} steps"
        raise Failed(f"the loss went from {fell}, it should have fallen to {wanted:.3g}")
