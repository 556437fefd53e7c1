"""Reporters of a matrix run: pure functions from a Run to text. One: a module, a line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from envcheck.model.cell import Run
    from envcheck.model.freshness import Freshness
    from envcheck.model.reference import Answers

#: name -> (module, summary, suffix of files)
REPORTERS: dict[str, tuple[str, str, str]] = {
    "text": ("matrix_text", "an aligned table, the reasons below it", ".txt"),
    "markdown": ("matrix_markdown", "a table for a repository or a pull request", ".md"),
    "json": ("matrix_json", "the run with everything that was observed, envcheck.run/1", ".json"),
    "html": ("matrix_html", "one page that works offline: sortable, with plots", ".html"),
    "csv": ("matrix_csv", "one line a cell: seconds and bytes as numbers", ".csv"),
    "junit": ("matrix_junit", "JUnit XML, one test case for each cell", ".xml"),
    "sarif": ("matrix_sarif", "SARIF 2.1.0, one result for each cell that fails", ".sarif"),
}


class View(NamedTuple):
    """How to render. ``manifest``: the file, relative to the repository, that SARIF points at.

    ``brief``: text without what hardly changes from run to run: the meaning of the columns.
    ``answers``: what the run says to a published table; a section of text, Markdown and HTML.
    ``freshness`` is worked out by who has a clock; without it a table says only when it was tested.
    """

    width: int = 100
    colour: bool = False
    unicode: bool = True
    verbose: int = 0
    brief: bool = False
    freshness: Freshness | None = None
    manifest: str = ""
    answers: Answers | None = None


class MatrixReporter(Protocol):
    """A module with ``render``; called after redaction, never reads anything else."""

    def render(self, run: Run, view: View) -> str:
        """The document, ending in a newline."""


def load(name: str) -> MatrixReporter:
    """The reporter called ``name`` (a key of REPORTERS)."""
    reporter: MatrixReporter = import_module(f"envcheck.report.{REPORTERS[name][0]}")
    return reporter
