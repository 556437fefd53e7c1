"""What a followed program handles: Python's own constants and containers, paths, and these."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Sequence

    #: A constant, a container of values, a PurePosixPath, or one of the classes below.
    Value = Any

LONGEST = 20_000  # characters of a text, members of a container


class Unknown:
    """Something of which nothing is known. There is one: UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


class Scope:
    """Names of a module, class or call, and the scope around it. ``outer_names``: those that
    ``global`` and ``nonlocal`` send elsewhere.
    """

    __slots__ = ("doubt", "names", "of_class", "outer", "outer_names", "returns", "yields")

    def __init__(self, outer: Scope | None = None, *, of_class: bool = False) -> None:
        self.names: dict[str, Value] = {}
        self.outer, self.of_class = outer, of_class
        self.outer_names: dict[str, Scope] = {}
        self.doubt = 0  # how much of the rest of a call may never be reached
        self.returns: list[Value] = []  # what it may have returned before
        self.yields: list[Value] = []

    def find(self, name: str) -> Value:
        """The value of a name; UNKNOWN if it has none."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return UNKNOWN


class Module:
    """``path``: below the site directory, empty for what is not followed. ``dynamic``: it may have
    names that are not known.
    """

    def __init__(self, name: str, path: str = "", package: str = "") -> None:
        self.name, self.path, self.package = name, path, package
        self.scope = Scope()
        self.dynamic = not path


class Function:
    """Something defined by ``def`` or ``lambda``."""

    def __init__(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        scope: Scope,
        module: Module,
        defaults: Sequence[Value],
        named: dict[str, Value],
    ) -> None:
        self.node, self.scope, self.module = node, scope, module
        self.defaults, self.named = defaults, named


class Class:
    """``bases`` may hold UNKNOWN. ``kinds``: names of it and of all that it is a kind of."""

    def __init__(self, name: str, bases: Sequence[Value], names: dict[str, Value]) -> None:
        self.name, self.bases, self.names = name, bases, names
        self.kinds: tuple[str, ...] = (name,)
        self.known = True
        for base in bases:
            if isinstance(base, Class):
                self.kinds += base.kinds
                self.known = self.known and base.known
            else:
                self.known = False

    def find(self, name: str) -> Value:
        """An attribute; UNKNOWN if there is none that is known."""
        if name in self.names:
            return self.names[name]
        for base in self.bases:
            found = base.find(name) if isinstance(base, Class) else UNKNOWN
            if found is not UNKNOWN:
                return found
        return UNKNOWN


class Instance:
    """Of a class; ``arguments``: of an exception, for its text."""

    def __init__(self, class_: Class, arguments: Sequence[Value] = ()) -> None:
        self.class_, self.arguments = class_, arguments
        self.names: dict[str, Value] = {}


class Bound:
    """A function that gets ``self`` first."""

    def __init__(self, function: Function, owner: Value) -> None:
        self.function, self.owner = function, owner


class Native:
    """A function known here, called with positional and named arguments."""

    def __init__(self, name: str, call: Callable[[list[Value], dict[str, Value]], Value]) -> None:
        self.name, self.call = name, call


class FailureError(Exception):
    """An exception of the followed program. ``kinds``: its class and what that is a kind of;
    ``module``: where it left the first module; ``searches``: what was looked for in vain, if that
    is the reason.
    """

    def __init__(self, kinds: Sequence[str], text: str = "", value: Value = UNKNOWN) -> None:
        super().__init__(text)
        self.kinds, self.text, self.value = tuple(kinds), text, value
        self.module = ""
        self.searches: tuple[object, ...] = ()


class TooMuchError(Exception):
    """It would take too long to follow this to the end; nothing can be said."""


def builtin_exceptions() -> dict[str, Class]:
    """The standard exceptions as classes, by name."""
    made: dict[str, Class] = {}

    def of(kind: type[BaseException]) -> Class:
        if kind.__name__ not in made:
            base = kind.__bases__[0]
            bases = [of(base)] if issubclass(base, BaseException) else []
            made[kind.__name__] = Class(kind.__name__, bases, {})
        return made[kind.__name__]

    for name in dir(builtins):
        kind = getattr(builtins, name)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            made[name] = of(kind)
    return made


EXCEPTIONS: Final = builtin_exceptions()


def failure(kind: str, text: str) -> FailureError:
    """A standard exception."""
    return FailureError(EXCEPTIONS[kind].kinds, text, Instance(EXCEPTIONS[kind], [text]))


def truth(value: Value) -> bool | None:
    """Whether a value counts as true; None if that is not known."""
    if value is UNKNOWN or isinstance(value, Instance):
        return None
    if isinstance(value, Class | Function | Bound | Native | Module):
        return True
    try:
        return bool(value)
    except Exception:
        return None


def bounded(value: Value) -> Value:
    """The value, UNKNOWN if it is too long."""
    if isinstance(value, str | bytes | list | tuple | dict | set) and len(value) > LONGEST:
        return UNKNOWN
    if isinstance(value, int) and value.bit_length() > 4096:
        return UNKNOWN
    return value
