"""Reporters: pure functions from a Report to text. Adding one: one module, one line here."""

from __future__ import annotations

from importlib import import_module

from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.report.base import Reporter

#: name -> (module, summary, suffix of files)
REPORTERS: dict[str, tuple[str, str, str]] = {
    "terminal": ("terminal", "the same as text, with colour", ".ansi"),
    "text": ("text", "aligned text without colour, for pipes and logs", ".txt"),
    "json": ("json", "one object, envcheck.report/1; with -vv also all facts", ".json"),
    "markdown": ("markdown", "for bug reports: a summary, the rest folded away", ".md"),
    "junit": ("junit", "JUnit XML, one test case for each finding", ".xml"),
    "sarif": ("sarif", "SARIF 2.1.0 for code scanning, anchored to the profile's lines", ".sarif"),
    "github": ("github", "workflow commands: annotations on a pull request", ".txt"),
}


def load(name: str) -> Reporter:
    """The reporter called ``name`` (a key of REPORTERS)."""
    reporter: Reporter = import_module(f"envcheck.report.{REPORTERS[name][0]}")
    return reporter
