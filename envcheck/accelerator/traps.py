"""What goes wrong silently elsewhere, noticed and said.

What makes numbers wrong raises; what would make them wrong with other settings warns, once.
"""

from __future__ import annotations

import math
import os
import warnings
import weakref
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from envcheck.accelerator import config, devices
from envcheck.accelerator.process import Process
from envcheck.accelerator.state import GradientState

_LOOK_EVERY = 16  # losses on a device: to look at one is to wait for all that was queued before it


class Traps:
    """Watches the training of one Accelerator. ``inside``: it is in ``backward``. ``stepped``: the
    loss scale is to be adjusted before the next one. ``joined``: unequal data is taken care of.
    """

    def __init__(self, process: Process, state: GradientState, scaler: Any) -> None:
        self.process, self.state, self.scaler = process, state, scaler
        self.pid = os.getpid()
        self.inside = self.stepped = self.joined = self._foreign = False
        self.losses = 0
        self._finite: torch.Tensor | None = None  # on a device: all losses since the last look
        self._said: set[str] = set()
        self.parameters: set[int] = set()
        own = weakref.ref(self)
        hook = register_optimizer_step_pre_hook(
            lambda optimizer, *_: None if (traps := own()) is None else traps._stepping(optimizer)
        )
        weakref.finalize(self, hook.remove)

    def say(self, text: str, *, wrong: bool | None = None) -> None:
        """Raise if numbers are ``wrong`` by now (they are, with scaling or accumulation)."""
        if wrong is None:
            wrong = self.scaler is not None or self.state.num_steps > 1
            text += "" if wrong else " It is no harm here; with fp16 or accumulation it would be."
        if wrong:
            raise RuntimeError(text)
        if text not in self._said:
            self._said.add(text)
            warnings.warn(text, stacklevel=4)

    def check_fork(self) -> None:
        """Raise if this process is a fork of the one that made the Accelerator."""
        if self.pid != os.getpid():
            raise RuntimeError(
                f"this process is a fork of {self.pid}, which made this Accelerator, and would be "
                "alone: create it inside the function that you pass to notebook_launcher"
            )

    def watch(self, parameters: list[Any]) -> None:
        """Notice gradients of ``loss.backward()``: at the first and the last parameter."""
        for parameter in {id(p): p for p in parameters[:1] + parameters[-1:]}.values():
            if parameter.requires_grad and parameter.is_leaf:
                parameter.register_post_accumulate_grad_hook(self._arrived)

    def _arrived(self, _parameter: Any) -> None:
        self._foreign = self._foreign or not self.inside

    def before_step(self) -> None:
        """A prepared optimizer steps."""
        if self._foreign:
            self._foreign = False
            self.say("loss.backward() was called instead of accelerator.backward(loss).")

    def _stepping(self, optimizer: Any) -> None:
        """Any optimizer of this process steps."""
        if getattr(optimizer, "_steps_prepared", False) or not self.parameters:
            return
        if not self.parameters.isdisjoint(map(id, parameters_of(optimizer))):
            self.say(
                f"{type(optimizer).__name__}.step() was called on an optimizer that is not prepared"
                ", and its model is: call it on what accelerator.prepare(optimizer) returned."
            )

    def update_scale(self) -> None:
        """After all optimizers of a step, so that they see the same scale."""
        if self.stepped:
            self.scaler.update()
            self.stepped = False

    def before_backward(self, loss: torch.Tensor) -> None:
        """Raise for a loss that is not finite, in a fork, or where other ranks are out of data."""
        self.check_fork()
        if getattr(self.state.active_dataloader, "uneven", False) and not self.joined:
            text = "the processes have unequal numbers of batches, so some would wait for ever: "
            self.say(f"{text}use accelerator.join_uneven_inputs([model])", wrong=True)
        self.losses += 1
        if loss.device.type == "cpu":
            if loss.numel() == 1 and not math.isfinite(loss.item()):
                self._not_finite(f"number {self.losses} is {loss.item()}")
            return
        finite = torch.isfinite(loss.detach()).all()
        self._finite = finite if self._finite is None else self._finite & finite
        if self.losses % _LOOK_EVERY == 0 or self.state.end_of_dataloader:
            seen, self._finite = bool(self._finite), None
            if not seen:
                self._not_finite(f"one of the {_LOOK_EVERY} to number {self.losses} is not finite")

    def _not_finite(self, which: str) -> None:
        text = f"of the losses given to accelerator.backward on rank {self.process.index}, {which}"
        if self.scaler is None:
            raise FloatingPointError(f"{text}. A step would make the weights so: see its batch.")
        self.say(f"{text}; the loss scale lets this step be skipped", wrong=False)

    def tail(self, batches: int) -> None:
        """The last batches of an epoch make a step together."""
        if batches < self.state.num_steps:
            text = f"the last {batches} batches of the epoch make a step, and weigh as in a full "
            self.say(f"{text}one, 1/{self.state.num_steps} each (as in Accelerate)", wrong=False)

    def clip(self) -> None:
        """Gradients are clipped."""
        if not self.state.sync_gradients:
            text = "gradients are clipped in the middle of an accumulation: guard that with `if "
            self.say(f"{text}accelerator.sync_gradients`", wrong=self.scaler is not None)


def parameters_of(optimizer: Any) -> list[Any]:
    """All parameters of an optimizer."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def tell(process: Process, mixed_precision: str) -> None:
    """Warn, or raise ValueError, for a precision that the device only emulates or has not; warn if
    devices are there that one process does not use.
    """
    kind = process.device.type
    if mixed_precision != "no":
        level, why = devices.support(process.device, mixed_precision)
        if level == "none":
            raise ValueError(f"mixed_precision={mixed_precision!r}: {kind} cannot do that: {why}")
        if level == "emulated":
            text = f"mixed_precision={mixed_precision!r}: {kind} only emulates it, slowly"
            warnings.warn(f"{text}: {why}", stacklevel=3)
    count = devices.count(kind) if kind in devices.BACKENDS else 1
    if process.count == 1 and count > 1 and config.launched() is None:
        path = config.find()
        there = f"{path} is read by the launcher only" if path else "there is no configuration file"
        warnings.warn(
            f"of {count} {kind} devices this process uses one, and it is alone ({there}): `python "
            "-m envcheck.accelerator launch SCRIPT` starts a process for each",
            stacklevel=3,
        )
