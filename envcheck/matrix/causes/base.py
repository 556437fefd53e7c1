"""What is known of a step that did not end well, and the answer to why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.matrix.observed import target_of
from envcheck.predict.projects import of_releases
from envcheck.report.printable import line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from envcheck.model.cell import Status, StepResult
    from envcheck.model.matrix import Cell
    from envcheck.model.target import Target
    from envcheck.predict.projects import Project

#: Causes that another attempt may mend: they are no property of the package.
TRANSIENT = frozenset({"download", "infrastructure"})

_ERRORS = frozenset({"download", "infrastructure", "unavailable", "interrupted"})
MOST_LINES, MOST_WIDTH = 6, 240


class Verdict(NamedTuple):
    """Why. ``cause``: a key of CAUSES; ``evidence``: lines of the log, or what else says so."""

    cause: str
    sentence: str
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    warning: bool = False

    @property
    def status(self) -> Status:
        """``error`` where it is not the package's fault."""
        if self.cause in _ERRORS:
            return "error"
        return "warn" if self.warning else "fail"


class Failure(NamedTuple):
    """A step that did not end well.

    ``log`` may be written by a hostile package; ``error`` is from the answer that it cannot forge
    (``type``, ``message``, ``module``: of an exception; it has chosen the texts in it, though).
    ``faults``: what the gateway had to report for this cell (objects with ``kind``, ``sentence``).
    """

    cell: Cell
    step: StepResult
    log: str = ""
    installer: str = ""
    python: str = ""
    libc: str = ""
    distribution: str = ""
    architecture: str = "x86_64"
    faults: Sequence[Any] = ()
    releases: Callable[[str], Sequence[Any] | None] | None = None
    error: Mapping[str, Any] = {}
    isolated: bool = True

    @property
    def target(self) -> Target:
        """The interpreter, as wheels see it."""
        return target_of(
            self.cell, python=self.python, libc=self.libc, architecture=self.architecture
        )

    def project(self, name: str) -> Project | None:
        """What the index has of ``name``; None: it could not be asked."""
        if self.releases is None:
            return None
        try:
            found = self.releases(name)
        except Exception:
            return None
        return of_releases(name, found)


def evidence(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines to be shown: each once, short, safe, a few of them."""
    shown = dict.fromkeys(line(text).strip()[:MOST_WIDTH] for text in lines)
    return tuple(text for text in shown if text)[:MOST_LINES]
