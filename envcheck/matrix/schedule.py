"""How many cells at once: as memory, disk and cores allow, and a cell says what it needs."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from envcheck.model.matrix import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envcheck.model.matrix import Cell

BATCH = 16  # cells whose rooms are open at once, at most: each is a container, and waits for others
_KEPT_FREE = 1 << 30  # bytes of disk that stay free


class Machine(NamedTuple):
    """What there is to be shared out: bytes and processors."""

    memory: int
    disk: int
    cores: int

    def describe(self) -> str:
        """As tables say it."""
        system = os.uname() if hasattr(os, "uname") else None
        name = f"{system.sysname} {system.machine}, " if system else ""
        return f"{name}{self.cores} cores, {self.memory / (1 << 30):.0f} GiB of memory"


def this_machine(folder: str) -> Machine:
    """Of this machine, with the disk that ``folder`` is on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        memory = 8 << 30
    os.makedirs(folder, exist_ok=True)
    return Machine(memory, shutil.disk_usage(folder).free, cores or 1)


class Budget:
    """Memory that is shared out among cells that run at once."""

    def __init__(self, memory: int) -> None:
        self._free = self._all = memory
        self._changed = threading.Condition()

    @contextmanager
    def share(self, cell: Cell) -> Iterator[None]:
        """Wait until there is as much as ``cell`` needs (all of it, if it needs more), take it."""
        need = min(size(cell.limits.memory), self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= need)
            self._free -= need
        try:
            yield
        finally:
            with self._changed:
                self._free += need
                self._changed.notify_all()


def batches(cells: Sequence[Cell], disk: int) -> Iterator[list[Cell]]:
    """Cells whose rooms are open at once: no more than the disk has space for."""
    batch: list[Cell] = []
    free = disk - _KEPT_FREE
    for cell in cells:
        need = size(cell.limits.disk)
        if batch and (len(batch) == BATCH or need > free):
            yield batch
            batch, free = [], disk - _KEPT_FREE
        batch.append(cell)
        free -= need
    if batch:
        yield batch


def jobs(cells: Sequence[Cell], machine: Machine) -> int:
    """How many cells do something at once."""
    largest = max((size(cell.limits.memory) for cell in cells), default=1)
    return max(1, min(len(cells), machine.cores, machine.memory // largest))
