"""Optimizers and learning-rate schedulers that step only when a whole step has been accumulated."""

from __future__ import annotations

from typing import Any

import torch

from envcheck.accelerator.state import GradientState


class AcceleratedOptimizer(torch.optim.Optimizer):
    """``optimizer``, stepping and zeroing gradients only when they are to be synchronised."""

    def __init__(
        self, optimizer: Any, device_placement: bool = True, scaler: Any = None,
        gradient_state: GradientState | None = None, traps: Any = None,
    ) -> None:  # fmt: skip
        self.optimizer = optimizer
        self.scaler = scaler
        self.device_placement = device_placement
        self.gradient_state = gradient_state or GradientState()
        self.traps = traps
        self.step_was_skipped = False
        self.unscaled = False  # since the last step
        if scaler is not None:
            optimizer.register_step_post_hook(self._really_stepped)

    state = property(lambda self: self.optimizer.state)
    param_groups = property(lambda self: self.optimizer.param_groups)
    defaults = property(lambda self: self.optimizer.defaults)

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer":
            raise AttributeError(name)
        return getattr(self.optimizer, name)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "traps": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _really_stepped(self, *_arguments: Any) -> None:
        self.step_was_skipped = False

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As the optimizer's own."""
        self.optimizer.add_param_group(param_group)

    def state_dict(self) -> dict[str, Any]:
        """As the optimizer's own."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As the optimizer's own."""
        self.optimizer.load_state_dict(state_dict)

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

        With a loss scale a step with infinite gradients is skipped (``step_was_skipped``). Raises
        RuntimeError if the gradients came from ``loss.backward()`` and are wrong by that.
        """
        if not self.gradient_state.sync_gradients:
            return
        if self.traps is not None:
            self.traps.before_step()
        optimizer = self.optimizer
        optimizer._steps_prepared = True
        try:
            if self.scaler is None:
                optimizer.step(closure) if closure is not None else optimizer.step()
                return
            self.step_was_skipped = self.traps.stepped = True
            self.scaler.step(optimizer, *(() if closure is None else (closure,)))
        finally:
            optimizer._steps_prepared = False
            self.unscaled = False


class AcceleratedScheduler:
    """``scheduler``, stepping when its optimizers step: once for each process whose batch counts.

    With ``step_with_optimizer`` false it steps whenever it is told to.
    """

    def __init__(
        self, scheduler: Any, optimizers: Any, step_with_optimizer: bool = True,
        split_batches: bool = False, num_processes: int = 1,
        gradient_state: GradientState | None = None,
    ) -> None:  # fmt: skip
        self.scheduler = scheduler
        self.optimizers = optimizers if isinstance(optimizers, (list, tuple)) else [optimizers]
        self.step_with_optimizer = step_with_optimizer
        self.repeat = 1 if split_batches else num_processes
        self.gradient_state = gradient_state or GradientState()

    def __getattr__(self, name: str) -> Any:
        if name == "scheduler":
            raise AttributeError(name)
        return getattr(self.scheduler, name)

    def step(self, *args: Any, **kwargs: Any) -> None:
        """Advance, if the optimizers did."""
        if not self.step_with_optimizer:
            self.scheduler.step(*args, **kwargs)
        elif not self.gradient_state.sync_gradients:
            if self.gradient_state.adjust_scheduler:
                self.scheduler._step_count += 1
        elif not any(optimizer.step_was_skipped for optimizer in self.optimizers):
            for _ in range(self.repeat):
                total = getattr(self.scheduler, "total_steps", None)
                if total is None or self.scheduler._step_count <= total:
                    self.scheduler.step(*args, **kwargs)
