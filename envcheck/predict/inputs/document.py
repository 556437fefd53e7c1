"""A lockfile or project file as data of known types; what is wrong is said with its line."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, TypeVar

import msgspec

from envcheck.errors import DataError
from envcheck.tomlfile import Places, parse, printable, read

LIMIT = 32 << 20  # bytes; locks of a thousand packages have some 4 MB
S = TypeVar("S", bound=msgspec.Struct)

_STEP = re.compile(r"\.?([^.\[\]`]+)|\[(\d+|\.\.\.)\]")


class Document(NamedTuple):
    """A file that was read. ``shown``: how messages call it."""

    path: str
    shown: str
    text: str
    data: dict[str, Any]

    def convert(self, type_: type[S]) -> S:
        """All of it as a struct. Raises DataError with place and remedy."""
        try:
            return msgspec.convert(self.data, type_, strict=True)
        except (msgspec.ValidationError, RecursionError) as error:
            message, _, path = str(error).partition(" - at ")
            self.refuse(f"{_where(path)}{_plain(message)}", line=self._line(path))

    def refuse(self, what: str, *, line: int = 0, hint: str = "") -> NoReturn:
        """Raise DataError: the file cannot be used."""
        place = f"{self.shown}:{line}" if line else self.shown
        raise DataError(
            f"{self.shown} cannot be used",
            context=(f"{place}: {what}",),
            hint=hint or "make it anew with the tool that wrote it",
        )

    def header(self, number: int, *name: str) -> int:
        """The line of the ``number``-th table called ``name``, counted from 0; 0 if unknown."""
        lines = _places(self.text).headers(*name) if self.text else []
        return lines[number] if number < len(lines) else 0

    def key(self, *name: str) -> int:
        """The line of a key, of its table if it has none of its own, 0 if it is not known."""
        places = _places(self.text) if self.text else None
        for length in range(len(name), 0, -1):
            if places and (lines := places.headers(*name[:length])):
                rest = name[length:]
                return places.key(lines[0], *rest) if rest else lines[0]
        return places.key(0, *name) if places else 0

    def _line(self, path: str) -> int:
        """The line of what msgspec calls ``$.package[3].name``."""
        steps = [(a, b) for a, b in _STEP.findall(path.strip("`").removeprefix("$"))]
        if not steps or not self.text:
            return 0
        name = steps[0][0]
        if len(steps) > 1 and steps[1][1].isdigit():
            return self.header(int(steps[1][1]), name)
        names = [word for word, _ in steps if word and word != "..."]
        return self.key(*names) if names else 0


@lru_cache(maxsize=2)
def _places(text: str) -> Places:
    return Places(text)


def read_toml(path: str, shown: str) -> Document:
    """A TOML file. Raises DataError with line and column."""
    source = parse(read(path, shown, LIMIT), shown)
    return Document(path, source.path, source.text, source.data)


def read_json(path: str, shown: str) -> Document:
    """A JSON file with an object in it. Raises DataError with line and column."""
    content = read(path, shown, LIMIT)
    shown = printable(shown)
    try:
        data = json.loads(content)
    except RecursionError as error:
        raise DataError(f"{shown} is not JSON that can be read: nested too deeply") from error
    except json.JSONDecodeError as error:
        place = f"{shown}:{error.lineno}:{error.colno}: {error.msg}"
        raise DataError(f"{shown} is not JSON", context=(place,)) from error
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        raise DataError(f"{shown} is not JSON", context=(printable(str(error)),)) from error
    if not isinstance(data, dict):
        raise DataError(f"{shown} is JSON, but no object")
    return Document(path, shown, "", data)


def _where(path: str) -> str:
    path = path.strip("`").removeprefix("$").lstrip(".")
    return f"`{printable(path)}`: " if path else ""


def _plain(message: str) -> str:
    message = message[:1].lower() + message[1:]
    for word, plain in (("`object`", "table"), ("`array`", "list"), ("`str`", "string")):
        message = message.replace(word, plain)
    return printable(message.replace("`", ""))
