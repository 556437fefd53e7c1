"""Runs a plan: installs at once, imports alone, and stores each cell as soon as it is done.

The cells of a batch go through three phases: what installs runs side by side; what is timed runs
one after the other with nothing beside it; the rest side by side again. A cell that met a fault
of the infrastructure is tried again in a room of its own; a cell whose package failed never is.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from envcheck.errors import EnvcheckError, TargetError
from envcheck.matrix import schedule, steps
from envcheck.matrix.causes import TRANSIENT
from envcheck.matrix.session import Ended, Faulty, Session
from envcheck.matrix.verdict import conclude, infrastructure, unavailable
from envcheck.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from envcheck.index.gateway import Gateway
    from envcheck.matrix.backends.base import Backend
    from envcheck.matrix.inputs import Inputs
    from envcheck.model.cell import CellResult
    from envcheck.model.matrix import Cell
    from envcheck.model.prediction import Prediction
    from envcheck.store import RunWriter

ATTEMPTS = 3
_PAUSE = 2.5  # seconds before the second attempt: the gateway asks again after 2; then twice it
_TICK = 0.2  # seconds in which Ctrl-C is noticed at the latest


class Watcher(Protocol):
    """Who is told what happens, from any thread."""

    def step(self, session: Session, step: str) -> None:
        """A cell begins a step."""

    def done(self, result: CellResult) -> None:
        """A cell is done."""

    def say(self, line: str) -> None:
        """Anything else."""


class Means(NamedTuple):
    """What a run is done with."""

    backend: Backend
    gateway: Gateway
    writer: RunWriter
    inputs: Callable[[Cell], Inputs]
    watcher: Watcher
    machine: schedule.Machine
    jobs: int = 0
    predicted: Mapping[str, Prediction] = {}  # cell's id -> what the index said before


class Runner:
    """One execution of a plan's cells."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self._stopped = threading.Event()
        self._live: set[Session] = set()
        self._lock = threading.Lock()
        self._lanes = threading.Semaphore(1)
        self.results: list[CellResult] = []

    def run(self, cells: Sequence[Cell]) -> list[CellResult]:
        """Run ``cells`` and store their results. Raises KeyboardInterrupt and StoreError after
        every room is gone; what was stored is stored.
        """
        means = self.means
        jobs = means.jobs or schedule.jobs(cells, means.machine)
        refused = means.backend.prepare(cells)
        ready = []
        for cell in cells:
            if (result := means.backend.recorded(cell)) is not None:
                self._store(result)
            elif reason := refused.get(cell.id, "") or means.backend.available(cell):
                self._store(unavailable(cell, means.backend, reason))
            else:
                ready.append(cell)
        budget = schedule.Budget(means.machine.memory)
        self._lanes = threading.Semaphore(jobs)
        pool = ThreadPoolExecutor(min(schedule.BATCH, 2 * jobs), thread_name_prefix="cell")
        try:
            for batch in schedule.batches(ready, means.machine.disk):
                self._batch(batch, pool, budget)
        finally:
            self._stopped.set()
            self._close_all()
            pool.shutdown(cancel_futures=True)
            self._close_all()  # rooms that were being opened meanwhile
        return self.results

    def _batch(
        self, batch: Sequence[Cell], pool: ThreadPoolExecutor, budget: schedule.Budget
    ) -> None:
        attempt = {cell.id: 1 for cell in batch}
        waiting = list(batch)
        while waiting:
            again: list[Cell] = []
            sessions = [self._session(cell, attempt[cell.id]) for cell in waiting]
            phases = (steps.settle, steps.observe, steps.examine)
            for number, phase in enumerate(phases):
                serial = number == 1
                for session, error in self._phase(phase, sessions, pool, budget, serial=serial):
                    sessions.remove(session)
                    self._leave(session)
                    if attempt[session.cell.id] < ATTEMPTS:
                        again.append(session.cell)
                        self.means.watcher.say(f"{session.cell.id}: {error}; it is tried again")
                    else:
                        self._store(infrastructure(session, error))
            if again:
                time.sleep(_PAUSE * 2 ** (max(attempt[cell.id] for cell in again) - 1))
            for cell in again:
                attempt[cell.id] += 1
            waiting = again

    def _session(self, cell: Cell, attempt: int) -> Session:
        means = self.means
        session = Session(
            cell, means.backend, means.gateway, means.inputs(cell), means.writer,
            self._step, attempt, self._lanes,
        )  # fmt: skip
        with self._lock:
            self._live.add(session)
        return session

    def _phase(
        self,
        phase: Callable[[Session], None],
        sessions: Sequence[Session],
        pool: ThreadPoolExecutor,
        budget: schedule.Budget,
        *,
        serial: bool,
    ) -> list[tuple[Session, str]]:
        """Do ``phase`` for all; returns those that met a fault that is not the package's."""
        faulty = []

        def work(session: Session) -> str:
            if self._stopped.is_set():
                return ""
            with budget.share(session.cell), session.at_work():
                return self._guarded(phase, session)

        if serial:
            for session in sessions:
                for future in _finished([pool.submit(work, session)]):
                    if error := future.result():
                        faulty.append((session, error))
        else:
            futures = {pool.submit(work, session): session for session in sessions}
            for future in _finished(futures):
                if error := future.result():
                    faulty.append((futures[future], error))
        return faulty

    def _guarded(self, phase: Callable[[Session], None], session: Session) -> str:
        """Why the cell should be tried again, empty if it should not."""
        known = session.known
        try:
            if known.ended is None or phase is steps.examine:
                phase(session)
        except Ended as ended:
            known.ended = ended
        except StoreError:
            raise
        except (Faulty, TargetError) as error:
            return "" if self._stopped.is_set() else _sentence(error)
        except EnvcheckError as error:
            return _sentence(error)
        if phase is steps.examine and not self._stopped.is_set():
            result = conclude(session)
            if result.cause in TRANSIENT and session.attempt < ATTEMPTS:
                return result.sentence
            self._leave(session)
            self._store(result)
        return ""

    def _step(self, session: Session, step: str) -> None:
        if self._stopped.is_set():
            raise Faulty("the run was ended")
        self.means.watcher.step(session, step)

    def _store(self, result: CellResult) -> None:
        if result.prediction is None and result.cell.id in self.means.predicted:
            result = replace(result, prediction=self.means.predicted[result.cell.id])
        self.means.writer.append(result)
        self.results.append(result)
        self.means.watcher.done(result)

    def _leave(self, session: Session) -> None:
        session.close()
        with self._lock:
            self._live.discard(session)

    def _close_all(self) -> None:
        """Ends what runs in the rooms too: whoever waits for it gets an error."""
        with self._lock:
            sessions = list(self._live)
        for session in sessions:
            self._leave(session)


def _sentence(error: Exception) -> str:
    """A fault, with the first line of what is known of it."""
    context = error.context[:1] if isinstance(error, EnvcheckError) else ()
    return ": ".join([str(error), *context])


def _finished(futures: Iterable[Future[str]]) -> Iterable[Future[str]]:
    """Each as it ends; Ctrl-C arrives meanwhile."""
    left = set(futures)
    while left:
        done, left = wait(left, timeout=_TICK, return_when=FIRST_COMPLETED)
        yield from done
