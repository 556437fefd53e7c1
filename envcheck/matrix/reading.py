"""From TOML to a matrix as written: every problem at once, each with its place."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from envcheck.errors import DataError
from envcheck.matrix.meaning import problems_of
from envcheck.model import matrix as model
from envcheck.model.matrix import SCHEMA, MatrixDocument
from envcheck.tomlfile import Places, printable
from envcheck.tomltable import Tables, fields_of, place_of, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envcheck.tomlfile import Source

S = TypeVar("S", bound=msgspec.Struct)
HINT = "`envcheck matrix schema` has the rules; the shipped ones in matrices/ are examples"
_WORD = "no name: letters, digits, `.`, `_`, `+` and `-`, at most 64"
_SIZE = "no size such as 512M or 4G"
FORMS = {
    **dict.fromkeys(("python", "os", "architecture", "installer", "extras"), _WORD),
    **dict.fromkeys(("memory", "disk", "scratch", "log"), _SIZE),
}
#: the tables that are one struct each
TABLES: dict[str, type[msgspec.Struct]] = {
    "test": model.Subject,
    "axes": model.Axes,
    "index": model.Index,
    "steps": model.Steps,
    "limits": model.Limits,
}


def read(source: Source, folder: str) -> MatrixDocument:
    """The matrix in ``source``; ``folder`` is where its paths begin. Raises DataError."""
    schema = source.data.get("schema", SCHEMA)
    if isinstance(schema, str) and schema != SCHEMA and schema.startswith("envcheck.matrix/"):
        raise DataError(
            f"{source.path} is written for another envcheck: {printable(schema)}, not {SCHEMA}",
            hint="use the envcheck that it was written for, or a newer one",
        )
    reader = Reader(source)
    document = reader.read(source.data)
    if document is not None:
        for path, what in problems_of(document, folder):
            reader.problem(path, what)
    if document is None or reader.tables.problems:
        refuse(source.path, "matrix", reader.tables.problems, HINT)
    return document


class Reader:
    """Reads one matrix file."""

    def __init__(self, source: Source) -> None:
        self.places = Places(source.text)
        self.tables = Tables(FORMS)

    def read(self, data: Mapping[str, Any]) -> MatrixDocument | None:
        """The matrix of what is right, or None; and ``tables.problems``."""
        ready: dict[str, Any] = {}
        broken: set[str] = set()
        others = {"variants": self._variants, "include": self._cells, "exclude": self._cells}
        for name, value in data.items():
            if name in TABLES:
                ready[name] = self._table(TABLES[name], value, name)
            elif name in others:
                ready[name] = others[name](value, name)
            if name in ready and ready[name] is None:
                broken.add(name)
                del ready[name]
        rest = {name: value for name, value in data.items() if name not in {*ready, *broken}}
        return self.tables.struct(
            MatrixDocument, rest, "", self.line, elsewhere=broken, ready=ready
        )

    def problem(self, path: tuple[str | int, ...], what: str) -> None:
        """Something is wrong with the key at ``path``; a number is one of an array of tables."""
        names = [name for name in path if isinstance(name, str)]
        if len(path) > 1 and isinstance(path[1], int):
            line, where = self._entry(names[0], path[1])
            key = names[1] if len(names) > 1 else ""
            if key and line in self.places.headers(names[0]):
                line = self.places.key(line, key)
        else:
            where = f"[{'.'.join(names[:-1])}]" if len(names) > 1 else ""
            line, key = self.line(*names), names[-1]
        self.tables.problem(line, place_of(where, printable(key)), what)

    def line(self, *path: str) -> int:
        """The line of a key or table: its own if it can be found, else the nearest above it."""
        path = tuple(name for name in path if name)
        if path and (tables := self.places.below(*path)):
            return tables[0]
        for inside in range(len(path), -1, -1):
            headers = self.places.headers(*path[:inside]) if inside else [0]
            if not headers:
                continue
            for end in range(len(path), inside, -1):
                line = self.places.key(headers[0], *path[inside:end])
                if line != max(headers[0], 1):
                    return line
            if inside:
                return headers[0]
        return 1

    def _table(self, struct: type[S], value: object, *path: str) -> S | None:
        """The table at ``path`` as a struct, the tables in it likewise."""
        dotted = ".".join(path)
        if not isinstance(value, dict):
            self.tables.problem(self.line(*path), f"`{dotted}`", f"no table: write `[{dotted}]`")
            return None
        value = self._prepared(value, path)
        ready: dict[str, Any] = {}
        fields = fields_of(struct)
        for name in [name for name in value if name in fields]:
            kind = fields[name].type
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                inner = self._table(kind, value.pop(name), *path, name)
                if inner is not None:
                    ready[name] = inner
        where = f"[{dotted}]"
        return self.tables.struct(
            struct, value, where, lambda key: self.line(*path, key), ready=ready
        )

    def _prepared(self, table: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        """A copy, with what people write and TOML understands differently."""
        table = dict(table)
        python = table.get("python")
        if path == ("axes",) and isinstance(python, list):
            numbers = [word for word in python if isinstance(word, (int, float))]
            if numbers:
                self.problem(
                    ("axes", "python"),
                    f'write versions as strings, such as "{numbers[0]}": as a number, 3.10 is 3.1',
                )
                table["python"] = [str(word) for word in python]
        if isinstance(day := table.get("exclude-newer"), dt.date):
            table["exclude-newer"] = day.isoformat()
        return table

    def _variants(self, value: object, name: str) -> dict[str, dict[str, Any]] | None:
        axes: dict[str, dict[str, Any]] = {}
        if not isinstance(value, dict):
            self.tables.problem(
                self.line(name), f"`{name}`", "no table: write `[variants.AXIS.VALUE]`"
            )
            return None
        for axis, choices in value.items():
            if not isinstance(choices, dict) or not choices:
                self.problem((name, axis), "no table of values: write `[variants.AXIS.VALUE]`")
                continue
            axes[axis] = {}
            for word, variant in choices.items():
                read = self._table(model.Variant, variant, name, axis, word)
                if read is not None:
                    axes[axis][word] = read
        return axes

    def _cells(self, value: object, name: str) -> list[dict[str, str]] | None:
        """``[[include]]`` and ``[[exclude]]``."""
        if not isinstance(value, list):
            self.tables.problem(
                self.line(name), f"`{name}`", f"no array of tables: write `[[{name}]]`"
            )
            return None
        return list(self._entries(value, name))

    def _entries(self, value: list[Any], name: str) -> Iterator[dict[str, str]]:
        for number, entry in enumerate(value):
            if not isinstance(entry, dict):
                line, where = self._entry(name, number)
                self.tables.problem(line, where, "no table")
                entry = {}
            for key, word in entry.items():
                if not isinstance(word, str):
                    quoted = printable(f'write it as a string: "{word}"')
                    self.problem((name, number, key), quoted)
            yield {key: str(word) for key, word in entry.items()}

    def _entry(self, name: str, number: int) -> tuple[int, str]:
        """The line of one table of an array, and how messages call it."""
        headers = self.places.headers(name)
        line = headers[number] if number < len(headers) else self.line(name)
        return line, f"[[{name}]] number {number + 1}"
