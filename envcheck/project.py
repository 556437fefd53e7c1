"""``[tool.envcheck]`` of a project's ``pyproject.toml``, as settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from envcheck.config import SETTINGS, TABLES, interpret
from envcheck.errors import DataError, did_you_mean
from envcheck.tomlfile import Places, is_path, parse, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

HINT = "settings of [tool.envcheck]: " + ", ".join(SETTINGS).replace("matrix-", "matrix.")


def read(path: str, content: bytes, cwd: str) -> dict[str, tuple[Any, str]]:
    """Setting -> (value, ``pyproject.toml:12``). Raises DataError with everything that is wrong.

    Paths in the file are relative to it; here they are made relative to ``cwd``.
    """
    shown = os.path.relpath(path, cwd)
    source = parse(content, shown)
    tool = source.data.get("tool")
    table = tool.get("envcheck") if isinstance(tool, dict) else None
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise DataError(f"{shown}: [tool.envcheck] is no table", hint=HINT)
    places = Places(source.text)
    settings: dict[str, tuple[Any, str]] = {}
    problems = []
    for names, said in _said(table):
        key = "-".join(names)
        line = _line(places, names)
        try:
            settings[key] = (_value(key, said, path, cwd), f"{shown}:{line}")
        except ValueError as error:
            problems.append((line, f"{shown}:{line}: key `{printable('.'.join(names))}`: {error}"))
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        context = tuple(text for _, text in sorted(problems))
        raise DataError(f"{shown}: [tool.envcheck] has {count}", context=context, hint=HINT)
    return settings


def _said(table: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], object]]:
    """(names of the key, what is said) for each setting, those in tables of their own too."""
    for key, said in table.items():
        if key in TABLES and isinstance(said, dict):
            for inner, value in said.items():
                yield (key, inner), value
        else:
            yield (key,), said


def _line(places: Places, names: tuple[str, ...]) -> int:
    """The line where a setting stands."""
    above = ("tool", "envcheck", *names[:-1])
    if headers := places.headers(*above, names[-1]):
        return headers[0]
    if headers := places.headers(*above):
        return places.key(headers[0], names[-1])
    return places.key(next(iter(places.headers("tool", "envcheck")), 0), *names)


def _value(key: str, said: object, path: str, cwd: str) -> Any:
    """A setting's value with its paths as seen from ``cwd``. Raises ValueError."""
    if key not in SETTINGS:
        raise ValueError(f"not known{did_you_mean(key, SETTINGS)}".replace("matrix-", "matrix."))
    folder = os.path.dirname(path)
    if key == "profile" and isinstance(said, dict):
        return (os.path.relpath(path, cwd),)  # the loader finds the table in it
    value = interpret(key, said)
    if key == "profile":
        return tuple(
            _seen_from(cwd, folder, os.path.expanduser(name)) if is_path(name) else name
            for name in value
        )
    if key == "paths":
        return tuple((label, os.path.join(folder, os.path.expanduser(p))) for label, p in value)
    if key == "matrix-store":
        return os.path.normpath(os.path.join(cwd, _inside(value, folder, cwd)))
    if key == "matrix-find-links":
        return tuple(w if "://" in w else os.path.join(folder, w) for w in value)
    if key in ("matrix-index-url", "matrix-extra-index-url"):
        return _without_password(value)
    if key == "report":
        return tuple(_report(word, folder, cwd) for word in value)
    return value


def _report(word: str, folder: str, cwd: str) -> str:
    """A report's FORMAT[:PATH]. A project may write below itself only: it may be a stranger's."""
    form, separator, target = word.partition(":")
    if not separator or target == "-":
        return word
    return f"{form}:{_inside(target, folder, cwd)}"


def _inside(target: str, folder: str, cwd: str) -> str:
    """A path below the project, as seen from ``cwd``. Raises ValueError for any other."""
    root = os.path.realpath(folder)
    inside = os.path.realpath(os.path.join(folder, target))
    if os.path.isabs(target) or os.path.commonpath((inside, root)) != root:
        raise ValueError(
            f"`{printable(target)}` is outside of the project; name it on the command line"
        )
    return _seen_from(cwd, folder, target)


def _without_password(value: Any) -> Any:
    """The addresses, if they have no credentials. Raises ValueError: projects are published."""
    for url in [value] if isinstance(value, str) else value:
        if "@" in url.partition("://")[2].partition("/")[0]:
            raise ValueError("has credentials: leave them to netrc, or to a variable")
    return value


def _seen_from(cwd: str, folder: str, path: str) -> str:
    relative = os.path.relpath(os.path.join(folder, path), cwd)
    return relative if is_path(relative) else os.path.join(os.curdir, relative)
