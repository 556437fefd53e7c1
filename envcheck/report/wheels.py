"""Reporters of ``envcheck wheels``: pure functions from its document to text. One: a module, a line
here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from envcheck.model.wheels import WheelsDocument

#: name -> (module, summary, suffix of files)
REPORTERS: dict[str, tuple[str, str, str]] = {
    "text": ("wheels_text", "tables that fit the terminal", ".txt"),
    "markdown": ("wheels_markdown", "for a repository or a pull request", ".md"),
    "json": ("wheels_json", "everything that is known, envcheck.wheels/1", ".json"),
    "html": ("wheels_html", "one page that works offline, with the timeline drawn", ".html"),
}


class View(NamedTuple):
    """How to render. ``verbose``: with the file that each target would take, or why there is none;
    of text and Markdown, JSON and HTML always have that.
    """

    width: int = 100
    colour: bool = False
    unicode: bool = True
    verbose: int = 0


class WheelsReporter(Protocol):
    """A module with ``render``; never reads anything else."""

    def render(self, document: WheelsDocument, view: View) -> str:
        """The document, ending in a newline."""


def load(name: str) -> WheelsReporter:
    """The reporter called ``name`` (a key of REPORTERS)."""
    reporter: WheelsReporter = import_module(f"envcheck.report.{REPORTERS[name][0]}")
    return reporter
