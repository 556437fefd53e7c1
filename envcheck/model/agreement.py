"""Predictions held against what was observed."""

from __future__ import annotations

from typing import NamedTuple

SCHEMA = "envcheck.agreement/1"


class Compared(NamedTuple):
    """One cell. ``agrees``: None if the run did not judge it, or nothing was predicted.

    ``disk_error``: predicted less observed, as a part of what was observed; None without both.
    """

    cell: str
    predicted: str  # status and cause, as `fail (no-wheel)`
    observed: str
    agrees: bool | None
    predicted_disk: int | None = None
    observed_disk: int | None = None
    predicted_download: int | None = None
    observed_download: int | None = None
    pins: tuple[str, ...] = ()  # what is not the same: `numpy 2.4.1, predicted 2.5.0`
    why: str = ""  # the run's own sentence, where they disagree

    @property
    def disk_error(self) -> float | None:
        """See above."""
        if self.predicted_disk is None or not self.observed_disk:
            return None
        return (self.predicted_disk - self.observed_disk) / self.observed_disk


class Agreement(NamedTuple):
    """All cells of a run that were predicted."""

    predicted: str
    observed: str
    cells: tuple[Compared, ...]
    notes: tuple[str, ...] = ()

    @property
    def judged(self) -> int:
        """Cells of which it is known whether they agree."""
        return sum(cell.agrees is not None for cell in self.cells)

    @property
    def right(self) -> int:
        """Cells that agree."""
        return sum(cell.agrees is True for cell in self.cells)
