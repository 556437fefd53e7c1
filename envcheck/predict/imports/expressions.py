"""Expressions of a followed program."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from envcheck.predict.imports import operations
from envcheck.predict.imports.values import (
    UNKNOWN,
    Bound,
    Class,
    FailureError,
    Function,
    Instance,
    Module,
    Native,
    Scope,
    TooMuchError,
    bounded,
    truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.predict.imports.values import Value

_STEPS = 400_000  # nodes of the syntax tree that are evaluated for one import
#: What may bind names that cannot be seen.
_DYNAMIC = frozenset({"globals", "locals", "vars", "exec", "eval", "setattr"})


class Expressions:
    """Evaluates in ``scope`` of ``module``. ``doubt``: above 0 where it is not known whether the
    program comes here at all; ``guards``: how many ``try`` there are around.
    """

    def __init__(self) -> None:
        self.steps = _STEPS
        self.doubt = 0
        self.depth = 0
        self.guards = 0

    # What the statements and the world around them bring.
    def call_function(
        self, function: Function, given: list[Value], named: dict[str, Value]
    ) -> Value:
        """Run its body."""
        raise NotImplementedError

    def module_attribute(self, module: Module, name: str) -> Value:
        """An attribute of a module, or a module in it."""
        raise NotImplementedError

    def load(self, value: Value, *, by_name_too: bool = False) -> Value:
        """Load a shared library."""
        raise NotImplementedError

    def builtin(self, name: str) -> Value:
        """Something that Python has without importing."""
        raise NotImplementedError

    def value(self, node: ast.expr | None, scope: Scope, module: Module) -> Value:
        """The value of an expression."""
        if node is None:
            return None
        self.steps -= 1
        if self.steps < 0:
            raise TooMuchError
        kind = type(node)
        if kind is ast.Constant:
            return node.value  # type: ignore[attr-defined]
        if kind is ast.Name:
            return self.named(node.id, scope)  # type: ignore[attr-defined]
        method: Callable[[ast.expr, Scope, Module], Value] | None
        method = getattr(self, f"_{kind.__name__.lower()}", None)
        return method(node, scope, module) if method else UNKNOWN

    def named(self, name: str, scope: Scope) -> Value:
        """A name as a program sees it."""
        holder: Scope | None = scope
        while holder is not None:
            if name in holder.names:
                return holder.names[name]
            holder = holder.outer
        return self.builtin(name)

    def truth(self, node: ast.expr, scope: Scope, module: Module) -> bool | None:
        """Whether a condition holds; None if that is not known."""
        return truth(self.value(node, scope, module))

    def _attribute(self, node: ast.Attribute, scope: Scope, module: Module) -> Value:
        return self.attribute(self.value(node.value, scope, module), node.attr)

    def attribute(self, owner: Value, name: str) -> Value:
        """``owner.name``."""
        if owner is UNKNOWN:
            if name in ("dlopen", "LoadLibrary"):  # of cffi and of ctypes' loaders
                both = name == "dlopen"
                return Native(name, lambda given, _: self.load(*given[:1], by_name_too=both))
            return UNKNOWN
        if isinstance(owner, Module):
            return self.module_attribute(owner, name)
        if isinstance(owner, Instance):
            if name in owner.names:
                return owner.names[name]
            return self._bound(owner.class_.find(name), owner)
        if isinstance(owner, Class):
            return owner.find(name)
        if isinstance(owner, operations.Environment):
            return Native("get", owner.get) if name == "get" else UNKNOWN
        if isinstance(owner, Function | Bound | Native):
            return UNKNOWN
        if isinstance(owner, PurePosixPath):
            return self.path_attribute(owner, name)
        if self.doubt and name in operations.CHANGING:
            return Native(name, lambda *_: operations.spoil(owner))
        return operations.attribute(owner, name)

    def path_attribute(self, owner: PurePosixPath, name: str) -> Value:
        """Of a path, what needs no files."""
        return operations.attribute(owner, name)

    def _bound(self, found: Value, owner: Value) -> Value:
        if isinstance(found, Function):
            decorators = getattr(found.node, "decorator_list", [])
            names = {one.id for one in decorators if isinstance(one, ast.Name)}
            if "staticmethod" in names:
                return found
            if "classmethod" in names:
                return Bound(found, owner.class_ if isinstance(owner, Instance) else owner)
            if names & {"property", "cached_property"}:
                return self.call_function(found, [owner], {})
            return Bound(found, owner)
        return found

    def _call(self, node: ast.Call, scope: Scope, module: Module) -> Value:
        function = self.value(node.func, scope, module)
        given: list[Value] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                inner = self.value(argument.value, scope, module)
                given += inner if isinstance(inner, list | tuple) else [UNKNOWN]
            else:
                given.append(self.value(argument, scope, module))
        named = {one.arg or "**": self.value(one.value, scope, module) for one in node.keywords}
        if isinstance(node.func, ast.Name) and node.func.id in _DYNAMIC:
            module.dynamic = True
            return UNKNOWN
        return self.call(function, given, named)

    def call(self, function: Value, given: list[Value], named: dict[str, Value]) -> Value:
        """``function(*given, **named)``."""
        if isinstance(function, Function):
            return self.call_function(function, given, named)
        if isinstance(function, Bound):
            return self.call_function(function.function, [function.owner, *given], named)
        if isinstance(function, Class):
            return self._made(function, given, named)
        if isinstance(function, Native):
            try:
                return function.call(given, named)
            except (FailureError, TooMuchError, RecursionError, MemoryError):
                raise
            except Exception:
                return UNKNOWN
        return UNKNOWN

    def _made(self, class_: Class, given: list[Value], named: dict[str, Value]) -> Value:
        made = Instance(class_, given)
        start = class_.find("__init__")
        if isinstance(start, Function):
            self.call_function(start, [made, *given], named)
        return made

    def _binop(self, node: ast.BinOp, scope: Scope, module: Module) -> Value:
        left = self.value(node.left, scope, module)
        right = self.value(node.right, scope, module)
        try:
            return operations.binary(node.op, left, right)
        except (ArithmeticError, TypeError, ValueError):
            return UNKNOWN

    def _unaryop(self, node: ast.UnaryOp, scope: Scope, module: Module) -> Value:
        value = self.value(node.operand, scope, module)
        if isinstance(node.op, ast.Not):
            found = truth(value)
            return UNKNOWN if found is None else not found
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        return UNKNOWN

    def _boolop(self, node: ast.BoolOp, scope: Scope, module: Module) -> Value:
        decides = isinstance(node.op, ast.Or)
        doubtful = False
        value: Value = UNKNOWN
        for part in node.values:
            value = (self._perhaps if doubtful else self.value)(part, scope, module)
            found = truth(value)
            if found is decides:
                return decides if doubtful else value
            doubtful = doubtful or found is None
        return UNKNOWN if doubtful else value

    def _perhaps(self, node: ast.expr, scope: Scope, module: Module) -> Value:
        """A value that may never be asked for."""
        self.doubt += 1
        try:
            return self.value(node, scope, module)
        except FailureError:
            return UNKNOWN
        finally:
            self.doubt -= 1

    def _compare(self, node: ast.Compare, scope: Scope, module: Module) -> Value:
        left = self.value(node.left, scope, module)
        sure: bool | None = True
        for operator, operand in zip(node.ops, node.comparators, strict=True):
            right = self.value(operand, scope, module)
            try:
                found = operations.compare(operator, left, right)
            except (TypeError, ValueError, RecursionError):
                found = None
            if found is False:
                return False
            sure = found if sure else sure
            left = right
        return UNKNOWN if sure is None else sure

    def _ifexp(self, node: ast.IfExp, scope: Scope, module: Module) -> Value:
        found = self.truth(node.test, scope, module)
        if found is None:
            first = self._perhaps(node.body, scope, module)
            second = self._perhaps(node.orelse, scope, module)
            return first if operations.known(first) and first is second else UNKNOWN
        return self.value(node.body if found else node.orelse, scope, module)

    def _elements(self, nodes: list[ast.expr], scope: Scope, module: Module) -> list[Value]:
        found: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                inner = self.value(node.value, scope, module)
                found += inner if isinstance(inner, list | tuple | set) else [UNKNOWN]
            else:
                found.append(self.value(node, scope, module))
        return found

    def _list(self, node: ast.List, scope: Scope, module: Module) -> Value:
        return bounded(self._elements(node.elts, scope, module))

    def _tuple(self, node: ast.Tuple, scope: Scope, module: Module) -> Value:
        return bounded(tuple(self._elements(node.elts, scope, module)))

    def _set(self, node: ast.Set, scope: Scope, module: Module) -> Value:
        found = self._elements(node.elts, scope, module)
        try:
            return set(found)
        except TypeError:
            return UNKNOWN

    def _dict(self, node: ast.Dict, scope: Scope, module: Module) -> Value:
        found: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.value(item, scope, module)
            name = UNKNOWN if key is None else self.value(key, scope, module)
            try:
                found[name] = value
            except TypeError:
                found[UNKNOWN] = UNKNOWN
        return found

    def _subscript(self, node: ast.Subscript, scope: Scope, module: Module) -> Value:
        owner = self.value(node.value, scope, module)
        key = self.value(node.slice, scope, module)
        try:
            return operations.subscript(owner, key)
        except (LookupError, TypeError, ValueError):
            return UNKNOWN

    def _slice(self, node: ast.Slice, scope: Scope, module: Module) -> Value:
        parts = (node.lower, node.upper, node.step)
        return slice(*(self.value(part, scope, module) for part in parts))

    def _joinedstr(self, node: ast.JoinedStr, scope: Scope, module: Module) -> Value:
        parts: list[str] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.value(part.value, scope, module)
                if part.format_spec or not isinstance(value, str | int | PurePosixPath):
                    return UNKNOWN
                parts.append(str(value))
            elif isinstance(part, ast.Constant):
                parts.append(str(part.value))
        return bounded("".join(parts))

    def _lambda(self, node: ast.Lambda, scope: Scope, module: Module) -> Value:
        return self.function(node, scope, module)

    def function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        scope: Scope,
        module: Module,
    ) -> Function:
        """What ``def`` or ``lambda`` makes."""
        defaults = [self.value(one, scope, module) for one in node.args.defaults]
        pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        named = {one.arg: self.value(default, scope, module) for one, default in pairs if default}
        while scope.of_class and scope.outer is not None:  # methods do not see it
            scope = scope.outer
        return Function(node, scope, module, defaults, named)

    def _starred(self, node: ast.Starred, scope: Scope, module: Module) -> Value:
        return self.value(node.value, scope, module)

    def _yield(self, node: ast.Yield, scope: Scope, module: Module) -> Value:
        value = self.value(node.value, scope, module)
        scope.yields.append(value if not self.doubt else UNKNOWN)
        return UNKNOWN

    def _yieldfrom(self, node: ast.YieldFrom, scope: Scope, module: Module) -> Value:
        value = self.value(node.value, scope, module)
        scope.yields += value if isinstance(value, list | tuple) else [UNKNOWN]
        return UNKNOWN
