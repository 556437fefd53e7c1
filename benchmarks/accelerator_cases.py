"""What is trained in ``benchmarks/accelerator.py``: names and numbers, no torch."""

from __future__ import annotations

from typing import NamedTuple

PLAIN, OURS, ACCELERATE = "plain", "envcheck", "accelerate"
VARIANTS = (PLAIN, OURS, ACCELERATE)

ACCUMULATION = 4
CLIP = 1.0


class Size(NamedTuple):
    """``steps``: of one epoch, the unit that is timed. ``epochs``: timed ones in each round."""

    batch: int
    steps: int
    epochs: int


#: tiny: about 1 ms for a step on one CPU thread; medium: about 25 to 40 ms.
SIZES = {"tiny": Size(64, 200, 16), "medium": Size(8, 8, 16)}


class Case(NamedTuple):
    """One row of the table.

    ``loop``: see ``program``. ``precision``: as
    Accelerate names it. ``batches``: ``tuple`` or ``dict``. ``devices``: where it makes sense: fp16
    is emulated on a CPU, and two processes need two devices.
    """

    name: str
    size: str
    loop: str = "simple"
    precision: str = "no"
    batches: str = "tuple"
    processes: int = 1
    devices: tuple[str, ...] = ("cpu", "cuda")

    @property
    def title(self) -> str:
        """Unique, for the command line too."""
        return f"{self.size}, {self.name}"


def _of(size: str) -> tuple[Case, ...]:
    return (
        Case("fp32", size),
        Case("bf16", size, precision="bf16"),
        Case("fp16", size, precision="fp16", devices=("cuda",)),
        Case(f"accumulation of {ACCUMULATION}", size, loop="accumulate"),
        Case("schedule and clipping", size, loop="schedule"),
        Case("batches are dicts", size, batches="dict"),
    )


CASES = (
    *_of("tiny"),
    Case("two processes", "tiny", processes=2, devices=("cpu",)),
    Case(
        f"two processes, accumulation of {ACCUMULATION}",
        "tiny",
        loop="accumulate",
        processes=2,
        devices=("cpu",),
    ),
    *_of("medium"),
)


def program(variant: str, case: Case) -> str:
    """The function of ``accelerator_loops`` that trains ``case``; the prepared loops do not see
    precision and processes, which is what the libraries are for."""
    words = [variant if variant == PLAIN else "prepared", case.loop]
    if case.batches == "dict":
        words.append("dict")
    if variant == PLAIN and case.precision != "no":
        words.append(case.precision)
    if variant == PLAIN and case.processes > 1 and case.loop == "accumulate":
        words.append("processes")
    return "_".join(words)
