"""Plain text, for pipes and logs: no colour, aligned, wrapped at the width that is given."""

from __future__ import annotations

from envcheck.report.outline import Line, outline
from envcheck.report.printable import ascii_only, no_command, wrap
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envcheck.model.finding import Report
    from envcheck.report.base import Options

MARKS = {"pass": "✓", "error": "✗", "warning": "!", "note": "i", "unknown": "?", "skip": "-"}
LABELS = 13  # columns of a family's name
NARROW = 60  # below this, names and heads are not aligned


def render(report: Report, options: Options) -> str:
    """The outline as lines; empty if ``verbose`` asks for nothing."""
    return render_lines(outline(report, options.verbose), options)


def render_lines(entries: Iterable[Line], options: Options) -> str:
    """These lines of an outline."""
    lines: list[str] = []
    for entry in entries:
        lines += (no_command(text) for text in layout(entry, options.width))
    text = "\n".join(lines) + "\n" if lines else ""
    return text if options.unicode else ascii_only(text)


def layout(entry: Line, width: int, measure: Callable[[str], int] = len) -> list[str]:
    """One outline line as lines of at most ``width`` columns, as ``measure`` counts them."""
    if entry.role == "blank":
        return [""]
    first, hang = lead(entry, width)
    if entry.role in ("command", "said"):
        return [first + entry.text]
    body = wrap(entry.text, width - hang, len(first) - hang, measure)
    return [(first + body[0]).rstrip(), *(" " * hang + part for part in body[1:])]


def lead(entry: Line, width: int) -> tuple[str, int]:
    """What the first line begins with, and the indentation of those that follow."""
    narrow = width < NARROW
    indent = entry.indent // 2 if narrow else entry.indent
    if entry.role == "group":
        name = f"[{MARKS[entry.status]}] {entry.head}"
        if not narrow:
            return name.ljust(LABELS + 4), LABELS + 4
        return (f"{name}: " if entry.text else name), 4
    first = " " * indent + entry.head
    aligned = entry.role in ("target", "more", "hint") and not narrow
    return first, len(first) if aligned else indent + (2 if entry.head else 0)
