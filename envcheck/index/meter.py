"""What went through one door: bytes, files, time spent waiting for the index, what went wrong."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from envcheck.errors import IndexTrouble
from envcheck.model.cell import Download

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAULTS = 50  # distinct ones that are kept


class Fault(NamedTuple):
    """Something that could not be had; ``kind`` as in IndexTrouble."""

    kind: str
    sentence: str


class Meter:
    """Shared by the threads of a door. ``budget``: bytes that it may have fetched."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._upstream = self._served = 0
        self._files: set[str] = set()
        self._waiting = 0
        self._since = 0.0
        self._seconds = 0.0
        self._faults: dict[Fault, None] = {}

    def fetched(self, count: int) -> None:
        """``count`` bytes came from the index on behalf of this door. Raises IndexTrouble."""
        with self._lock:
            self._upstream += count
            if self._upstream > self._budget:
                raise IndexTrouble(
                    "budget",
                    f"more than {self._budget:,} bytes were asked of the index by one cell",
                )

    def served(self, count: int) -> None:
        """``count`` bytes were given to the cell."""
        with self._lock:
            self._served += count

    def gave(self, key: str) -> None:
        """A file was given, or is about to be."""
        with self._lock:
            self._files.add(key)

    def fault(self, trouble: IndexTrouble) -> None:
        """Something could not be had. What the index does not have is no fault."""
        with self._lock:
            if trouble.kind != "absent" and len(self._faults) < _FAULTS:
                self._faults[Fault(trouble.kind, trouble.message)] = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the index is waited for; times that overlap count once."""
        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._since = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._seconds += time.monotonic() - self._since

    def faults(self) -> list[Fault]:
        """What went wrong so far, each once."""
        with self._lock:
            return list(self._faults)

    def traffic(self) -> Download:
        """All of it so far."""
        with self._lock:
            now = time.monotonic() - self._since if self._waiting else 0.0
            return Download(
                upstream=self._upstream,
                served=self._served,
                files=len(self._files),
                seconds=round(self._seconds + now, 3),
                errors=[fault.sentence for fault in self._faults],
            )
