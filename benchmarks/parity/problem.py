"""What is trained: data, model, optimizer and scheduler of a scenario; torch only."""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

FEATURES = 8


@dataclass(frozen=True)
class Knobs:
    """Everything in which scenarios differ; a script reads them from its first argument."""

    seed: int = 7
    precision: str = "no"
    accumulation: int = 1
    clip_norm: float = 0.0
    clip_value: float = 0.0
    optimizer: str = "adamw"
    scheduler: str = ""
    scheduler_first: bool = False
    scheduler_with_optimizer: bool = True
    dropout: float = 0.0
    augment: bool = False
    shuffle: bool = False
    generator: bool = False
    workers: int = 0
    iterable: bool = False
    dispatch: bool | None = None
    seedable: bool = False
    length: int = 22
    batch: int = 4
    drop_last: bool = False
    epochs: int = 2
    init_scale: float = 65536.0
    split: bool = False
    even: bool = True
    join: bool = False
    norm: bool = False
    evaluate: bool = False
    leave: int = 0
    stop: int = 0
    stage: str = ""

    @classmethod
    def read(cls, text: str) -> Knobs:
        """As ``write`` wrote them."""
        return cls(**json.loads(text))

    def write(self) -> str:
        """JSON, for an argument."""
        return json.dumps(asdict(self))


def seed(number: int) -> None:
    """As Accelerate's ``set_seed``: all generators of one process."""
    import numpy as np

    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def table(length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs ``[length, 8]`` and targets ``[length, 1]``, always the same ones."""
    source = torch.Generator().manual_seed(1234)
    inputs = torch.randn(length, FEATURES, generator=source)
    return inputs, inputs[:, :1] * 2 - inputs[:, 1:2] + 0.5


class Table(Dataset):  # type: ignore[type-arg]
    """Rows of the table; ``augment`` adds noise from the global generator at each access."""

    def __init__(self, length: int, augment: bool) -> None:
        self.inputs, self.targets = table(length)
        self.augment = augment

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        noise = 0.1 * torch.randn(FEATURES) if self.augment else 0.0
        return self.inputs[index] + noise, self.targets[index]


class Stream(IterableDataset):  # type: ignore[type-arg]
    """The same rows, in order, without a length."""

    def __init__(self, length: int) -> None:
        self.inputs, self.targets = table(length)

    def __iter__(self) -> Any:
        return zip(self.inputs, self.targets, strict=True)


def loader_of(knobs: Knobs) -> Any:
    if knobs.iterable:
        return DataLoader(Stream(knobs.length), batch_size=knobs.batch, drop_last=knobs.drop_last)
    return DataLoader(
        Table(knobs.length, knobs.augment),
        batch_size=knobs.batch,
        shuffle=knobs.shuffle,
        drop_last=knobs.drop_last,
        num_workers=knobs.workers,
        generator=torch.Generator().manual_seed(99) if knobs.generator else None,
    )


def model_of(knobs: Knobs) -> nn.Module:
    middle = nn.BatchNorm1d(16) if knobs.norm else nn.Tanh()
    return nn.Sequential(
        nn.Linear(FEATURES, 16), middle, nn.Dropout(knobs.dropout), nn.Linear(16, 1)
    )


def optimizer_of(knobs: Knobs, model: nn.Module) -> Any:
    if knobs.optimizer == "momentum":
        return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    if knobs.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=0.05)
    return torch.optim.AdamW(model.parameters(), lr=1e-2)


def scheduler_of(knobs: Knobs, optimizer: Any) -> Any:
    """The scheduler, or None; over all steps if it has an end."""
    kinds = torch.optim.lr_scheduler
    total = -(-knobs.length // knobs.batch) * knobs.epochs
    if knobs.scheduler == "step":
        return kinds.StepLR(optimizer, step_size=2, gamma=0.5)
    if knobs.scheduler == "onecycle":
        return kinds.OneCycleLR(optimizer, max_lr=0.05, total_steps=total)
    if knobs.scheduler == "lambda":
        return kinds.LambdaLR(optimizer, lambda step: 1.0 / (1.0 + step))
    if knobs.scheduler == "plateau":
        return kinds.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    if knobs.scheduler == "cosine":
        return kinds.CosineAnnealingLR(optimizer, T_max=total)
    return None


class Trace:
    """What a training did: losses, gradients before each step, final weights, notes."""

    def __init__(self, path: str = "") -> None:
        self.path = path
        self.losses: list[torch.Tensor] = []
        self.gradients: list[torch.Tensor] = []
        self.weights = torch.zeros(0)
        self.notes: dict[str, list[Any]] = {}

    def loss(self, loss: torch.Tensor) -> None:
        """Of one batch, as it is before it is divided or scaled."""
        self.losses.append(loss.detach().float().clone())

    def gradient(self, *models: nn.Module) -> None:
        """All gradients that there are, as one vector."""
        every = [p.grad for model in models for p in model.parameters() if p.grad is not None]
        self.gradients.append(torch.cat([grad.detach().flatten() for grad in every]).clone())

    def weight(self, *models: nn.Module) -> None:
        """All parameters and buffers, as one vector."""
        states = [tensor for model in models for tensor in model.state_dict().values()]
        every = [tensor.detach().flatten().float() for tensor in states]
        self.weights = torch.cat(every).clone()

    def note(self, name: str, value: Any) -> None:
        """Anything else that must be equal."""
        self.notes.setdefault(name, []).append(value)

    def save(self) -> None:
        """Write ``PATH.RANK``."""
        content = {name: value for name, value in vars(self).items() if name != "path"}
        torch.save(content, f"{self.path}.{os.environ.get('RANK', '0')}")

    @classmethod
    def load(cls, path: str) -> Trace:
        """What ``save`` wrote."""
        trace = cls()
        vars(trace).update(torch.load(path, weights_only=True))
        return trace


def begin(arguments: list[str]) -> tuple[Knobs, Trace]:
    """Knobs and the trace to fill, from a script's arguments."""
    torch.set_num_threads(1)
    return Knobs.read(arguments[1]), Trace(arguments[2])
