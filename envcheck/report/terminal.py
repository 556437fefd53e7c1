"""The outline in colour, by rich, which also knows how wide a character is on the screen.

Loaded last and only for a terminal: rich costs as much CPU time as all checks together.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from envcheck.report.outline import Line, outline
from envcheck.report.printable import ascii_only, no_command
from envcheck.report.text import layout, lead

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.model.finding import Report
    from envcheck.report.base import Options

COLOURS = {
    "pass": "green", "error": "bold red", "warning": "bold yellow", "note": "bold cyan",
    "unknown": "magenta", "skip": "dim", "warn": "bold yellow", "fail": "bold red",
    "inconclusive": "bold magenta",
}  # fmt: skip
HEADS = {"target": "bold", "hint": "cyan", "more": "dim", "fact": "cyan", "said": "dim"}
BODIES = {"target": "bold", "command": "green", "more": "dim", "fact": "dim", "finding": "bold"}


def render(report: Report, options: Options) -> str:
    """The outline with styles; without ``colour`` the same without."""
    return render_lines(outline(report, options.verbose), options)


def render_lines(entries: Iterable[Line], options: Options) -> str:
    """These lines of an outline."""
    file = StringIO()
    console = Console(
        file=file,
        width=options.width,
        force_terminal=True,
        force_interactive=False,
        color_system="standard" if options.colour else None,
        no_color=not options.colour,
        legacy_windows=False,
    )
    for entry in entries:
        head = len(lead(entry, options.width)[0])
        for part in layout(entry, options.width, cell_len):
            part = no_command(part if options.unicode else ascii_only(part))
            console.print(_styled(entry, part, head), soft_wrap=True)
            head = 0
    return file.getvalue()


def _styled(entry: Line, part: str, head: int) -> Text:
    """``part`` of an entry, of which the first ``head`` characters introduce the rest."""
    colour = COLOURS.get(entry.status, "")
    marked = entry.role in ("group", "finding")
    text = Text(part, colour if entry.role == "summary" else BODIES.get(entry.role, ""))
    text.stylize(colour if marked else HEADS.get(entry.role, ""), 0, head)
    if entry.role == "group":
        text.stylize("not dim bold default", 3, head)
    return text
