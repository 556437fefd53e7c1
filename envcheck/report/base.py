"""What a reporter is given besides the report."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from envcheck.model.finding import Report


class Options(NamedTuple):
    """How to render. ``verbose``: 0 findings only, 1 what passed too, 2 facts as well; -1 quieter."""

    verbose: int = 0
    width: int = 100
    colour: bool = False
    unicode: bool = True


class Reporter(Protocol):
    """A module with ``render``; called after redaction, never reads anything else."""

    def render(self, report: Report, options: Options) -> str:
        """The document, ending in a newline."""
