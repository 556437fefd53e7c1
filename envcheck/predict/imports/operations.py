"""Operations on known values: the few that code needs to find a library, each of bounded size.

``NO`` stands for an operation that is not done here; callers make UNKNOWN of it.
"""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from envcheck.predict.imports.values import LONGEST, UNKNOWN, Native, bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.predict.imports.values import Value

_WIDE = re.compile(
    r"%[^a-zA-Z%]*(\d{4,}|\*)|\{[^}]*(\d{4,}|\{)"
)  # that makes a long text of little
_TEXT = frozenset(
    [
        "startswith",
        "endswith",
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "split",
        "rsplit",
        "splitlines",
        "partition",
        "rpartition",
        "find",
        "rfind",
        "index",
        "count",
        "isdigit",
        "isalpha",
        "title",
        "capitalize",
        "casefold",
        "removeprefix",
        "removesuffix",
        "encode",
        "isidentifier",
        "isalnum",
    ]
)
_PATH = frozenset(
    [
        "joinpath",
        "with_name",
        "with_suffix",
        "is_absolute",
        "as_posix",
        "relative_to",
        "match",
        "is_relative_to",
    ]
)
_PATH_PROPERTIES = frozenset(
    ["parent", "name", "stem", "suffix", "suffixes", "parts", "parents", "root", "anchor"]
)
_LISTS = frozenset(
    [
        "append",
        "extend",
        "insert",
        "pop",
        "remove",
        "reverse",
        "sort",
        "index",
        "count",
        "copy",
        "clear",
    ]
)
_DICTS = frozenset(
    ["get", "items", "keys", "values", "pop", "setdefault", "update", "copy", "clear"]
)
_SETS = frozenset(["add", "discard", "update", "union", "copy", "clear"])


#: Methods that change what they belong to.
CHANGING = frozenset(
    [
        "append",
        "extend",
        "insert",
        "pop",
        "remove",
        "reverse",
        "sort",
        "clear",
        "setdefault",
        "update",
        "add",
        "discard",
    ]
)


def known(value: Value) -> bool:
    """Whether all of a value is known, what it contains included."""
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(known, value))
    if isinstance(value, dict):
        return all(map(known, value)) and all(map(known, value.values()))
    return value is not UNKNOWN


def spoil(value: Value) -> Value:
    """Make it known that a container may have been changed."""
    if isinstance(value, list):
        value.append(UNKNOWN)
    elif isinstance(value, dict):
        value[UNKNOWN] = UNKNOWN
    elif isinstance(value, set):
        value.add(UNKNOWN)
    return UNKNOWN


def binary(operator: ast.operator, left: Value, right: Value) -> Value:
    """``left operator right``; UNKNOWN if it is not done here."""
    if isinstance(operator, ast.Div) and isinstance(left, PurePosixPath):
        return left / right if isinstance(right, str | PurePosixPath) else UNKNOWN
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if isinstance(operator, ast.Mod) and isinstance(left, str):
        values = right if isinstance(right, tuple) else (right,)
        return formatted(left, lambda: left % right, values)
    if isinstance(operator, ast.Add):
        for kind in (str, bytes, list, tuple):
            if isinstance(left, kind) and isinstance(right, kind):
                return bounded(left + right)  # type: ignore[operator]
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _number(operator, left, right)
    if isinstance(operator, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return left | right
    return UNKNOWN


def _number(operator: ast.operator, left: float, right: float) -> Value:
    if isinstance(operator, ast.LShift):
        both = isinstance(left, int) and isinstance(right, int) and 0 <= right < 1024
        return bounded(left << right) if both else UNKNOWN  # type: ignore[operator]
    if isinstance(operator, ast.Pow):
        return bounded(left**right) if left == 2 and 0 <= right < 1024 else UNKNOWN
    done: dict[type, Callable[[Any, Any], Any]] = {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
        ast.Div: lambda a, b: a / b,
        ast.FloorDiv: lambda a, b: a // b,
        ast.Mod: lambda a, b: a % b,
        ast.BitAnd: lambda a, b: a & b,
        ast.BitOr: lambda a, b: a | b,
        ast.BitXor: lambda a, b: a ^ b,
        ast.RShift: lambda a, b: a >> b,
    }
    function = done.get(type(operator))
    return bounded(function(left, right)) if function else UNKNOWN


def compare(operator: ast.cmpop, left: Value, right: Value) -> bool | None:
    """A comparison; None if it cannot be told."""
    if isinstance(operator, ast.Is | ast.IsNot):
        if left is UNKNOWN or right is UNKNOWN:
            return None
        same = left is right
        if not same and not (left is None or right is None or isinstance(left, bool)):
            return None
        return same == isinstance(operator, ast.Is)
    if isinstance(operator, ast.In | ast.NotIn):
        if isinstance(right, Environment):
            found = right.has(left)
        elif not isinstance(right, str | list | tuple | dict | set) or left is UNKNOWN:
            return None
        elif left in right:
            found = True
        elif known(right):
            found = False
        else:
            return None
        return None if found is None else found == isinstance(operator, ast.In)
    if not (known(left) and known(right)):
        return None
    done: dict[type, Callable[[Any, Any], bool]] = {
        ast.Eq: lambda a, b: a == b,
        ast.NotEq: lambda a, b: a != b,
        ast.Lt: lambda a, b: a < b,
        ast.LtE: lambda a, b: a <= b,
        ast.Gt: lambda a, b: a > b,
        ast.GtE: lambda a, b: a >= b,
    }
    return bool(done[type(operator)](left, right))


def subscript(value: Value, key: Value) -> Value:
    """``value[key]``; UNKNOWN for a key that is not there."""
    if isinstance(value, str | bytes | list | tuple | dict):
        parts = [key.start, key.stop, key.step] if isinstance(key, slice) else [key]
        if not known(parts):
            return UNKNOWN
        return value[key]
    return UNKNOWN


def attribute(value: Value, name: str) -> Value:
    """An attribute of a constant, container or path: a method of those that are safe."""
    if isinstance(value, PurePosixPath):
        if name in _PATH_PROPERTIES:
            return list(value.parents) if name == "parents" else getattr(value, name)
        return _method(value, name) if name in _PATH else UNKNOWN
    if isinstance(value, str):
        if name == "join":
            return Native("join", lambda given, _: _join(value, *given))
        if name == "format":
            return Native("format", lambda given, named: _format(value, given, named))
        if name == "replace":
            return Native("replace", lambda given, _: _replace(value, given))
        return _method(value, name) if name in _TEXT else UNKNOWN
    if isinstance(value, bytes):
        return _method(value, name) if name in ("decode", *_TEXT) else UNKNOWN
    if isinstance(value, list):
        return _method(value, name) if name in _LISTS else UNKNOWN
    if isinstance(value, dict):
        return _method(value, name) if name in _DICTS else UNKNOWN
    if isinstance(value, set):
        return _method(value, name) if name in _SETS else UNKNOWN
    if isinstance(value, tuple):
        return _method(value, name) if name in ("index", "count") else UNKNOWN
    return UNKNOWN


def _method(value: Value, name: str) -> Native:
    def call(given: list[Value], named: dict[str, Value]) -> Value:
        if isinstance(value, list | dict | set) and len(value) > LONGEST:
            return UNKNOWN
        if isinstance(value, list) and name == "extend" and not isinstance(given[0], list | tuple):
            value.append(UNKNOWN)
            return None
        if isinstance(value, str | bytes | PurePosixPath) and not known([*given, *named.values()]):
            return UNKNOWN
        found = getattr(value, name)(*given, **named)
        if isinstance(found, type({}.items()) | type({}.keys()) | type({}.values())):
            return list(found)
        return bounded(found)

    return Native(name, call)


def _join(separator: str, parts: Value) -> Value:
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        return UNKNOWN
    if sum(map(len, parts)) + len(separator) * len(parts) > LONGEST:
        return UNKNOWN
    return separator.join(parts)


def _replace(text: str, given: Sequence[Value]) -> Value:
    if len(given) != 2 or not all(isinstance(one, str) for one in given):
        return UNKNOWN
    if len(text) * (1 + len(given[1])) > 1 << 22:
        return UNKNOWN
    return bounded(text.replace(given[0], given[1]))


def _format(text: str, given: Sequence[Value], named: dict[str, Value]) -> Value:
    return formatted(text, lambda: text.format(*given, **named), [*given, *named.values()])


def formatted(text: str, make: Callable[[], str], values: Sequence[Value]) -> Value:
    """What formatting gives, if it is of known constants and cannot grow."""
    plain = all(isinstance(one, str | int | float | None | PurePosixPath) for one in values)
    if not plain or _WIDE.search(text) or len(text) * (1 + len(values)) > 1 << 22:
        return UNKNOWN
    if len(text) + text.count("{") * sum(len(str(one)) for one in values) > 1 << 22:
        return UNKNOWN
    return bounded(make())


class Environment:
    """``os.environ`` of a shell in which nothing special is set."""

    usual = ("PATH", "HOME", "PWD", "HOSTNAME", "LANG", "PYTHON_VERSION")

    def has(self, name: Value) -> bool | None:
        """Whether a variable is set; None if that cannot be told."""
        if not isinstance(name, str) or name in self.usual or name.startswith("LC_"):
            return None
        return False

    def get(self, given: list[Value], named: dict[str, Value]) -> Value:
        """``os.environ.get``, ``os.getenv``."""
        default = given[1] if len(given) > 1 else named.get("default")
        return default if given and self.has(given[0]) is False else UNKNOWN
