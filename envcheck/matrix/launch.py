"""Starting a run, or going on with one: what the command line and the API share."""

from __future__ import annotations

import os
from contextlib import ExitStack
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import envcheck
from envcheck import store
from envcheck.errors import UsageError
from envcheck.index.gateway import Gateway
from envcheck.index.uv_program import uv_program
from envcheck.matrix import backends, inputs, schedule
from envcheck.matrix.backends.base import Surroundings
from envcheck.matrix.runner import Means, Runner
from envcheck.model.cell import RunHeader
from envcheck.store.writing import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envcheck.matrix.runner import Watcher
    from envcheck.model.cell import CellResult, Run
    from envcheck.model.matrix import Cell, Index, Plan
    from envcheck.model.prediction import Prediction

#: Statuses that ``--retry-failed`` runs again.
FAILED = ("fail", "error", "inconclusive", "skipped")


class Conditions(NamedTuple):
    """Everything about a run but its plan."""

    backend: str
    cache: str
    store: str
    images: Mapping[str, str] = {}
    default_index: Index | None = None  # where cells say nothing; may have credentials
    jobs: int = 0
    recording: str = ""
    notes: tuple[str, ...] = ()
    predicted: Mapping[str, Prediction] = {}  # by the cell's id, kept with its result


def start(plan: Plan, conditions: Conditions, watcher: Watcher) -> Run:
    """Run ``plan`` from its beginning. Raises EnvcheckError, KeyboardInterrupt."""
    header = RunHeader(
        id="",
        matrix=plan.name,
        summary=plan.summary,
        backend=conditions.backend,
        envcheck=envcheck.__version__,
        started=utc(),
        stale_after=plan.stale_after,
        cells=len(plan.cells),
        machine=schedule.this_machine(conditions.cache).describe(),
        notes=list(conditions.notes),
    )
    writer = store.create(conditions.store, header, plan)
    return _run(writer, plan.cells, conditions, watcher)


def resume(
    reference: str,
    conditions: Conditions,
    watcher: Watcher,
    *,
    retry_failed: bool = False,
    only: Sequence[str] = (),
) -> Run:
    """Go on with a run: its missing cells, and with ``retry_failed`` those that did not pass.

    ``only``: globs of ids of cells; no others are run. Raises UsageError if nothing is left to be
    done, or if it is under way elsewhere.
    """
    run_id = store.find(conditions.store, reference)
    writer, done = store.resume(conditions.store, run_id)
    left = [
        cell
        for cell in writer.plan.cells
        if (cell.id not in done or (retry_failed and done[cell.id].status in FAILED))
        and (not only or any(fnmatchcase(cell.id, glob) for glob in only))
    ]
    if not left:
        run = store.read(conditions.store, run_id)
        if not run.missing and not run.ended:  # killed when nothing was left but to say so
            writer.end()
            writer.close()
            return store.read(conditions.store, run_id)
        writer.close()
        raise UsageError(
            f"nothing of {run_id} is left to be done",
            hint="--retry-failed runs again what failed; without --resume a new run is made",
        )
    conditions = conditions._replace(backend=writer.header.backend)
    return _run(writer, left, conditions, watcher)


def _run(
    writer: store.RunWriter, cells: Sequence[Cell], conditions: Conditions, watcher: Watcher
) -> Run:
    with ExitStack() as stack:
        stack.callback(writer.close)
        gateway = Gateway(conditions.cache, default=conditions.default_index)
        stack.callback(gateway.close)
        watcher.say(f"run {writer.id}: {len(cells)} cells, {conditions.backend} backend")
        surroundings = Surroundings(
            gateway=gateway,
            uv=partial(uv_program, cache=conditions.cache, gateway=gateway),
            cache=conditions.cache,
            run=writer.id,
            images=conditions.images,
            say=watcher.say,
            recording=conditions.recording,
            folder=writer.plan.folder,
        )
        backend = backends.load(conditions.backend, surroundings)
        stack.callback(backend.close)
        for line in backend.reclaim():
            watcher.say(f"removed what a dead run left: {line}")
        machine = schedule.this_machine(conditions.cache)
        means = Means(
            backend, gateway, writer, _inputs_of(writer.plan.folder), watcher, machine,
            conditions.jobs, conditions.predicted,
        )  # fmt: skip
        runner = Runner(means)
        try:
            runner.run(cells)
        except KeyboardInterrupt:
            done = f"{len(runner.results)} of {len(cells)} cells are done"
            watcher.say(f"{done}; `envcheck matrix run --resume {writer.id}` goes on")
            raise
        writer.end()
        return store.read(os.path.dirname(writer.folder), writer.id)


def _inputs_of(folder: str) -> Callable[[Cell], inputs.Inputs]:
    """Inputs are prepared once for all cells that test the same."""
    prepared: dict[int, inputs.Inputs] = {}

    def of(cell: Cell) -> inputs.Inputs:
        key = id(cell.test)
        if key not in prepared:
            prepared[key] = inputs.prepare(cell, folder)
        return prepared[key]

    return of


def exit_status(results: Sequence[CellResult], missing: int = 0) -> int:
    """1 if a cell fails; else 3 if one could not be judged or was not run; else 0."""
    statuses = {result.status for result in results}
    if "fail" in statuses:
        return 1
    return 3 if missing or statuses & {"error", "inconclusive"} or not statuses else 0
