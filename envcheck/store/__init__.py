"""Runs of matrices on disk: one directory each, written once or only appended to.

``<root>/<matrix>-<number>/`` holds ``run.json`` (header and plan), ``journal.jsonl`` (one line for
each cell that was begun or done), ``logs/<cell>/<step>.log`` and ``lock``. A line is written at
once and flushed to the disk, so a run that is killed loses nothing but the cells that were under
way. Numbers, not times, order runs: clocks jump.
"""

from __future__ import annotations

from envcheck.store.reading import find, read, read_plan, runs
from envcheck.store.writing import RunWriter, StoreError, create, resume

__all__ = [
    "RunWriter",
    "StoreError",
    "create",
    "find",
    "read",
    "read_plan",
    "resume",
    "runs",
]
