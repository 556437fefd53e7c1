"""What a reporter is given besides the report."""

from __future__ import annotations

from envcheck.typed import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envcheck.model.finding import Report


class Rule(NamedTuple):
    """What is known about a code without any finding: its check's title, severity and page.

    ``help`` is the page as Markdown (``envcheck explain CODE``); ``summary`` its first sentence.
    """

    title: str
    severity: str
    summary: str = ""
    help: str = ""


class Options(NamedTuple):
    """How to render. ``verbose``: 0 findings only, 1 what passed too, 2 facts as well; -1 quieter.

    ``rules`` (by code) are for formats that carry their own documentation; ``fail_on`` is the
    lowest severity that fails; ``root`` the directory that paths of anchors are made relative to;
    ``manifest`` the file that a finding without an anchor in ``root`` is about.
    """

    verbose: int = 0
    width: int = 100
    colour: bool = False
    unicode: bool = True
    rules: Mapping[str, Rule] = {}
    fail_on: str = "error"
    root: str = ""
    manifest: str = "pyproject.toml"


class Reporter(Protocol):
    """A module with ``render``; called after redaction, never reads anything else."""

    def render(self, report: Report, options: Options) -> str:
        """The document, ending in a newline."""
