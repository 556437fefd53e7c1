"""A saved fact sheet: a file, standard input, or the sheet inside a saved report."""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from envcheck.errors import DataError
from envcheck.model.facts import SCHEMA, FactSheet
from envcheck.model.finding import SCHEMA as REPORT
from envcheck.targets.base import from_elsewhere

if TYPE_CHECKING:
    from envcheck.targets.base import AgentRequest

LIMIT = 64 << 20  # bytes; a sheet with ten thousand distributions has 8 MB


class Saved:
    """The sheet in ``path``; ``-`` is standard input. Reading it is the collection."""

    def __init__(self, path: str) -> None:
        self.path = path

    def start(self, request: AgentRequest) -> Saved:
        """Nothing to begin, and what is not in the file cannot be asked for."""
        del request
        return self

    def finish(self) -> FactSheet:
        """The sheet, what is of the wrong type in it made unknown. Raises DataError."""
        name = "standard input" if self.path == "-" else self.path
        document = sheet_in(decode(read(self.path, name), name), name)
        recorded = document.get("target")
        target = dict(recorded) if isinstance(recorded, dict) else {}
        target["facts"] = self.path
        target.setdefault("kind", "facts")
        target.setdefault("name", name)
        return from_elsewhere(FactSheet({**document, "target": target}))


def read(path: str, name: str) -> bytes:
    """At most LIMIT bytes of a regular file, a pipe or standard input. Raises DataError."""
    try:
        if path == "-":
            if sys.stdin is None:
                raise DataError("cannot read a fact sheet: standard input is closed")
            data = sys.stdin.buffer.read(LIMIT + 1)
        else:
            if stat.S_ISDIR(os.stat(path).st_mode):
                raise DataError(f"cannot read {name}: it is a directory")
            with open(path, "rb") as file:
                data = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read {name}: {reason}") from error
    if len(data) > LIMIT:
        raise DataError(f"{name} is no fact sheet: it is larger than {LIMIT >> 20} MiB")
    return data


def decode(data: bytes, name: str) -> Any:
    """The JSON document in ``data``. Raises DataError saying where it is wrong."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is no fact sheet: byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise DataError(f"{name} is no fact sheet: it is nested too deeply") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{name} is not JSON: {error.msg} ({where})") from error
    except ValueError as error:  # a number with more digits than Python converts
        raise DataError(f"{name} is no fact sheet: {error}") from error


def sheet_in(document: Any, name: str) -> dict[str, Any]:
    """The fact sheet that ``document`` is or, as a report, contains. Raises DataError."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or "/" not in schema:
        raise DataError(
            f"{name} is no fact sheet: it does not begin with a schema",
            hint="`envcheck facts > FILE` writes one",
        )
    family, _, major = schema.partition("/")
    wanted, _, known = SCHEMA.partition("/")
    if family == wanted and schema != SCHEMA:
        raise DataError(
            f"{name} is of version {major} of the fact sheet; this envcheck reads version {known}",
            hint="use the envcheck that wrote it, or a newer one",
        )
    if family == wanted:
        return dict(document)
    for key in ("sheet", "facts"):
        inside = document.get(key)
        if isinstance(inside, dict) and isinstance(inside.get("schema"), str):
            return sheet_in(inside, name)
    if schema == REPORT and isinstance(document.get("facts"), dict):
        kept = {key: document[key] for key in ("agent", "target", "facts") if key in document}
        return {"schema": SCHEMA, "probes": {}, **kept}
    raise DataError(
        f"{name} is no fact sheet but a document of the schema {schema!r}",
        hint="a report has the facts in it if it was written with `-vv`"
        if family == "envcheck.report"
        else "",
    )


def target(value: str, _python: str = "") -> Saved:
    """The sheet in the file ``value``."""
    return Saved(value)
