"""``[tool.envcheck]`` of a project's ``pyproject.toml``, as settings."""

from __future__ import annotations

import os
from typing import Any

from envcheck.config import SETTINGS, interpret
from envcheck.errors import DataError, did_you_mean
from envcheck.tomlfile import Places, is_path, parse, printable

HINT = "settings of [tool.envcheck]: " + ", ".join(SETTINGS)


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
    header = next(iter(places.headers("tool", "envcheck")), 0)
    settings: dict[str, tuple[Any, str]] = {}
    problems = []
    for key, said in table.items():
        sub = places.headers("tool", "envcheck", key)
        line = sub[0] if sub else places.key(header, key)
        try:
            settings[key] = (_value(key, said, path, cwd), f"{shown}:{line}")
        except ValueError as error:
            problems.append((line, f"{shown}:{line}: key `{printable(key)}`: {error}"))
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        context = tuple(text for _, text in sorted(problems))
        raise DataError(f"{shown}: [tool.envcheck] has {count}", context=context, hint=HINT)
    return settings


def _value(key: str, said: object, path: str, cwd: str) -> Any:
    """A setting's value with its paths as seen from ``cwd``. Raises ValueError."""
    if key not in SETTINGS:
        raise ValueError(f"not known{did_you_mean(key, SETTINGS)}")
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
    if key == "report":
        return tuple(_report(word, folder, cwd) for word in value)
    return value


def _report(word: str, folder: str, cwd: str) -> str:
    """A report's FORMAT[:PATH]. A project may write below itself only: it may be a stranger's."""
    form, separator, target = word.partition(":")
    if not separator or target == "-":
        return word
    root = os.path.realpath(folder)
    inside = os.path.realpath(os.path.join(folder, target))
    if os.path.isabs(target) or os.path.commonpath((inside, root)) != root:
        raise ValueError(
            f"`{printable(target)}` is outside of the project; name it on the command line"
        )
    return f"{form}:{_seen_from(cwd, folder, target)}"


def _seen_from(cwd: str, folder: str, path: str) -> str:
    relative = os.path.relpath(os.path.join(folder, path), cwd)
    return relative if is_path(relative) else os.path.join(os.curdir, relative)
