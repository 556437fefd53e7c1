"""What surrounds a model, an optimizer and a scheduler, and the traps that it notices.

Elsewhere these are silent. What makes numbers wrong raises; what would make them wrong with other
settings warns, once.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.optimizer import register_optimizer_step_pre_hook

from envcheck.accelerator import config, devices
from envcheck.accelerator.operations import convert_to_fp32
from envcheck.accelerator.processes import GradientState, Process, current

_DISTRIBUTED = (DistributedDataParallel, DataParallel)
_LOOK_EVERY = 16  # losses on a device: to look at one is to wait for all that was queued before it


class Traps:
    """Watches the training of one Accelerator. ``inside``: it is in ``backward``. ``stepped``: the
    loss scale is to be adjusted before the next one. ``joined``: unequal data is taken care of.
    """

    def __init__(self, process: Process, state: GradientState, scaler: Any) -> None:
        self.process, self.state, self.scaler = process, state, scaler
        self.pid = os.getpid()
        self.inside = self.stepped = self.joined = False
        self._foreign: dict[Any, Any] = {}  # gradients of loss.backward(), of watched parameters
        self.losses = 0
        self._unseen: list[torch.Tensor] = []  # of losses on a device
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
            text = f"this process is a fork of {self.pid}, which made the Accelerator, and is alone"
            raise RuntimeError(f"{text}: create it in the function given to notebook_launcher")

    def watch(self, parameters: list[Any]) -> None:
        """Notice gradients of ``loss.backward()``: at the first and the last parameter."""
        learning = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in dict.fromkeys(learning[:1] + learning[-1:]):
            if parameter.is_leaf:
                parameter.register_post_accumulate_grad_hook(self._arrived)

    def _arrived(self, parameter: Any) -> None:
        if not self.inside:
            self._foreign[parameter] = parameter.grad

    def before_step(self) -> None:
        """A prepared optimizer steps."""
        foreign, self._foreign = self._foreign, {}
        if any(parameter.grad is gradient for parameter, gradient in foreign.items()):
            self.say("loss.backward() was called instead of accelerator.backward(loss).")

    def _stepping(self, optimizer: Any) -> None:
        """Any optimizer of this process steps."""
        if getattr(optimizer, "_steps_prepared", False) or not self.parameters:
            return
        if not self.parameters.isdisjoint(map(id, parameters_of(optimizer))):
            text = f"{type(optimizer).__name__} is not prepared, and its model is: call step() on"
            self.say(f"{text} what accelerator.prepare(optimizer) returned.")

    def update_scale(self) -> None:
        """After all optimizers of a step, so that they see the same scale."""
        if self.stepped:
            self.scaler.update()
            self.stepped = False

    def check_even(self) -> None:
        """Raise where other ranks will be out of data, and these would wait for them."""
        if getattr(self.state.active_dataloader, "uneven", False) and not self.joined:
            text = "the processes have unequal numbers of batches, so some would wait for ever: "
            self.say(f"{text}use accelerator.join_uneven_inputs([model])", wrong=True)

    def before_backward(self, loss: torch.Tensor) -> None:
        """Raise for a loss that is not finite, in a fork, or where other ranks are out of data."""
        self.check_fork()
        self.check_even()
        if not isinstance(loss, torch.Tensor):
            raise TypeError(f"backward takes the loss as a tensor, not {type(loss).__name__}")
        self.losses += 1
        if loss.device.type == "cpu":
            if loss.numel() == 1 and not math.isfinite(loss.item()):
                self._not_finite(f"number {self.losses} is {loss.item()}")
            return
        self._unseen.append(loss.detach().reshape(-1) * 0)  # nan of what is not finite
        if self.losses % _LOOK_EVERY == 0 or self.state.end_of_dataloader:
            unseen, self._unseen = torch.cat(self._unseen), []
            if unseen.isnan().any():
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


def is_preparable(one: Any) -> bool:
    """Whether it is something that ``prepare`` changes."""
    kinds = (torch.nn.Module, torch.optim.Optimizer, torch.utils.data.DataLoader)
    return isinstance(one, (*kinds, torch.optim.lr_scheduler.LRScheduler))


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
        text = f"of {count} {kind} devices this process uses one, and it is alone ({there})"
        remedy = "`python -m envcheck.accelerator launch SCRIPT` starts a process for each"
        warnings.warn(f"{text}: {remedy}", stacklevel=3)


class MixedForward:
    """``forward`` of a model, in autocast if any; what it returns in fp16 or bf16 becomes fp32.

    An attribute of the model, which stays the same object and can be copied and pickled with it.
    """

    def __init__(self, forward: Any, **autocast: Any) -> None:
        functools.update_wrapper(self, forward)
        self.forward, self.autocast = forward, autocast

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(**self.autocast) if self.autocast else contextlib.nullcontext():
            result = self.forward(*args, **kwargs)
        return convert_to_fp32(result)


class Distributed(DistributedDataParallel):
    """Its ``forward`` talks to the other processes too."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return current().talk(super().forward, *args, **kwargs)


def unwrap(model: Any, keep_fp32_wrapper: bool = True, keep_torch_compile: bool = True) -> Any:
    """The model that was prepared, out of what distributes it; with ``keep_torch_compile`` false
    out of what compiles it too. ``keep_fp32_wrapper`` false restores its own ``forward``.
    """
    if isinstance(model, _DISTRIBUTED):
        model = model.module
    inner = getattr(model, "_orig_mod", model)
    if isinstance(inner, _DISTRIBUTED):  # compiled from outside
        model = inner = inner.module
    if not keep_fp32_wrapper and isinstance(inner.__dict__.get("forward"), MixedForward):
        del inner.forward
    return model if keep_torch_compile else inner


@contextlib.contextmanager
def trigger_sync_in_backward(model: Any) -> Iterator[None]:
    """A context whose ``backward`` sums gradients over processes, after a forward in no_sync."""
    if isinstance(model, DistributedDataParallel):  # no_sync puts back what it found
        model.require_backward_grad_sync = True
        model.reducer.prepare_for_backward([])
    yield


@dataclass(eq=False)
class AcceleratedOptimizer(torch.optim.Optimizer):
    """``optimizer``, stepping and zeroing gradients only when they are to be synchronised.

    ``step_was_skipped``: gradients were infinite, with a loss scale. ``unscaled``: they have been
    divided by it since the last step.
    """

    _is_accelerate_prepared = True

    optimizer: Any
    scaler: Any = None
    gradient_state: GradientState = field(default_factory=GradientState)
    traps: Any = None
    _is_overflow: bool = False
    unscaled: bool = False

    def __post_init__(self) -> None:
        if self.scaler is not None:
            self.optimizer.register_step_post_hook(self._really_stepped)

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer":  # not there yet, as in a copy
            raise AttributeError(name)
        return getattr(self.optimizer, name)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "traps": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    step_was_skipped = property(lambda self: self._is_overflow)
    add_param_group = property(lambda self: self.optimizer.add_param_group)
    state_dict = property(lambda self: self.optimizer.state_dict)
    load_state_dict = property(lambda self: self.optimizer.load_state_dict)

    def _really_stepped(self, *_arguments: Any) -> None:
        self._is_overflow = False

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Nothing in the middle of an accumulation."""
        if self.gradient_state.sync_gradients:
            self.optimizer.zero_grad(set_to_none=set_to_none)

    def unscale(self) -> None:
        """Divide the gradients by the loss scale, once for each step."""
        if self.scaler is not None and not self.unscaled:
            self.scaler.unscale_(self.optimizer)
            self.unscaled = True

    def step(self, closure: Any = None) -> Any:
        """Nothing in the middle of an accumulation; returns what the optimizer does.

        Raises RuntimeError if the gradients came from ``loss.backward()`` and are wrong by that.
        """
        if not self.gradient_state.sync_gradients:
            return None
        optimizer, arguments = self.optimizer, () if closure is None else (closure,)
        if self.traps is not None:
            self.traps.before_step()
        optimizer._steps_prepared = True
        try:
            if self.scaler is None:
                return optimizer.step(*arguments)
            self._is_overflow = self.traps.stepped = True
            return self.scaler.step(optimizer, *arguments)
        finally:
            optimizer._steps_prepared = self.unscaled = False


@dataclass(eq=False)
class AcceleratedScheduler:
    """``scheduler``, stepping when its optimizers step: once for each process whose batch counts.

    With ``step_with_optimizer`` false it steps whenever it is told to.
    """

    _is_accelerate_prepared = True

    scheduler: Any
    optimizers: Any
    step_with_optimizer: bool = True
    split_batches: bool = False
    num_processes: int = 1
    gradient_state: GradientState = field(default_factory=GradientState)

    def __getattr__(self, name: str) -> Any:
        if name == "scheduler":
            raise AttributeError(name)
        return getattr(self.scheduler, name)

    def step(self, *args: Any, **kwargs: Any) -> None:
        """Advance, if the optimizers did."""
        if not self.step_with_optimizer:
            self.scheduler.step(*args, **kwargs)
        elif not self.gradient_state.sync_gradients:
            self.scheduler._step_count += self.gradient_state.adjust_scheduler
        elif not any(optimizer.step_was_skipped for optimizer in self.optimizers):
            for _ in range(1 if self.split_batches else self.num_processes):
                total = getattr(self.scheduler, "total_steps", None)
                if total is None or self.scheduler._step_count <= total:
                    self.scheduler.step(*args, **kwargs)
