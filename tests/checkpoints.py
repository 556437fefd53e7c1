"""A training with everything that a checkpoint holds, compared bit for bit."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from envcheck.accelerator import Accelerator

FILES = {
    "model.safetensors", "optimizer.bin", "scheduler.bin", "random_states_0.pkl",
    "custom_checkpoint_0.pkl",
}  # fmt: skip


class Custom:
    """An object to be registered; a state with ``refused`` it does not load."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"number": 1}

    def state_dict(self) -> dict[str, Any]:
        return self.state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state.get("refused"):
            raise LookupError("the custom object refuses")
        self.state = state


class Training:
    """``folder``: where its checkpoint is to be."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self.accelerator = Accelerator(cpu=True)
        linear = nn.Linear(4, 4)
        adam = torch.optim.Adam(linear.parameters())
        self.model, self.optimizer, self.scheduler, self.loader = self.accelerator.prepare(
            linear,
            adam,
            torch.optim.lr_scheduler.StepLR(adam, 1),
            DataLoader(TensorDataset(torch.rand(8, 4)), batch_size=2, shuffle=True),
        )
        self.custom = Custom()
        self.accelerator.register_for_checkpointing(self.custom)

    def train(self) -> None:
        """One epoch."""
        for (batch,) in self.loader:
            self.accelerator.backward(self.model(batch).sum())
            self.optimizer.step()
            self.scheduler.step()
            self.optimizer.zero_grad()
        self.custom.state = {"number": self.custom.state["number"] + 1}

    def everything(self) -> list[Any]:
        """States of the objects; generators, progress and the rest: to be compared."""
        parts = (self.model, self.optimizer, self.scheduler, self.custom)
        states = [copy.deepcopy(part.state_dict()) for part in parts]
        generators = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1]]
        places = [dict(vars(self.loader.progress)), self.accelerator.step]
        return [_bytes(states), _bytes(generators), _bytes(places)]


def _bytes(value: Any) -> Any:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        array = np.asarray(value)
        return (str(array.dtype), array.shape, array.tobytes())
    if isinstance(value, dict):
        return {key: _bytes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bytes(item) for item in value]
    return value
