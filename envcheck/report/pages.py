"""A page of documentation for people: headings, wrapped paragraphs, lists and code as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report.printable import ascii_only, line, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envcheck.report.base import Options

WIDTH = 88  # longer lines are hard to read
_BULLETS = ("- ", "* ")


def render(sections: Sequence[tuple[str, str]], options: Options) -> str:
    """``sections`` are (heading, Markdown text); the first heading is the title."""
    bold, plain = ("\x1b[1m", "\x1b[0m") if options.colour else ("", "")
    lines: list[str] = []
    for heading, text in sections:
        if lines:
            lines.append("")
        lines.append(f"{bold}{line(heading)}{plain}")
        lines += (f"  {part}".rstrip() for part in _body(text, min(options.width, WIDTH) - 2))
    written = "\n".join(lines) + "\n"
    return written if options.unicode else ascii_only(written)


def _body(text: str, width: int) -> Iterator[str]:
    """Paragraphs joined and wrapped; items hang; indented and fenced lines stay as they are."""
    paragraph: list[str] = []
    fenced = False
    for raw in text.strip("\n").split("\n"):
        entry = line(raw.rstrip())
        if entry.lstrip().startswith("```"):
            yield from _wrapped(paragraph, width)
            paragraph, fenced = [], not fenced
            continue
        literal = fenced or (entry.startswith("    ") and not paragraph)
        if literal or not entry.strip() or entry.lstrip().startswith(_BULLETS):
            yield from _wrapped(paragraph, width)
            paragraph = []
        if literal:
            yield entry if entry.startswith("    ") else f"    {entry}".rstrip()
        elif entry.strip():
            paragraph.append(entry)
        else:
            yield ""
    yield from _wrapped(paragraph, width)


def _wrapped(paragraph: list[str], width: int) -> Iterator[str]:
    if not paragraph:
        return
    first = paragraph[0]
    bullet = "- " if first.lstrip().startswith(_BULLETS) else ""
    words = " ".join(part.strip() for part in paragraph)
    body = wrap(words[len(bullet) :], width - len(bullet))
    yield bullet + body[0]
    yield from (" " * len(bullet) + part for part in body[1:])
