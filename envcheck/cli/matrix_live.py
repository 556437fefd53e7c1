"""What is seen of a run while it runs: a live table on a terminal, plain lines elsewhere.

All on standard error: standard output is for the table of the run.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from envcheck.redact import without_secrets
from envcheck.report.printable import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from envcheck.matrix.session import Session
    from envcheck.model.cell import CellResult

_MARKS = {
    "pass": ("✓", "green"),
    "warn": ("!", "yellow"),
    "fail": ("✗", "red"),
    "error": ("E", "magenta"),
    "inconclusive": ("?", "magenta"),
    "skipped": ("-", "dim"),
}
_MANY = 16  # rows of cells that are done; older ones scroll away


def watcher(*, quiet: bool, color: str) -> Lines:
    """Who watches, fit for standard error. A context manager."""
    if quiet:
        return Lines(lambda _text: None)
    if sys.stderr.isatty() and color != "never":
        return LiveTable()
    return Lines(lambda text: print(text, file=sys.stderr, flush=True))


class Lines:
    """One line for each cell that is done, and for what is said."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def step(self, session: Session, step: str) -> None:
        """Not said: a line for each step of each cell helps nobody."""

    def done(self, result: CellResult) -> None:
        """A cell is done."""
        with self._lock:
            self.counts[result.status] = self.counts.get(result.status, 0) + 1
            self._write(shown(summary(result)))

    def say(self, text: str) -> None:
        """Anything else."""
        with self._lock:
            self._write(shown(text))


class LiveTable(Lines):
    """Cell, step, elapsed, bytes: redrawn in place."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console: Console = Console(stderr=True)
        super().__init__(self._print)
        self._rows: dict[str, tuple[Session, str, float, float]] = {}
        self._live: Live | None = None

    def __enter__(self) -> LiveTable:
        from rich.live import Live

        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            refresh_per_second=5,
            transient=True,
        )
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._live is not None:
            self._live.__exit__(*error)
            self._live = None

    def step(self, session: Session, step: str) -> None:
        """The row of its cell."""
        now = time.monotonic()
        with self._lock:
            began = self._rows.get(session.cell.id, (session, step, now, now))[2]
            self._rows[session.cell.id] = (session, step, began, now)

    def done(self, result: CellResult) -> None:
        """Its row goes, a line stays."""
        with self._lock:
            self._rows.pop(result.cell.id, None)
            self.counts[result.status] = self.counts.get(result.status, 0) + 1
        mark, style = _MARKS[result.status]
        text = shown(summary(result))
        self._console.print(f"[{style}]{mark}[/] ", end="")
        self._console.print(text, markup=False, highlight=False)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0))
        for title in ("cell", "step", "elapsed", "bytes"):
            table.add_column(title, justify="right" if title in ("elapsed", "bytes") else "left")
        now = time.monotonic()
        with self._lock:
            rows = list(self._rows.values())
        for session, step, _began, since in rows:
            table.add_row(
                Text(session.cell.id), step, f"{now - since:.0f} s", _size(session.received())
            )
        return table


def summary(result: CellResult) -> str:
    """One line: what a cell did."""
    words = [f"{result.cell.id}: {result.status}"]
    if result.version:
        words.append(result.version)
    words.append(f"{result.seconds:.1f} s")
    if result.sentence:
        words.append(result.sentence)
    return ", ".join(words)


def shown(text: str) -> str:
    """Fit for a terminal, without secrets."""
    return line(without_secrets(text))


def _size(count: int) -> str:
    if not count:
        return ""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit != "GB" else f"{value:.1f} {unit}"
