"""A checkpoint brings back everything that the next losses depend on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from envcheck.accelerator import set_seed
from envcheck.smoke import hardware, models, training
from envcheck.smoke.trials import Failed, Trials

if TYPE_CHECKING:
    from envcheck.accelerator import Accelerator

STEPS = models.SAMPLES // models.BATCH  # one epoch before the checkpoint, as many steps after it
TOLERANCE = 1e-4  # relative; a generator that was not restored changes the losses by 1e-2


def resume(trials: Trials, part: str) -> None:
    """On the first device of each kind."""
    for device, first in hardware.places():
        if first:
            work = partial(_resume, device)
            trials.trial(work, part=part, device=str(device), dtype="fp32", model="mlp")


def _resume(device: torch.device, record: dict[str, Any]) -> None:
    """Train, save, go on; load into other weights and go on again. Raises Failed if that differs.

    Dropout and the order of the data depend on the generators, the steps on the optimizer's
    moments and on the schedule: all of these are in the checkpoint.
    """
    with hardware.folder() as path:
        with hardware.accelerator(device, "fp32", record) as accelerator:
            one = _Training(accelerator, seed=5)
            before = one.epoch()
            accelerator.save_state(path)
            expected = one.epoch()
        with hardware.accelerator(device, "fp32", record) as accelerator:
            other = _Training(accelerator, seed=6)
            accelerator.load_state(path)
            found = other.epoch()
    record.update(steps=2 * STEPS, first_loss=before[0], last_loss=found[-1], wanted=expected[-1])
    for number, (was, now) in enumerate(zip(expected, found), STEPS + 1):
        if abs(was - now) > TOLERANCE * abs(was):
            raise Failed(f"the loss of step {number} was {was:.6g}, resumed it is {now:.6g}")


class _Training:
    """A model, its optimizer, schedule and data."""

    def __init__(self, accelerator: Accelerator, seed: int) -> None:
        self.accelerator = accelerator
        set_seed(seed)
        model = models.Mlp(dropout=0.2)
        optimizer = torch.optim.AdamW(model.parameters(), lr=training.RATE)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
        loader = DataLoader(models.parity(), batch_size=models.BATCH, shuffle=True)
        prepared = accelerator.prepare(model, optimizer, schedule, loader)
        self.model, self.optimizer, self.schedule, self.loader = prepared

    def epoch(self) -> list[float]:
        """Its losses."""
        losses = []
        for number, (inputs, targets) in enumerate(self.loader, 1):
            losses.append(
                training.step(self.accelerator, self.model, self.optimizer, inputs, targets, number)
            )
            self.schedule.step()
        return losses
