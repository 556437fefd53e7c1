"""The one place where text of unknown origin becomes safe to show.

A distribution's name, a driver's string or a path may hold escape sequences, bidirectional
overrides, lone surrogates or workflow commands. They are shown escaped, never obeyed. Each format
adds its own quoting on top of `line` or `block`.
"""

from __future__ import annotations

from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ASCII = {
    "✓": "+", "✗": "x", "•": "*", "…": "...", "–": "-", "—": "-", "→": "->", "≥": ">=", "≤": "<=",
    "×": "x", "·": ".", "“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ",
}  # fmt: skip


def line(text: object) -> str:
    """``text`` on one line: white space becomes a blank, what cannot be seen is escaped.

    A log that a CI runner reads obeys ``::command::`` at the start of a line and ``##[command]``
    anywhere: both are broken up.
    """
    text = text if isinstance(text, str) else str(text)
    if not text.isprintable():
        text = "".join(map(_shown, text))
    if "##[" in text or "##v" in text:
        text = text.replace("##[", "## [").replace("##v", "## v")
    return text


def block(text: object) -> list[str]:
    """``text`` as its lines, each safe; blank lines at the ends are dropped."""
    text = text if isinstance(text, str) else str(text)
    lines = [line(part).rstrip() for part in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return lines


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    return character.encode("unicode_escape").decode("ascii")


def ascii_only(text: str) -> str:
    """``text`` for a stream that shows ASCII only; unlike ``line`` it keeps line ends."""
    if text.isascii():
        return text
    text = text.translate({ord(key): value for key, value in _ASCII.items()})
    return text.encode("ascii", "backslashreplace").decode("ascii")


def no_command(text: str) -> str:
    """A finished output line that no CI runner takes for a workflow command."""
    return text.replace("::", ": :", 1) if text.lstrip().startswith("::") else text


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters, the end cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def wrap(text: str, width: int, first: int = 0, measure: Callable[[str], int] = len) -> list[str]:
    """``text`` broken at blanks into lines of at most ``width`` columns.

    ``first`` columns of the first line are already taken. Words that are too long are broken after
    a ``/`` or ``,`` if they have one in the right place. (``textwrap`` costs 1 ms to import.)
    """
    width = max(width, 10)
    lines: list[str] = []
    current, used, room = "", 0, width - first
    words = text.split()[::-1]
    while words:
        word = words.pop()
        length = measure(word)
        if used + bool(current) + length <= room:
            current += f" {word}" if current else word
            used = measure(current) if length != len(word) else len(current)
            continue
        if current or room < width:
            lines.append(current)
        else:
            cut = _break(word, width * len(word) // length)
            lines.append(word[:cut])
            word = word[cut:]
        words.append(word)
        current, used, room = "", 0, width
    return [*lines, current] if current or not lines else lines


def _break(word: str, width: int) -> int:
    width = max(width, 1)
    cut = max(word.rfind(mark, 1, width) for mark in "/,-=") + 1
    return cut if cut > width // 3 else width


def code_span(text: str) -> str:
    """Inline code for Markdown that nothing inside can end."""
    text = line(text).strip()
    if not text:
        return ""
    longest, run = 0, 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    if not longest:
        return f"`{text}`"
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"


_MARKDOWN = {
    ord(character): f"\\{character}" for character in "\\`*_{}[]|~#$"
} | {ord("<"): "&lt;", ord(">"): "&gt;", ord("&"): "&amp;", ord("@"): "@<!-- -->"}  # fmt: skip


def markdown(text: object) -> str:
    """One line of Markdown text: no markup, HTML, link or mention of ``text`` is live."""
    return line(text).translate(_MARKDOWN).replace("://", ":<!-- -->//")


def fence(lines: list[str], language: str = "") -> list[str]:
    """A fenced block of Markdown that none of ``lines`` can end."""
    longest = max((len(part) - len(part.lstrip("`")) for part in map(str.lstrip, lines)), default=0)
    marks = "`" * max(3, longest + 1)
    return [marks + language, *lines, marks]
