"""What the commands that predict share: their plan, their sessions with indexes, what to keep."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

from envcheck import config
from envcheck.cli import matrix_options
from envcheck.cli.answers import Basis

if TYPE_CHECKING:
    import argparse

    from envcheck.index.recording import Recording
    from envcheck.index.session import IndexSession
    from envcheck.matrix.settings import MatrixSettings
    from envcheck.matrix.spec import Loaded
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
        if arguments.replay:
            from envcheck.index import recording

            self._replayed = recording.read(arguments.replay)

    def plan(self) -> tuple[Loaded, Plan]:
        """The cells: those of a matrix or of the axes, or one for each target that is named."""
        loaded, planned = matrix_options.loaded_of(self.arguments)
        if self.arguments.target:
            from msgspec.structs import replace

            planned = replace(planned, cells=self._cells(planned.cells[0]))
        return loaded, planned

    def named(self) -> list[Target]:
        """The targets of ``--target``, none if none is said."""
        from envcheck.predict import targets

        words = [part for word in self.arguments.target for part in word.split(",") if part]
        return targets.parse_all(words, today=self.today) if words else []

    def here(self) -> Target:
        """The interpreter that runs envcheck."""
        from envcheck.predict import targets

        return targets.parse("here", today=self.today)

    def index(self) -> Index:
        """What the command line says of the index."""
        return matrix_options.index_of(self.arguments)

    def _cells(self, like: Cell) -> list[Cell]:
        """A cell for each word of ``--target``, which tests what ``like`` does."""
        from msgspec.structs import replace

        cells = []
        for target in self.named():
            self._targets[target.id] = target
            axes = {**like.axes, "python": target.minor, "architecture": target.architecture}
            python, _, place = target.id.partition("-")
            axes |= {"python": python, "os": place or target.system}
            cells.append(replace(like, id=target.id, axes=axes))
        return cells

    def target(self, cell: Cell) -> Target:
        """Where a cell is."""
        if cell.id not in self._targets:
            from envcheck.predict import targets

            found = targets.of_cell(cell, self.settings.images, today=self.today)
            self._targets[cell.id] = found
        return self._targets[cell.id]

    def session(self, index: Index) -> IndexSession:
        """A session with the indexes of a cell."""
        from envcheck.index.session import IndexSession

        session = IndexSession(
            config.cache_dir(),
            index,
            self.settings.index,
            offline=self.arguments.offline,
            replayed=self._replayed,
        )
        self.sessions.append(session)
        return session

    def predict(self, plan: Plan, day: str = "") -> Run:
        """The plan predicted, as of a day if one is given."""
        from envcheck.matrix import predictions

        if day:
            from msgspec.structs import replace

            cells = [
                replace(cell, index=replace(cell.index, exclude_newer=day)) for cell in plan.cells
            ]
            plan = replace(plan, cells=cells)
        means = predictions.Means(self.session, self.target, deep=self.arguments.deep)
        return predictions.predict(plan, means)

    def finish(self) -> None:
        """Write the recording that was asked for; say what the answer rests on."""
        if self.arguments.record:
            self._record()
        arguments = self.arguments
        named = [word for word in getattr(arguments, "what", []) if os.path.exists(word)]
        if any(os.path.isdir(word) for word in named):
            return  # a project: all its files would have to be looked at
        files = {
            os.path.abspath(word)
            for word in (*named, getattr(arguments, "requirements_file", ""))
            if word
        }
        files |= {os.path.abspath("pyproject.toml")}
        for session in self.sessions:
            files |= session.consulted
        until = min((session.until for session in self.sessions), default=0.0)
        far = 4e9  # JSON has no infinity
        arguments.basis = Basis(min(until, far), sorted(files))

    def _record(self) -> None:
        from envcheck.index import recording

        together = recording.Recording(
            recorded=dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        )
        for session in self.sessions:
            together.listings |= session.recording.listings
            together.wheels |= session.recording.wheels
            together.sdists |= session.recording.sdists
        recording.write(together, self.arguments.record)
