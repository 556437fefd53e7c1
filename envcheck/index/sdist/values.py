"""Values of a ``setup.py`` that is read and not run: what is known of them, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator, Mapping

_LONGEST = 10_000  # of texts and lists that are made
#: Functions of known values that may be called: they have no effect and take no time.
_TEXT_METHODS = frozenset(
    ("capitalize", "casefold", "count", "endswith", "find", "format", "isdigit", "join", "lower",
     "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rpartition", "rsplit",
     "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper")
)  # fmt: skip
_CONTAINER_METHODS = frozenset(["copy", "get", "index", "items", "keys", "values"])
_CHANGES = frozenset(["append", "extend", "insert", "add", "update", "setdefault"])


#: Entries among the names of a function: the names around it, and which of those it sets.
OUTER, GLOBALS = "\0outer", "\0globals"
#: … and the doubt in which they began.
DOUBT = "\0doubt"


class Unknown:
    """A value of which nothing is known. There is one: ``UNKNOWN``."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


class Dotted(NamedTuple):
    """Something that a module has: ``setuptools.Extension``. ``local``: of the sdist's own."""

    name: str
    local: bool = False

    @property
    def last(self) -> str:
        """As ``Extension``."""
        return self.name.rpartition(".")[2]


class Made(NamedTuple):
    """What a call made of which no more is known: ``Extension("a", ["a.c"])``."""

    of: str  # dotted name of what was called
    arguments: tuple[Any, ...]
    named: dict[str, Any]


class Function(NamedTuple):
    """A function of the script, with the names that it sees."""

    node: ast.FunctionDef | ast.Lambda
    names: dict[str, Any]


class Class(NamedTuple):
    """A class of the script. ``bases``: dotted names."""

    node: ast.ClassDef
    bases: tuple[str, ...]
    names: dict[str, Any]


class Bound(NamedTuple):
    """A method of a known value."""

    value: Any
    name: str


class OneOf(NamedTuple):
    """One of several values, it is not known which."""

    values: tuple[Any, ...]


class Perhaps(NamedTuple):
    """An item of a list that may be in it."""

    value: Any


class Version:
    """``sys.version_info``: some Python that is in use. ``least``: what it is at the least."""

    least = (3, 9)

    def compared(self, operator: str, other: Any) -> bool | Unknown:
        """With a tuple of numbers, as far as it is the same for every Python in use."""
        if not (isinstance(other, tuple) and all(isinstance(n, int) for n in other) and other):
            return UNKNOWN
        newer = other[:2] <= self.least  # they are newer than `other`
        never = other[:1] >= (4,)
        if not (newer or never) or (len(other) == 1 and other == (3,) and operator in ("==", "!=")):
            return UNKNOWN
        return operator in ((">", ">=", "!=") if newer else ("<", "<=", "!="))


class World(NamedTuple):
    """Where the script is thought to be. ``platform``: as ``sys.platform``. ``has``: whether a
    module can be imported there. ``sources``: texts of the sdist's own modules by dotted name.
    ``exists``: whether a path is in the sdist; None: not known.
    """

    platform: str
    has: Callable[[str], bool]
    sources: Mapping[str, str]
    exists: Callable[[str], bool | None]


class Setup(NamedTuple):
    """A call of ``setup``. ``sure``: whether it is reached; ``fallback``: because one failed."""

    arguments: dict[str, Any]
    sure: bool
    fallback: bool
    by: str  # dotted name of the function


class Raised(Exception):  # noqa: N818 - an exception of the script that is read
    """``raise``, or ``sys.exit``."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Returned(Exception):  # noqa: N818
    """``return``."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Left(Exception):  # noqa: N818
    """``break`` or ``continue``."""


class TooMuch(Exception):  # noqa: N818
    """More steps than are gone."""


def truth(value: Any) -> bool | None:
    """Whether a value is true; None: not known."""
    if isinstance(value, OneOf):
        found = {truth(each) for each in value.values}
        return found.pop() if len(found) == 1 else None
    if isinstance(value, Unknown | Bound | Dotted):
        return None
    if isinstance(value, list | set | tuple) and not isinstance(value, Made | Function | Class):
        if any(isinstance(item, Perhaps | Unknown) for item in value):
            return True if any(not isinstance(item, Perhaps | Unknown) for item in value) else None
        return bool(value)
    if isinstance(value, Made | Function | Class | Version):
        return True
    return bool(value)


def one_of(*values: Any) -> Any:
    """``OneOf`` them, as flat and as short as possible."""
    flat: list[Any] = []
    for value in values:
        for each in value.values if isinstance(value, OneOf) else (value,):
            if not any(each is other for other in flat) and len(flat) < 8:
                flat.append(each)
    return flat[0] if len(flat) == 1 else OneOf(tuple(flat))


def items(value: Any) -> list[Any] | None:
    """What an iteration over a value gives; None if that is not known."""
    if isinstance(value, Made | Function | Class | Bound | Dotted | OneOf | Perhaps):
        return None
    if isinstance(value, list | tuple | set | dict):
        return list(value)
    return None


def merged(value: Any) -> dict[str, Any] | None:
    """A dictionary, or several of which one holds, as one; None if it is not known."""
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if isinstance(key, str)}
    if not isinstance(value, OneOf) or not all(isinstance(each, dict) for each in value.values):
        return None
    keys = {key for each in value.values for key in each if isinstance(key, str)}
    return {key: one_of(*(each.get(key) for each in value.values)) for key in sorted(keys)}


def known(value: Any) -> bool:
    """Whether all of a value is known."""
    if isinstance(value, list | tuple | set) and not hasattr(value, "_fields"):
        return all(known(item) for item in value)
    if isinstance(value, dict):
        return all(known(item) for item in value.values())
    return value is None or isinstance(value, str | int | float | bytes | bool)


def binary(operator: str, left: Any, right: Any) -> Any:
    """``left operator right`` where that is known and short."""
    if operator == "Add":
        if isinstance(left, list) and isinstance(right, list):
            return (left + right)[:_LONGEST]
        if isinstance(left, list) and right is UNKNOWN:
            return [*left, Perhaps(UNKNOWN)]
        if isinstance(right, list) and left is UNKNOWN:
            return [Perhaps(UNKNOWN), *right]
        if known(left) and known(right) and type(left) is type(right):
            return (left + right)[:_LONGEST] if isinstance(left, str | tuple) else UNKNOWN
    if operator == "Mod" and isinstance(left, str) and known(right) and len(left) < _LONGEST:
        return _formatted(left, right)
    if operator == "Div" and isinstance(left, str) and isinstance(right, str):
        return f"{left.rstrip('/')}/{right}" if left not in ("", ".") else right  # a path
    return UNKNOWN


def _formatted(text: str, values: Any) -> Any:
    import re

    if re.search(r"%[^%a-zA-Z(]*[\d*]", text):  # a width, which may be a billion
        return UNKNOWN
    try:
        return (text % values)[:_LONGEST]
    except (TypeError, ValueError, KeyError):
        return UNKNOWN


def compared(operator: str, left: Any, right: Any) -> Any:
    """``left operator right`` (``==``, ``in``, ``is not`` …), three-valued."""
    if isinstance(left, Version):
        return left.compared(operator, right)
    if operator in ("is", "is not") and (left is None or right is None):
        other = right if left is None else left
        if isinstance(other, Unknown | OneOf | Dotted | Bound):
            return UNKNOWN
        return (other is None) is (operator == "is")
    if operator in ("in", "not in"):
        return _contained(operator, left, right)
    if not (known(left) and known(right)):
        return UNKNOWN
    try:
        return {
            "==": lambda: left == right, "is": lambda: left == right,
            "!=": lambda: left != right, "is not": lambda: left != right,
            "<": lambda: left < right, "<=": lambda: left <= right,
            ">": lambda: left > right, ">=": lambda: left >= right,
        }[operator]()  # fmt: skip
    except (TypeError, KeyError):
        return UNKNOWN


def _contained(operator: str, left: Any, right: Any) -> Any:
    if isinstance(right, Dotted) and right.name == "os.environ":
        return operator == "not in"
    if not (known(left) and known(right)):
        return UNKNOWN
    try:
        return (left in right) is (operator == "in")
    except TypeError:
        return UNKNOWN


def method(bound: Bound, arguments: list[Any], sure: bool) -> Any:
    """The result of calling a method of a known value. ``sure``: whether it is called at all."""
    value, name = bound
    search = name in ("remove", "index") and isinstance(value, list) and bool(arguments)
    if search and known([value, arguments]) and arguments[0] not in value:
        raise Raised("ValueError")
    if name in _CHANGES and isinstance(value, list | dict | set):
        _change(value, name, arguments, sure)
        return arguments[1] if name == "setdefault" and len(arguments) > 1 else None
    allowed = _TEXT_METHODS if isinstance(value, str) else _CONTAINER_METHODS
    if name not in allowed or not all(known(argument) for argument in arguments):
        return UNKNOWN
    if _long(value, name, arguments):
        return UNKNOWN
    try:
        result = getattr(value, name)(*arguments)
    except Exception:
        return UNKNOWN
    if isinstance(result, str) and len(result) > _LONGEST:
        return UNKNOWN
    return list(result) if name in ("items", "keys", "values") else result


def _long(value: Any, name: str, arguments: list[Any]) -> bool:
    """Whether the result could be long: a width, or a text that is put in many times."""
    if name == "format":
        return ":" in str(value)
    if name in ("join", "replace"):
        length = len(value) + 1
        for argument in arguments:
            length *= 1 + sum(len(str(each)) for each in argument or [""])
        return length > _LONGEST * 100
    return False


def _change(value: Any, name: str, arguments: list[Any], sure: bool) -> None:
    new = arguments[-1] if arguments else UNKNOWN
    if isinstance(value, dict):
        added = new if isinstance(new, dict) and name == "update" else {}
        if name == "setdefault" and len(arguments) == 2 and isinstance(arguments[0], str):
            added = {} if arguments[0] in value else {arguments[0]: new}
        for key, each in added.items():
            value[key] = each if sure or key not in value else one_of(value[key], each)
        return
    if isinstance(value, set) or len(value) > _LONGEST:
        return
    if name == "extend":
        found = items(new)
        more = [Perhaps(UNKNOWN)] if found is None else found
    else:
        more = [new]
    value.extend(each if sure or isinstance(each, Perhaps) else Perhaps(each) for each in more)


def leaves(value: Any, sure: bool = True, depth: int = 0) -> Iterator[tuple[Any, bool]]:
    """Items of a value that may be a list of lists: each, and whether it is there for certain."""
    if isinstance(value, Perhaps):
        yield from leaves(value.value, False, depth)
    elif isinstance(value, OneOf):
        found = [list(leaves(each, True, depth + 1)) for each in value.values[:8] if depth < 5]
        certain = all(any(isinstance(leaf, Made) for leaf, _ in each) for each in found)
        for each in found:  # one of them is there, if each has one
            for leaf, there in each:
                yield leaf, sure and certain and there
    elif isinstance(value, list | tuple | set) and not hasattr(value, "_fields") and depth < 5:
        for each in list(value)[:_LONGEST]:
            yield from leaves(each, sure, depth + 1)
    else:
        yield value, sure
