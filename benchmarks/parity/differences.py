"""Where the two differ, as programs that show it: each is run with either library.

A program says what it saw with ``observed``; one that ends with an exception is described by that,
and warnings are part of what is seen. ``ours`` and ``theirs`` are patterns that must be found, so
that a row that is no longer true fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.parity.worker import Job

if TYPE_CHECKING:
    from benchmarks.parity.worker import Outcome

HEAD = """\
import os, sys, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import set_seed, ProjectConfiguration
torch.set_num_threads(1)
LIBRARY = sys.argv[1]
def observed(*words):
    print("OBSERVED", *words, flush=True)
def rows(count=8, size=4):
    return TensorDataset(torch.arange(float(count * size)).reshape(count, size))
"""


@dataclass(frozen=True)
class Case:
    """``right``: whose behaviour is right, and why."""

    name: str
    program: str
    ours: str
    theirs: str
    right: str
    world: int = 1

    def jobs(self) -> list[Job]:
        """Ours and Accelerate's."""
        return [
            Job(
                f"{self.name}.{library}",
                library,
                "program",
                (library,),
                self.world,
                text=HEAD + self.program,
                deadline=40.0,
            )
            for library in ("ours", "accelerate")
        ]


#: What a line must not hold to be quoted: addresses, places, ports differ from run to run.
_LOCAL = (
    (re.compile(r"\[[^\]]*\.(?:cc|cpp|h):\d+\] ?"), ""),
    (re.compile(r"\[(?:\d+\.){3}\d+\]:\d+"), "[address]"),
    (re.compile(r"(?:/[\w.,+-]+(?: [\w.,+-]+)*)+/(?=[\w.-]+)"), "…/"),
    (re.compile(r"0x[0-9a-f]+"), "0x…"),
    (re.compile(r"process \d+"), "process N"),
    (re.compile(r"\s*This is typically caused by.*"), ""),
)


def observation(outcome: Outcome) -> str:
    """What was seen: what the program said, else how it ended; and what it was warned of."""
    seen = []
    for rank, (status, log) in enumerate(zip(outcome.statuses, outcome.logs, strict=True)):
        lines = log.splitlines()
        said = [line.removeprefix("OBSERVED ") for line in lines if line.startswith("OBSERVED ")]
        said += [
            f"warns: {line.partition('Warning: ')[2]}"
            for line in lines
            if re.search(r"^.+:\d+: \w*Warning: ", line)
        ]
        if status == -9:
            said.append("hangs until it is killed")
        elif status:
            errors = [line for line in lines if re.match(r"[\w.]*(?:Error|Exception)\b", line)]
            said.append(f"raises {errors[-1]}" if errors else f"exits with status {status}")
        text = "; ".join(dict.fromkeys(said))
        seen.append(f"rank {rank}: {text}" if len(outcome.statuses) > 1 else text)
    if len({text.partition(": ")[2] for text in seen}) == 1 and len(seen) > 1:
        seen = ["every rank: " + seen[0].partition(": ")[2]]
    return shortened(" · ".join(seen))


def shortened(text: str) -> str:
    """Without what is of this run only, and no longer than a cell of a table can be."""
    for pattern, replacement in _LOCAL:
        text = pattern.sub(replacement, text)
    text = " ".join(text.split()).replace("<", "‹").replace(">", "›")
    return text if len(text) <= 420 else text[:417] + "…"
