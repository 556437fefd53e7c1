"""Reading TOML that somebody else wrote, and saying where in it something stands."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from envcheck.errors import DataError

LIMIT = 256 << 10  # bytes; some ten times the longest profile that makes sense
KEY_PARTS = 64


class Source(NamedTuple):
    """A TOML file: its name as the user knows it, its text, and what the text says."""

    path: str
    text: str
    data: dict[str, Any]


def read(path: str, shown: str, limit: int = LIMIT) -> bytes:
    """The file's bytes. Raises DataError if it cannot be read or has more than ``limit`` bytes."""
    try:
        with open(path, "rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read {printable(shown)}: {reason}") from error
    if len(content) > limit:
        raise DataError(
            f"{printable(shown)} is larger than {limit >> 10} KiB",
            hint="a few kilobytes are usual; is this the right file?",
        )
    return content


def parse(content: bytes, shown: str) -> Source:
    """The bytes as TOML. Raises DataError with line and column."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    shown = printable(shown)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{shown} is not UTF-8",
            context=(
                f"{shown}:{line}: the byte 0x{content[error.start]:02x} has no meaning there",
            ),
            hint="TOML files are UTF-8; save it as that",
        ) from error
    if line := _endless_key(text):
        problem = f"{shown}:{line}: a key of more than {KEY_PARTS} parts"
        raise DataError(f"{shown} is not TOML that can be read", context=(problem,))
    try:
        return Source(shown, text, tomllib.loads(text))
    except RecursionError as error:
        raise DataError(f"{shown} is not TOML that can be read: nested too deeply") from error
    except ValueError as error:
        raise DataError(
            f"{shown} is not TOML", context=(_syntax(shown, text, printable(str(error))),)
        ) from error


def _endless_key(text: str) -> int:
    """The line of a key with so many dots that the parser (quadratic in them) takes minutes."""
    import re

    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > KEY_PARTS:
            bare = re.sub(r""""[^"]*"|'[^']*'""", "", line)
            if max(part.count(".") for part in re.split("[=,{]", bare)) > KEY_PARTS:
                return number
    return 0


def _syntax(shown: str, text: str, message: str) -> str:
    """``path:line:column: what is wrong``, as editors and terminals make it a link."""
    what, separator, place = message.rpartition(" (at ")
    if not separator:
        return f"{shown}: {message}"
    numbers = "".join(c if c.isdigit() else " " for c in place).split()
    if len(numbers) != 2:  # "end of document"
        numbers = [str(text.rstrip("\n").count("\n") + 1)]
        what += ", and the file ends there"
    return f"{shown}:{':'.join(numbers)}: {what}"


def printable(text: str, limit: int = 200) -> str:
    """``text`` on one line of a terminal: what would control it is escaped, what is long is cut."""
    safe = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:limit]
    )
    return safe + ("…" if len(text) > limit else "")


def is_path(reference: str) -> bool:
    """Whether a reference to a profile is a file's path and not a shipped one's name."""
    return reference.endswith(".toml") or "/" in reference or "\\" in reference


class Places:
    """Where the tables and keys of a TOML text begin; lines count from 1.

    The text has been parsed before, so strings and comments are only what they look like, and
    skipping them is enough to recognise headers and keys.
    """

    def __init__(self, text: str) -> None:
        import re

        key = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
        dotted = rf"{key}(?:[ \t]*\.[ \t]*{key})*"
        strings = (
            r'"{3}(?:[^\\]|\\.)*?"{3,5}',
            r"'{3}.*?'{3,5}",
            r'"(?:[^"\\\n]|\\.)*"',
            r"'[^'\n]*'",
        )
        header = rf"^[ \t]*\[\[?[ \t]*(?P<header>{dotted})[ \t]*\]"
        tokens = (header, rf"^[ \t]*(?P<key>{dotted})[ \t]*=", *strings, r"\#[^\n]*")
        token = re.compile("|".join(tokens), re.DOTALL | re.MULTILINE)
        part = re.compile(key)
        self._found: list[tuple[int, bool, tuple[str, ...]]] = []  # line, is a header, name
        line, position = 1, 0
        for match in token.finditer(text):
            name = match["header"] or match["key"]
            if name is None:
                continue
            start = match.start("header") if match["header"] else match.start("key")
            line += text.count("\n", position, start)
            position = start
            parts = tuple(word.strip("\"'") for word in part.findall(name))
            self._found.append((line, bool(match["header"]), parts))

    def headers(self, *name: str) -> list[int]:
        """The lines of all tables called ``name``."""
        return [line for line, is_header, found in self._found if is_header and found == name]

    def below(self, *name: str) -> list[int]:
        """The lines of all tables called ``name`` or below it: ``[a.b]`` is below ``a``."""
        return [
            line for line, header, found in self._found if header and found[: len(name)] == name
        ]

    def key(self, table: int, *name: str) -> int:
        """The line of key ``name`` in the table whose header is on line ``table`` (0: no header).

        The table's own line if the key cannot be found.
        """
        inside = table == 0
        for line, is_header, found in self._found:
            if is_header:
                if inside and table != line:
                    break
                inside = line == table
            elif inside and found[: len(name)] == name:
                return line
        return max(table, 1)
