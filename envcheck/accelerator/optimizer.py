"""Optimizers and learning-rate schedulers that step only when a whole step has been accumulated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from envcheck.accelerator.state import GradientState


@dataclass(eq=False)
class AcceleratedOptimizer(torch.optim.Optimizer):
    """``optimizer``, stepping and zeroing gradients only when they are to be synchronised.

    ``step_was_skipped``: gradients were infinite, with a loss scale. ``unscaled``: they have been
    divided by it since the last step.
    """

    optimizer: Any
    scaler: Any = None
    gradient_state: GradientState = field(default_factory=GradientState)
    traps: Any = None
    step_was_skipped: bool = False
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

    add_param_group = property(lambda self: self.optimizer.add_param_group)
    state_dict = property(lambda self: self.optimizer.state_dict)
    load_state_dict = property(lambda self: self.optimizer.load_state_dict)

    def _really_stepped(self, *_arguments: Any) -> None:
        self.step_was_skipped = False

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Nothing in the middle of an accumulation."""
        if self.gradient_state.sync_gradients:
            self.optimizer.zero_grad(set_to_none=set_to_none)

    def unscale(self) -> None:
        """Divide the gradients by the loss scale, once for each step."""
        if self.scaler is not None and not self.unscaled:
            self.scaler.unscale_(self.optimizer)
            self.unscaled = True

    def step(self, closure: Any = None) -> None:
        """Nothing in the middle of an accumulation.

        Raises RuntimeError if the gradients came from ``loss.backward()`` and are wrong by that.
        """
        if not self.gradient_state.sync_gradients:
            return
        optimizer, arguments = self.optimizer, () if closure is None else (closure,)
        if self.traps is not None:
            self.traps.before_step()
        optimizer._steps_prepared = True
        try:
            if self.scaler is None:
                optimizer.step(*arguments)
            else:
                self.step_was_skipped = self.traps.stepped = True
                self.scaler.step(optimizer, *arguments)
        finally:
            optimizer._steps_prepared = self.unscaled = False


@dataclass(eq=False)
class AcceleratedScheduler:
    """``scheduler``, stepping when its optimizers step: once for each process whose batch counts.

    With ``step_with_optimizer`` false it steps whenever it is told to.
    """

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
