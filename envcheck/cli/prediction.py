"""What the commands that predict share: their plan, their sessions with indexes, what to keep."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any

from envcheck import config
from envcheck.cli import input_plan, matrix_options
from envcheck.cli.answers import Basis
from envcheck.errors import UsageError
from envcheck.matrix import looked_into
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from envcheck.index.recording import Recording
    from envcheck.index.session import IndexSession
    from envcheck.matrix.settings import MatrixSettings
    from envcheck.model.cell import Run
    from envcheck.model.matrix import Cell, Index, Plan
    from envcheck.model.target import Target


class Predictor:
    """One command. Raises EnvcheckError in all that it does."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.settings: MatrixSettings = matrix_options.settings_of(arguments)
        self.today = dt.datetime.now(dt.timezone.utc).date()
        self.sessions: list[IndexSession] = []
        self._targets: dict[str, Target] = {}
        self._replayed: Recording | None = None
        if self._said("replay"):
            from envcheck.index import recording

            self._replayed = recording.read(arguments.replay)
        self._examined = looked_into.by_engine(config.cache_dir())
        self.asked = input_plan.asked(arguments)

    def plan(self) -> tuple[str, Plan]:
        """(what it was taken for, the cells): those of a matrix or of the axes, or one for each
        target that is named, or that a file says.
        """
        if self.asked is not None:
            return "", input_plan.plan(self)
        loaded, planned = matrix_options.loaded_of(self.arguments)
        if self._said("target"):
            from msgspec.structs import replace

            planned = replace(planned, cells=self.cells(self.named(), planned.cells[0]))
        return loaded.said, planned

    def named(self) -> list[Target]:
        """The targets of ``--target``, ``--image`` …, none if none is said."""
        return looked_into.named(self.arguments.target, today=self.today)

    def here(self) -> Target:
        """The interpreter that runs envcheck."""
        from envcheck.predict import targets

        return targets.parse("here", today=self.today)

    def index(self) -> Index:
        """What the command line says of the index."""
        if day := self.arguments.exclude_newer:
            _check(day)
        return matrix_options.index_of(self.arguments)

    def cells(self, targets: Iterable[Target], like: Cell) -> list[Cell]:
        """A cell for each target, which tests what ``like`` does."""
        from msgspec.structs import replace

        cells = []
        for target in targets:
            self._targets[target.id] = target
            axes = {**like.axes, "architecture": target.architecture}
            axes |= {"python": target.interpreter, "os": target.place or target.system}
            cells.append(replace(like, id=target.id, axes=axes))
        return cells

    def target(self, cell: Cell) -> Target:
        """Where a cell is."""
        if cell.id not in self._targets:
            from envcheck.predict import targets

            found = targets.of_cell(
                cell, self.settings.images, today=self.today, examined=self._examined
            )
            self._targets[cell.id] = found
        return self._targets[cell.id]

    def session(self, index: Index) -> IndexSession:
        """A session with the indexes of a cell."""
        from envcheck.index.session import IndexSession

        session = IndexSession(
            config.cache_dir(),
            index,
            self.settings.index,
            offline=bool(self._said("offline")),
            replayed=self._replayed,
        )
        self.sessions.append(session)
        return session

    def predict(self, plan: Plan, day: str = "") -> Run:
        """The plan predicted, as of a day if one is given."""
        from envcheck.matrix import predictions

        if day:
            from msgspec.structs import replace

            _check(day)
            cells = [
                replace(cell, index=replace(cell.index, exclude_newer=day)) for cell in plan.cells
            ]
            plan = replace(plan, cells=cells)
        locked = self.asked if self.asked is not None and self.asked.locked else None
        deep = bool(self._said("deep"))
        unjudged = input_plan.unjudged(self.asked)
        means = predictions.Means(self.session, self.target, deep, locked, unjudged)
        return predictions.predict(plan, means)

    def close(self) -> None:
        """Give up what indexes are still asked for."""
        for session in self.sessions:
            session.close()

    def _said(self, option: str) -> Any:
        """An option that not all commands have."""
        return getattr(self.arguments, option, None)

    def finish(self) -> None:
        """Write the recording that was asked for; say what the answer rests on."""
        if self.arguments.record:
            self._record()
        arguments = self.arguments
        named = [*getattr(arguments, "what", []), *filter(None, [arguments.replay])]
        if any(looked_into.is_place(word) for word in getattr(arguments, "target", ())):
            return  # it may be another one the next time
        if self.settings.images:
            return  # so may an image
        if any(os.path.isdir(word) for word in named):
            return  # a project: all its files would have to be looked at
        files = {os.path.abspath(word) for word in named}  # there or not
        files |= set(config.project_files(config.working_directory()))
        for session in self.sessions:
            files |= session.consulted
        until = min((session.until for session in self.sessions), default=0.0)
        tomorrow = dt.datetime.combine(self.today, dt.time(), dt.timezone.utc) + dt.timedelta(1)
        arguments.basis = Basis(min(until, tomorrow.timestamp()), sorted(files))  # as of a day

    def _record(self) -> None:
        from envcheck.index import recording

        together = recording.Recording(
            recorded=dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        )
        for session in self.sessions:
            together.listings |= session.recording.listings
            together.wheels |= session.recording.wheels
            together.sdists |= session.recording.sdists
            together.answers |= session.recording.answers
        recording.write(together, self.arguments.record)


def _check(day: str) -> None:
    try:
        good = dt.date.fromisoformat(day).isoformat() == day  # the text is compared with others
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"`{printable(day)}` is no day", hint="as 2026-04-01") from None
