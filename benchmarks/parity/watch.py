"""Sees what a script trains without a word in the script: torch's own hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.optim.optimizer import register_optimizer_step_pre_hook

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.parity.problem import Trace


def watch(trace: Trace) -> Callable[[], None]:
    """Record each ``mse_loss`` and the gradients before each optimizer step. What is returned
    records the weights that were optimized last, for when the program has ended."""
    mse_loss = functional.mse_loss
    weights: list[torch.Tensor] = []

    def recorded(*arguments: Any, **named: Any) -> torch.Tensor:
        loss = mse_loss(*arguments, **named)
        trace.loss(loss)
        return loss

    def gradients(optimizer: Any, _arguments: Any, _named: Any) -> None:
        weights[:] = [p for group in optimizer.param_groups for p in group["params"]]
        trace.gradients.append(torch.cat([p.grad.flatten() for p in weights]).clone())  # type: ignore[union-attr]

    def finish() -> None:
        trace.weights = torch.cat([weight.detach().flatten() for weight in weights])

    functional.mse_loss = recorded
    register_optimizer_step_pre_hook(gradients)
    return finish
