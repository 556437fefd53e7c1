"""Names of files, and what a line of the journal says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from envcheck.model.cell import CellResult, RunHeader  # noqa: TC001  # msgspec reads these
from envcheck.model.matrix import Plan  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN, JOURNAL, LOCK, LOGS = "run.json", "journal.jsonl", "lock", "logs"


class RunFile(Struct, kw_only=True, frozen=True):
    """``run.json``."""

    header: RunHeader
    plan: Plan


class Entry(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A line of the journal: a cell was begun, or it is done; or the run has ended."""

    begun: str = ""
    done: CellResult | None = None
    ended: str = ""


def number_of(run_id: str) -> int:
    """7 of ``accelerate-7``; -1 if it is no run's id."""
    tail = run_id.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else -1


def matrix_of(run_id: str) -> str:
    """``accelerate`` of ``accelerate-7``."""
    return run_id.rpartition("-")[0]


def run_ids(root: str, matrix: str = "") -> list[str]:
    """Ids of all runs (of ``matrix``), oldest first for each matrix."""
    try:
        names = os.listdir(root)
    except FileNotFoundError:
        return []
    found = [
        name
        for name in names
        if number_of(name) >= 0
        and (not matrix or matrix_of(name) == matrix)
        and os.path.isfile(os.path.join(root, name, RUN))
    ]
    return sorted(found, key=lambda name: (matrix_of(name), number_of(name)))


def lines(path: str) -> Iterator[bytes]:
    """Complete lines of a journal: the last one may have been cut off by the end of the process."""
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.endswith(b"\n") and line.strip():
                    yield line
    except FileNotFoundError:
        return
