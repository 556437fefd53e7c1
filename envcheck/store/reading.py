"""Reading runs back. Nothing here writes or locks: a run under way can be looked at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from envcheck.errors import DataError, UsageError, did_you_mean
from envcheck.model.cell import CellResult, Run, RunHeader
from envcheck.store.layout import JOURNAL, RUN, Entry, RunFile, lines, matrix_of, run_ids

if TYPE_CHECKING:
    from envcheck.model.matrix import Plan

LAST = "last"


def runs(root: str, matrix: str = "") -> list[RunHeader]:
    """Headers of the runs (of ``matrix``), oldest first; what cannot be read is left out."""
    headers = []
    for run_id in run_ids(root, matrix):
        try:
            headers.append(_run_file(os.path.join(root, run_id)).header)
        except DataError:
            continue
    return headers


def find(root: str, reference: str = LAST, matrix: str = "") -> str:
    """The id that is meant by an id, a matrix's name (its last run) or ``last``.

    Raises UsageError if there is none.
    """
    ids = run_ids(root, matrix)
    if reference in ids:
        return reference
    if reference == LAST and ids:
        return max(ids, key=lambda run_id: _begun(root, run_id))
    of_matrix = [run_id for run_id in ids if matrix_of(run_id) == reference]
    if of_matrix:
        return of_matrix[-1]
    what = f"no run `{reference}`" if reference != LAST else "no run"
    of = f" of the matrix {matrix}" if matrix else ""
    raise UsageError(
        f"there is {what}{of} in the store{did_you_mean(reference, ids)}",
        hint="`envcheck matrix history` lists the runs; `envcheck matrix run` makes one",
    )


def _begun(root: str, run_id: str) -> float:
    return os.stat(os.path.join(root, run_id, RUN)).st_mtime


def read(root: str, reference: str = LAST, matrix: str = "") -> Run:
    """A run: the last result of each cell, in the plan's order. Raises UsageError, DataError."""
    folder = os.path.join(root, find(root, reference, matrix))
    run = _run_file(folder)
    results, ended = journal(folder)
    order = [cell.id for cell in run.plan.cells]
    return Run(
        header=run.header,
        results=[results[name] for name in order if name in results],
        missing=[name for name in order if name not in results],
        ended=ended,
    )


def read_plan(root: str, run_id: str) -> tuple[RunHeader, Plan]:
    """What a run was to do. Raises DataError."""
    run = _run_file(os.path.join(root, run_id))
    return run.header, run.plan


def journal(folder: str) -> tuple[dict[str, CellResult], str]:
    """Cell id -> its last result, and when the run ended, empty if it did not."""
    results: dict[str, CellResult] = {}
    ended = ""
    decoder = msgspec.json.Decoder(Entry)
    for line in lines(os.path.join(folder, JOURNAL)):
        try:
            entry = decoder.decode(line)
        except msgspec.DecodeError:  # cut off by a full disk, then continued behind it
            continue
        if entry.done is not None:
            results[entry.done.cell.id] = entry.done
        ended = entry.ended
    return results, ended


def _run_file(folder: str) -> RunFile:
    path = os.path.join(folder, RUN)
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=RunFile)
    except (OSError, msgspec.DecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"cannot read the run {os.path.basename(folder)}: {reason}",
            hint=f"remove its directory: {folder}",
        ) from error
