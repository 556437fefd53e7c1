"""A cell under way: its room, its door to the index, and what is known of it so far."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from envcheck.index.meter import Meter
from envcheck.matrix import execution
from envcheck.model.cell import CellResult
from envcheck.model.matrix import size
from envcheck.store.writing import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from envcheck.index.gateway import Door, Gateway
    from envcheck.index.meter import Fault
    from envcheck.matrix.backends.base import Backend, Room, Who
    from envcheck.matrix.causes.base import Verdict
    from envcheck.matrix.disk import Measured
    from envcheck.matrix.execution import StepOutcome
    from envcheck.matrix.inputs import Inputs
    from envcheck.matrix.locks import Locked
    from envcheck.model.cell import Download, Imported, Installed, StepResult, Usage
    from envcheck.model.matrix import Cell
    from envcheck.store import RunWriter

#: For every process of a cell: what it writes is UTF-8, and no configuration of anybody is read.
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PYTHONNOUSERSITE": "1",
}
METADATA_BUDGET = 1 << 30  # bytes; an index that sends no parts of files sends whole wheels


class Ended(Exception):  # noqa: N818 - it is no error: the cell's answer is known
    """The cell cannot go on: a step failed. ``verdict``: where it is known already why."""

    def __init__(self, outcome: StepOutcome, verdict: Verdict | None = None) -> None:
        super().__init__(outcome.step.name)
        self.outcome = outcome
        self.verdict = verdict


class Faulty(Exception):  # noqa: N818
    """Not the package's fault: the step may be tried again. The message is one sentence."""


@dataclass
class Known:
    """What the steps have found."""

    steps: list[StepResult] = field(default_factory=list)
    locked: list[Locked] = field(default_factory=list)
    built: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)  # of files on the index, by sha256
    own: dict[str, str] = field(default_factory=dict)  # wheels of the user: path to sha256
    compiled: dict[str, bool] = field(default_factory=dict)
    distributions: list[Installed] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    imports: list[Imported] = field(default_factory=list)
    disk: Usage | None = None
    measured: Measured | None = None
    smoke: str = ""
    verdict: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)
    python: str = ""
    libc: str = ""
    distribution: str = ""
    installer: str = ""
    notes: list[str] = field(default_factory=list)
    ended: Ended | None = None
    error: dict[str, Any] = field(default_factory=dict)
    download: Download | None = None


class Session:
    """One attempt at one cell."""

    def __init__(
        self,
        cell: Cell,
        backend: Backend,
        gateway: Gateway,
        inputs: Inputs,
        writer: RunWriter,
        watch: Callable[[Session, str], None],
        attempt: int = 1,
        lanes: AbstractContextManager[object] | None = None,
    ) -> None:
        self.cell = cell
        self.backend = backend
        self.gateway = gateway
        self.inputs = inputs
        self.writer = writer
        self.attempt = attempt
        self.known = Known()
        self.created = False
        self.started = utc()
        self._spent = 0.0
        self._since = 0.0
        self._watch = watch
        self._lanes = lanes or nullcontext()
        self._room: Room | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """Canonical names of what is required, in that order: once it is resolved, also of the
        user's own projects whose names no file says.
        """
        own = [one.name for one in self.known.locked if one.kind == "local"]
        said = self.inputs.order
        return (*[name for name in own if name not in said], *said)

    @property
    def room(self) -> Room:
        """The room, opened by the first step."""
        if self._room is None:
            self._room = self.backend.open(self.cell)
        return self._room

    @property
    def door(self) -> Door:
        """The room's way to the index, open from resolving to installing."""
        door = self.room.door
        assert door is not None
        return door

    @property
    def _door(self) -> Door | None:
        return None if self._room is None else self._room.door

    def close_door(self) -> None:
        """From now on the cell has no network."""
        self.room.close_index()
        self.known.download = self.door.traffic()

    @property
    def cold(self) -> bool | None:
        """Whether anything was fetched from the index for this cell."""
        traffic = self.known.download
        return None if traffic is None else traffic.upstream > 0

    @contextmanager
    def lane(self) -> Iterator[None]:
        """For what computes: as many cells at once as there are processors for."""
        waited = time.monotonic()
        with self._lanes:
            if self._since:
                self._since += time.monotonic() - waited
            yield

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The time of the block is the cell's own; it waits for others outside of it."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._spent += time.monotonic() - self._since
            self._since = 0.0

    def received(self) -> int:
        """Bytes that the cell has got through the gateway so far."""
        door = self._door
        return 0 if door is None else door.traffic().served

    def faults(self) -> list[Fault]:
        """What went wrong between the gateway and the index while this cell asked."""
        door = self._door
        return [] if door is None else door.faults()

    def releases(self, name: str) -> Any:
        """All releases of a distribution that this cell's indexes have."""
        return self.gateway.releases(self.cell.index, name)

    def metadata(self, file: Any) -> bytes:
        """METADATA of a wheel that the index lists. Raises IndexTrouble."""
        return self.gateway.metadata(file, Meter(METADATA_BUDGET))

    def watch(self, step: str) -> None:
        """Tell whoever watches what is being done."""
        self._watch(self, step)

    def execute(
        self,
        words: Sequence[str],
        *,
        name: str,
        who: Who,
        seconds: float,
        env: Mapping[str, str] | None = None,
        read: Sequence[str] = (),
    ) -> StepOutcome:
        """Run a step's command; keep its result and log. A failure is in the outcome."""
        outcome = execution.execute(
            self.room,
            words,
            name=name,
            who=who,
            seconds=seconds,
            log_bytes=size(self.cell.limits.log),
            env={**ENVIRONMENT, **(env or {})},
            read=tuple(read),
            keep_log=self.keep_log,
        )
        return self.add(outcome)

    def keep_log(self, name: str, text: str) -> str:
        """Write a step's log; a second command of a step has a log of its own."""
        count = sum(step.name == name for step in self.known.steps)
        return self.writer.write_log(self.cell.id, f"{name}-{count + 1}" if count else name, text)

    def add(self, outcome: StepOutcome) -> StepOutcome:
        """Note a step's result."""
        self.known.steps.append(outcome.step)
        return outcome

    def must(self, outcome: StepOutcome) -> StepOutcome:
        """The outcome of a step without which there is no going on. Raises Ended."""
        if not outcome.ok:
            raise Ended(outcome)
        return outcome

    def note(self, sentence: str) -> None:
        """Something to be said of the cell, once."""
        if sentence not in self.known.notes:
            self.known.notes.append(sentence)

    def result(self, **verdict: Any) -> CellResult:
        """What is known now, as the published document; ``verdict``: status, cause, sentence …"""
        known, room = self.known, self._room
        if known.download is None and room is not None and room.door is not None:
            known.download = room.door.traffic()
        return CellResult(
            cell=self.cell,
            backend=self.backend.name,
            isolated=self.backend.isolated,
            python=known.python,
            libc=known.libc,
            image=room.image if room else "",
            image_id=room.image_id if room else "",
            installer=known.installer,
            started=self.started,
            seconds=round(self._spent + (time.monotonic() - self._since if self._since else 0), 3),
            attempts=self.attempt,
            steps=known.steps,
            distributions=known.distributions,
            imports=known.imports,
            download=known.download,
            disk=known.disk,
            smoke=known.smoke,
            findings=known.findings,
            verdict=known.verdict,
            built=known.built,
            notes=[*self.cell.notes, *known.notes, *(room.notes if room else ())],
            **verdict,
        )

    def close(self) -> None:
        """Remove the room. Never raises."""
        if self._room is not None:
            self._room.close()
