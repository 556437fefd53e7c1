"""What goes wrong silently elsewhere, noticed and said.

What makes numbers wrong raises; what would make them wrong with other settings warns.
"""

from __future__ import annotations

import math
import os
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from envcheck.accelerator import config, devices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.accelerator.process import Process
    from envcheck.accelerator.state import GradientState

_LOOK_EVERY = 16  # losses on a device: to look at one is to wait for all that was queued before it


class Traps:
    """Watches the training of one Accelerator."""

    def __init__(self, process: Process, state: GradientState, scaled: bool) -> None:
        self.process = process
        self.state = state
        self.scaled = scaled
        self.pid = os.getpid()
        self.inside = False  # in Accelerator.backward
        self.foreign = False  # a gradient came from elsewhere
        self.stepped = False  # with a loss scale, which is to be adjusted before the next backward
        self.losses = 0
        self._finite: torch.Tensor | None = None  # whether all losses since the last look were
        self._said: set[str] = set()
        self._parameters: set[int] = set()
        own = weakref.ref(self)
        self.hook = register_optimizer_step_pre_hook(
            lambda optimizer, *_: None if (traps := own()) is None else traps.stepping(optimizer)
        )

    def complain(self, text: str) -> None:
        """Raise if numbers are wrong by now; else warn, once."""
        if self.scaled or self.state.num_steps > 1:
            raise RuntimeError(text)
        self.once(f"{text} It makes no difference here, but with fp16 or accumulation it will.")

    def once(self, text: str) -> None:
        """Warn, the first time."""
        if text not in self._said:
            self._said.add(text)
            warnings.warn(text, stacklevel=5)

    def update_scale(self, scaler: Any) -> None:
        """After all optimizers, so that they see the same scale."""
        if self.stepped:
            scaler.update()
            self.stepped = False

    def forget(self) -> None:
        """Watch no parameters any more."""
        self._parameters.clear()

    def check_fork(self) -> None:
        """Raise if this process is a fork of the one that made the Accelerator."""
        if self.pid != os.getpid():
            raise RuntimeError(
                f"this Accelerator was created in process {self.pid} and this is a fork of it, "
                f"{os.getpid()}: it would train alone. Create it inside the function that you pass "
                "to notebook_launcher."
            )

    def watch_parameters(self, parameters: Iterable[Any]) -> None:
        """Notice if an optimizer of these steps that was not prepared."""
        self._parameters.update(map(id, parameters))

    def watch_gradients(self, optimizer: Any) -> None:
        """Notice gradients of ``loss.backward()``: at the first and the last parameter."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for parameter in {id(p): p for p in parameters[:1] + parameters[-1:]}.values():
            if parameter.requires_grad and parameter.is_leaf:
                parameter.register_post_accumulate_grad_hook(self._arrived)

    def _arrived(self, _parameter: Any) -> None:
        if not self.inside:
            self.foreign = True

    def before_step(self) -> None:
        """Raise if the gradients of this step are wrong."""
        if self.foreign:
            self.foreign = False
            self.complain("loss.backward() was called instead of accelerator.backward(loss).")

    def stepping(self, optimizer: Any) -> None:
        """Before any optimizer of this process steps."""
        if getattr(optimizer, "_steps_prepared", False) or not self._parameters:
            return
        parameters = (p for group in optimizer.param_groups for p in group["params"])
        if not self._parameters.isdisjoint(map(id, parameters)):
            self.complain(
                f"{type(optimizer).__name__}.step() was called on the optimizer itself, and its "
                "model is prepared: call it on what accelerator.prepare(optimizer) returned."
            )

    def before_backward(self, loss: torch.Tensor, joined: bool) -> None:
        """Raise for a loss that is not finite, in a fork, or where other ranks are out of data."""
        self.check_fork()
        if not joined and getattr(self.state.active_dataloader, "uneven", False):
            raise RuntimeError(
                "the processes have unequal numbers of batches, and gradients are summed over all: "
                "those with less would let the others wait for ever. Wrap the loop in "
                "accelerator.join_uneven_inputs([model]), or leave even_batches=True."
            )
        self.losses += 1
        if loss.device.type == "cpu":
            if loss.numel() == 1 and not math.isfinite(loss.item()):
                self._not_finite(f"{loss.item()}", f"number {self.losses}")
            return
        finite = torch.isfinite(loss.detach()).all()
        self._finite = finite if self._finite is None else self._finite & finite
        if self.losses % _LOOK_EVERY == 0 or self.state.end_of_dataloader:
            seen, self._finite = bool(self._finite), None
            if not seen:
                self._not_finite("not finite", f"one of the last {_LOOK_EVERY}, to {self.losses}")

    def _not_finite(self, what: str, which: str) -> None:
        text = f"the loss is {what} ({which} given to accelerator.backward on rank "
        text += f"{self.process.index})."
        if not self.scaled:
            raise FloatingPointError(
                f"{text} A step would make every weight so. Look at the data of this batch and at "
                "the learning rate; torch.autograd.set_detect_anomaly(True) finds the operation."
            )
        self.once(f"{text} The loss scale lets this step be skipped.")

    def tail(self, batches: int) -> None:
        """The last batches of an epoch make a step together, and are fewer than usual."""
        if batches < self.state.num_steps:
            self.once(
                f"the last {batches} batches of the epoch make a step, each weighing 1/"
                f"{self.state.num_steps} as in a full one: their gradient is smaller by that. "
                "(As in Accelerate; a number of batches that divides avoids it.)"
            )

    def clip(self) -> None:
        """Gradients are clipped."""
        if not self.state.sync_gradients:
            text = "gradients are clipped in the middle of an accumulation: put `if "
            text += "accelerator.sync_gradients:` before it."
            if self.scaled:
                raise RuntimeError(text)
            self.once(text)

    def duplicates(self, loader: Any) -> None:
        """The last round may have been completed, and nobody knows by how much."""
        if not getattr(loader, "drop_last", False):
            self.once(
                "gather_for_metrics: the dataset has no length, so samples that completed the last "
                "round cannot be told from others and stay in."
            )


def tell(process: Process, mixed_precision: str) -> None:
    """Warn, or raise ValueError, for a precision that the device only emulates or has not; warn if
    devices are there that one process does not use.
    """
    if mixed_precision != "no":
        level, why = devices.support(process.device, mixed_precision)
        text = f"mixed_precision={mixed_precision!r}: {process.device}"
        if level == "none":
            raise ValueError(f"{text} cannot compute in it: {why}")
        if level == "emulated":
            warnings.warn(f"{text} only emulates it, slowly: {why}", stacklevel=3)
    kind = process.device.type
    count = devices.count(kind) if kind in devices.BACKENDS else 1
    if process.count == 1 and count > 1 and config.launched() is None:
        path = config.find()
        there = f"the configuration {path} is not read" if path else "there is no configuration"
        warnings.warn(
            f"{count} {kind} devices are here and this one process uses one of them: {there}, as "
            "it was not started by a launcher. `python -m envcheck.accelerator launch SCRIPT` "
            "starts one process for each.",
            stacklevel=3,
        )
