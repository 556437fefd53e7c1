"""Statements of a followed program.

Where a condition is not known both ways are followed. A way that certainly fails is not taken any
further; if all ways fail, so does the statement. What only may have happened leaves UNKNOWN behind.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from envcheck.predict.imports.bindings import iterable
from envcheck.predict.imports.calls import Break, Calls, Continue, Leave, Return
from envcheck.predict.imports.values import (
    EXCEPTIONS,
    UNKNOWN,
    Class,
    FailureError,
    Function,
    Instance,
    Module,
    Native,
    Scope,
    TooMuchError,
    failure,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.predict.imports.values import Value

SUPPRESS = "contextlib.suppress"


class Statements(Calls):
    """Follows blocks of statements."""

    def import_(self, node: ast.Import | ast.ImportFrom, scope: Scope, module: Module) -> None:
        """Bind what it imports."""
        raise NotImplementedError

    def unsure(self, scope: Scope) -> None:
        """What was just done may have failed: where that is handled, the rest of the call may never
        be reached. Where it is not, nothing that comes later makes it better.
        """
        if self.guards:
            scope.doubt += 1
            self.doubt += 1

    def block(self, nodes: Sequence[ast.stmt], scope: Scope, module: Module) -> None:
        """One statement after the other. Raises FailureError, TooMuchError."""
        for node in nodes:
            self.steps -= 1
            if self.steps < 0:
                raise TooMuchError
            method: Callable[[ast.stmt, Scope, Module], None] | None
            method = getattr(self, f"do_{type(node).__name__.lower()}", None)
            if method:
                method(node, scope, module)
            elif not isinstance(node, ast.Pass):
                module.dynamic = True

    def do_expr(self, node: ast.Expr, scope: Scope, module: Module) -> None:
        """An expression for what it does."""
        self.value(node.value, scope, module)

    def do_import(self, node: ast.Import, scope: Scope, module: Module) -> None:
        """``import a.b``."""
        self.import_(node, scope, module)

    def do_importfrom(self, node: ast.ImportFrom, scope: Scope, module: Module) -> None:
        """``from a import b``."""
        self.import_(node, scope, module)

    def do_assign(self, node: ast.Assign, scope: Scope, module: Module) -> None:
        """``a = b = value``."""
        value = self.value(node.value, scope, module)
        for target in node.targets:
            self.assign(target, value, scope, module)

    def do_annassign(self, node: ast.AnnAssign, scope: Scope, module: Module) -> None:
        """``a: int = value``."""
        if node.value is not None:
            self.assign(node.target, self.value(node.value, scope, module), scope, module)

    def do_augassign(self, node: ast.AugAssign, scope: Scope, module: Module) -> None:
        """``a += value``."""
        left = ast.Name(node.target.id, ast.Load()) if isinstance(node.target, ast.Name) else None
        made = ast.BinOp(left or ast.Constant(UNKNOWN), node.op, node.value)  # type: ignore[arg-type]
        self.assign(node.target, self.value(made, scope, module), scope, module)

    def do_delete(self, node: ast.Delete, scope: Scope, _: Module) -> None:
        """``del a``."""
        for target in node.targets:
            if isinstance(target, ast.Name):
                scope.names.pop(target.id, None)

    def do_assert(self, node: ast.Assert, scope: Scope, module: Module) -> None:
        """``assert``."""
        if self.truth(node.test, scope, module) is False:
            raise failure("AssertionError", "")

    def do_global(self, node: ast.Global, scope: Scope, module: Module) -> None:
        """``global``."""
        scope.outer_names.update(dict.fromkeys(node.names, module.scope))

    def do_nonlocal(self, node: ast.Nonlocal, scope: Scope, _: Module) -> None:
        """``nonlocal``."""
        for name in node.names:
            holder = scope.outer
            while holder is not None and name not in holder.names:
                holder = holder.outer
            if holder is not None:
                scope.outer_names[name] = holder

    def do_functiondef(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, module: Module
    ) -> None:
        """``def``. A decorator that is not known is taken for one that changes nothing that
        matters here, as those that cache or register.
        """
        made: Value = self.function(node, scope, module)
        for decorator in reversed(node.decorator_list):
            wrapper = self.value(decorator, scope, module)
            if isinstance(wrapper, Function):
                made = self.call(wrapper, [made], {})
        scope.names[node.name] = made
        module.dynamic = module.dynamic or node.name == "__getattr__"

    def do_asyncfunctiondef(self, node: ast.AsyncFunctionDef, scope: Scope, module: Module) -> None:
        """``async def``."""
        self.do_functiondef(node, scope, module)

    def do_classdef(self, node: ast.ClassDef, scope: Scope, module: Module) -> None:
        """``class``."""
        bases = [self.value(base, scope, module) for base in node.bases]
        inner = Scope(scope, of_class=True)
        self.block(node.body, inner, module)
        for decorator in node.decorator_list:
            self.value(decorator, scope, module)
        if any(one.arg == "metaclass" for one in node.keywords):
            bases.append(UNKNOWN)
        scope.names[node.name] = Class(node.name, bases, inner.names)

    def do_return(self, node: ast.Return, scope: Scope, module: Module) -> None:
        """``return``."""
        raise Return(self.value(node.value, scope, module))

    def do_break(self, *_: object) -> None:
        """``break``."""
        raise Break

    def do_continue(self, *_: object) -> None:
        """``continue``."""
        raise Continue

    def do_raise(self, node: ast.Raise, scope: Scope, module: Module) -> None:
        """``raise``."""
        if node.exc is None:
            current = scope.find("__handled__")
            raise current if isinstance(current, FailureError) else FailureError(("Exception",))
        value = self.value(node.exc, scope, module)
        if isinstance(value, Class):
            value = Instance(value)
        if isinstance(value, FailureError):
            raise value
        if isinstance(value, Instance):
            texts = [one for one in value.arguments if isinstance(one, str)]
            raise FailureError(value.class_.kinds, texts[0] if texts else "", value)
        raise FailureError(("Exception",), "", value)

    def do_if(self, node: ast.If, scope: Scope, module: Module) -> None:
        """``if``."""
        found = self.truth(node.test, scope, module)
        if found is None:
            self.either([node.body, node.orelse], scope, module)
        else:
            self.block(node.body if found else node.orelse, scope, module)

    def either(
        self,
        blocks: Sequence[Sequence[ast.stmt]],
        scope: Scope,
        module: Module,
        *,
        loop: bool = False,
    ) -> None:
        """One of the blocks is done, it is not known which. ``loop``: they are a loop's body."""
        before, outside = dict(scope.names), dict(module.scope.names)
        ends: list[tuple[dict[str, Value], dict[str, Value]]] = []
        left: list[Leave] = []
        failed: list[FailureError] = []
        self.doubt += 1
        try:
            for nodes in blocks:
                scope.names.clear()
                scope.names.update(before)
                if module.scope is not scope:
                    module.scope.names.clear()
                    module.scope.names.update(outside)
                try:
                    self.block(nodes, scope, module)
                    ends.append((dict(scope.names), dict(module.scope.names)))
                except FailureError as error:
                    failed.append(error)
                except Leave as leave:
                    ends.append((dict(scope.names), dict(module.scope.names)))
                    if isinstance(leave, Return) or not loop:
                        left.append(leave)
        finally:
            self.doubt -= 1
        if not ends:
            raise failed[0]
        _merge(scope.names, [inner for inner, _ in ends])
        if module.scope is not scope:
            _merge(module.scope.names, [outer for _, outer in ends])
        returned = [one.value for one in left if isinstance(one, Return)]
        if len(left) == len(ends) and len(returned) in (0, len(left)):
            same = returned and all(one is returned[0] for one in returned[1:])
            raise (Return(returned[0] if same else UNKNOWN) if returned else left[0])
        if left:
            scope.returns += returned
            scope.doubt += 1
            self.doubt += 1  # until the end of the call, see `call_function`

    def do_for(self, node: ast.For, scope: Scope, module: Module) -> None:
        """``for``."""
        items = iterable(self.value(node.iter, scope, module))
        if items is None:
            self._perhaps_often(node, scope, module)
            self.block(node.orelse, scope, module)
            return
        marks = (self.doubt, scope.doubt, len(scope.returns))
        for item in items:
            self.assign(node.target, item, scope, module)
            try:
                self.block(node.body, scope, module)
            except Break:
                self._after_loop(scope, marks)
                return
            except Continue:
                continue
        self.block(node.orelse, scope, module)
        self._after_loop(scope, marks)

    def _after_loop(self, scope: Scope, marks: tuple[int, int, int]) -> None:
        """What may have been left by ``break`` is behind; what may have returned is not."""
        if len(scope.returns) == marks[2]:
            self.doubt, scope.doubt = marks[:2]

    def do_asyncfor(self, *_: object) -> None:
        """Only in what runs later."""

    def do_while(self, node: ast.While, scope: Scope, module: Module) -> None:
        """``while``."""
        for _ in range(100):
            found = self.truth(node.test, scope, module)
            if found is False:
                self.block(node.orelse, scope, module)
                return
            if found is None:
                break
            try:
                self.block(node.body, scope, module)
            except Break:
                return
            except Continue:
                continue
        self._perhaps_often(node, scope, module)

    def _perhaps_often(self, node: ast.For | ast.While, scope: Scope, module: Module) -> None:
        """A body that is done never, once or often."""
        if isinstance(node, ast.For):
            self.assign(node.target, UNKNOWN, scope, module)
        self.either([node.body, []], scope, module, loop=True)

    def do_with(self, node: ast.With, scope: Scope, module: Module) -> None:
        """``with``: ``contextlib.suppress`` is known, others are taken to change nothing."""
        suppressed: list[Value] | None = None
        for item in node.items:
            value = self.value(item.context_expr, scope, module)
            if isinstance(value, tuple) and value[:1] == (SUPPRESS,):
                suppressed = list(value[1:])
                value = None
            if item.optional_vars is not None:
                self.assign(item.optional_vars, UNKNOWN, scope, module)
        try:
            self.block(node.body, scope, module)
        except FailureError as error:
            if suppressed is None or _matches(error, suppressed) is False:
                raise

    def do_try(self, node: ast.Try, scope: Scope, module: Module) -> None:
        """``try``."""
        try:
            try:
                self.guards += bool(node.handlers)
                try:
                    self.block(node.body, scope, module)
                finally:
                    self.guards -= bool(node.handlers)
            except FailureError as error:
                self._handle(error, node, scope, module)
                return
            self.block(node.orelse, scope, module)
        finally:
            self.block(node.finalbody, scope, module)

    def _handle(self, error: FailureError, node: ast.Try, scope: Scope, module: Module) -> None:
        for handler in node.handlers:
            kinds = self.value(handler.type, scope, module) if handler.type else None
            wanted = [kinds] if not isinstance(kinds, tuple) else list(kinds)
            if handler.type is not None and _matches(error, wanted) is False:
                continue
            before = scope.names.get("__handled__")
            scope.names["__handled__"] = error
            if handler.name:
                scope.names[handler.name] = error.value
            try:
                self.block(handler.body, scope, module)
            finally:
                scope.names["__handled__"] = before
            return
        raise error


def _matches(error: FailureError, wanted: Sequence[Value]) -> bool | None:
    """Whether ``except wanted`` takes it; None if that is not known, as with somebody's own class
    that may be a kind of anything.
    """
    doubtful = False
    for one in wanted:
        if isinstance(one, Class):
            if one.name in error.kinds:
                return True
        elif not isinstance(one, Native):
            doubtful = True
    if isinstance(error.value, Instance) and not error.value.class_.known:
        doubtful = doubtful or error.kinds[-1] not in EXCEPTIONS
    return None if doubtful else False


def _merge(names: dict[str, Value], ends: Sequence[dict[str, Value]]) -> None:
    """Leave in ``names`` what is the same at all of the ``ends``."""
    merged: dict[str, Value] = {}
    for name in {name for end in ends for name in end}:
        values = [end.get(name, UNKNOWN) for end in ends]
        first = values[0]
        same = all(one is first or _equal(one, first) for one in values[1:])
        merged[name] = first if same else UNKNOWN
    names.clear()
    names.update(merged)


def _equal(one: Value, other: Value) -> bool:
    plain = (str, int, float, bool, tuple, type(None))
    return isinstance(one, plain) and type(one) is type(other) and bool(one == other)
