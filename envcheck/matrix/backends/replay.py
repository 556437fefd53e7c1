"""A recorded run, given out again: nothing is started, installed or downloaded.

A cell's result is what was recorded for the cell with this id, word for word, with a note that says
so. Tables, comparisons, exit codes and whatever reads results can so be tried and tested anywhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import msgspec

from envcheck import store
from envcheck.errors import DataError, TargetError, UsageError
from envcheck.model.cell import CellResult, Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.matrix.backends.base import Room, Surroundings
    from envcheck.model.matrix import Cell


class ReplayBackend:
    """Has results instead of rooms."""

    name = "replay"
    isolated = True  # nothing is run

    def __init__(self, run: Run) -> None:
        self.run = run
        self._results = {result.cell.id: result for result in run.results}

    def recorded(self, cell: Cell) -> CellResult | None:
        """What was recorded for the cell of this id, None if it was not run."""
        result = self._results.get(cell.id)
        if result is None:
            return None
        header = self.run.header
        note = f"recorded in the run {header.id} of {header.started or 'an unknown day'}"
        changed = [
            name
            for name in ("axes", "test", "index", "steps", "limits")
            if getattr(result.cell, name) != getattr(cell, name)
        ]
        if changed:
            note += f"; the cell has changed since: {', '.join(changed)}"
        return msgspec.structs.replace(result, notes=[*result.notes, note])

    def available(self, cell: Cell) -> str:
        """Why there is no result for ``cell``, empty if there is one."""
        if cell.id in self._results:
            return ""
        return f"the run {self.run.header.id} has no result for {cell.id}"

    def prepare(self, cells: Sequence[Cell]) -> Mapping[str, str]:  # noqa: ARG002  # nothing to do
        """All is there."""
        return {}

    def open(self, cell: Cell) -> Room:
        """There are no rooms. Raises TargetError."""
        _refuse(cell)

    def reclaim(self) -> list[str]:
        """Nothing was made."""
        return []

    def close(self) -> None:
        """Nothing is held."""


def _refuse(cell: Cell) -> NoReturn:
    raise TargetError(f"{cell.id} cannot be run again by a recording")


def backend(surroundings: Surroundings) -> ReplayBackend:
    """Backend of the run in ``surroundings.recording``. Raises UsageError, DataError."""
    if not surroundings.recording:
        raise UsageError(
            "it is not said which run is to be replayed",
            hint="name a run's directory in the store, or a report's JSON file",
        )
    return ReplayBackend(read(surroundings.recording))


def read(path: str) -> Run:
    """A run by its directory in a store or its JSON document. Raises DataError, UsageError."""
    if os.path.isdir(path):
        root, run_id = os.path.split(os.path.abspath(path))
        return store.read(root, run_id)
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Run)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path} is no recorded run of envcheck", context=(str(error),)) from error
