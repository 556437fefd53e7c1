"""Calls of functions of a followed program."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from envcheck.predict.imports.bindings import Bindings
from envcheck.predict.imports.values import (
    UNKNOWN,
    FailureError,
    Function,
    Module,
    Scope,
    TooMuchError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.predict.imports.values import Value

_DEPTH = 60  # of calls


class Leave(Exception):  # noqa: N818 - what ends a block, no error
    """``break``, ``continue`` or ``return``."""


class Break(Leave):
    """``break``."""


class Continue(Leave):
    """``continue``."""


class Return(Leave):
    """``return``."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class Calls(Bindings):
    """Calls functions, whose statements somebody else follows."""

    def block(self, nodes: Sequence[ast.stmt], scope: Scope, module: Module) -> None:
        """One statement after the other."""
        raise NotImplementedError

    def call_function(
        self, function: Function, given: list[Value], named: dict[str, Value]
    ) -> Value:
        """What a function returns: of a generator, all that it yields."""
        if self.depth >= _DEPTH:
            raise TooMuchError
        scope = Scope(function.scope)
        scope.names.update(_arguments(function, given, named))
        node = function.node
        self.depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body, scope, function.module)
            if isinstance(node, ast.AsyncFunctionDef):
                return UNKNOWN
            try:
                self.block(node.body, scope, function.module)
                result: Value = None
            except Return as left:
                result = left.value
            if scope.returns and not all(one is result for one in scope.returns):
                result = UNKNOWN
            return scope.yields if scope.yields or _yields(node) else result
        except FailureError:
            if scope.doubt:  # it may have returned before
                return UNKNOWN
            raise
        finally:
            self.depth -= 1
            self.doubt -= scope.doubt


@lru_cache(maxsize=4096)
def _yields(node: ast.FunctionDef) -> bool:
    """Whether it is a generator."""
    left: list[ast.AST] = list(node.body)
    while left:
        one = left.pop()
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            left += ast.iter_child_nodes(one)
    return False


def _arguments(
    function: Function, given: Sequence[Value], named: dict[str, Value]
) -> dict[str, Value]:
    """Names of a call's arguments."""
    spec = function.node.args
    names = [one.arg for one in (*spec.posonlyargs, *spec.args)]
    every = [*names, *(one.arg for one in spec.kwonlyargs)]
    found: dict[str, Value] = dict.fromkeys(every, UNKNOWN)
    if "**" not in named:
        pairs = zip(reversed(names), reversed(function.defaults), strict=False)
        found.update(dict(pairs))
        found.update(function.named)
    found.update(zip(names, given, strict=False))
    found.update({name: value for name, value in named.items() if name in found})
    if spec.vararg:
        found[spec.vararg.arg] = tuple(given[len(names) :])
    if spec.kwarg:
        found[spec.kwarg.arg] = {key: one for key, one in named.items() if key not in found}
    return found
