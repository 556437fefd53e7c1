"""Programs that several real processes run together, and how each of them is to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.parity.worker import Job, Outcome

#: A warning is an error in them, unless they look for it.
HEAD = """\
import os, signal, sys, time, warnings
from collections import UserDict, defaultdict, namedtuple
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, TensorDataset
from envcheck.accelerator import (
    Accelerator, DataLoaderConfiguration, InitProcessGroupKwargs, ProjectConfiguration, set_seed
)
warnings.simplefilter("error")
RANK = int(os.environ.get("RANK", "0"))

class Rows(Dataset):
    def __init__(self, count):
        self.count = count
    def __len__(self):
        return self.count
    def __getitem__(self, index):
        return torch.tensor([float(index)])

class Lying(Sampler):
    def __init__(self, count, says):
        self.count, self.says = count, says
    def __iter__(self):
        return iter(range(self.count))
    def __len__(self):
        return self.says

class Stream(IterableDataset):
    def __init__(self, items):
        self.items = items
    def __iter__(self):
        return iter(self.items)

def numbers(batch):
    return [int(value) for value in batch.flatten()]

def raised(function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")
"""


@dataclass(frozen=True)
class Program:
    """``statuses``: how each rank ends, 0 or minus a signal; ``text`` follows ``HEAD``."""

    name: str
    text: str
    statuses: tuple[int, ...] = (0, 0)
    deadline: float = 40.0

    def jobs(self) -> list[Job]:
        """One, with as many processes as there are statuses."""
        from benchmarks.parity.worker import Job

        world = len(self.statuses)
        text = HEAD + self.text
        return [Job(self.name, "ours", "program", (), world, text=text, deadline=self.deadline)]

    def check(self, outcomes: dict[str, Outcome]) -> None:
        """It has ended as it was to end, and without a word."""
        outcome = outcomes[self.name]
        assert outcome.statuses == self.statuses, str(outcome)
        assert not any(outcome.logs), str(outcome)
