"""Names bound by a followed program: assignments, and the loops inside of comprehensions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from envcheck.predict.imports.expressions import Expressions
from envcheck.predict.imports.values import UNKNOWN, Class, Instance, Module, Scope, bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.predict.imports.values import Value

_ROUNDS = 2000  # of a loop


class Bindings(Expressions):
    """Expressions that bind names, and what assigns to them."""

    def _namedexpr(self, node: ast.NamedExpr, scope: Scope, module: Module) -> Value:
        value = self.value(node.value, scope, module)
        scope.names[node.target.id] = value
        return value

    def _listcomp(self, node: ast.ListComp, scope: Scope, module: Module) -> Value:
        return self._comprehended(node, scope, module)

    def _generatorexp(self, node: ast.GeneratorExp, scope: Scope, module: Module) -> Value:
        return self._comprehended(node, scope, module)

    def _setcomp(self, node: ast.SetComp, scope: Scope, module: Module) -> Value:
        found = self._comprehended(node, scope, module)
        try:
            return set(found) if isinstance(found, list) else UNKNOWN
        except TypeError:
            return UNKNOWN

    def _comprehended(
        self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, scope: Scope, module: Module
    ) -> Value:
        inner = Scope(scope)
        try:
            rounds = self._rounds(node.generators, inner, module)
            return bounded([self.value(node.elt, inner, module) for _ in rounds])
        except LookupError:
            return UNKNOWN

    def _rounds(
        self, generators: list[ast.comprehension], scope: Scope, module: Module
    ) -> Iterator[None]:
        """Once for each element. Raises LookupError if that is not known."""
        if not generators:
            yield
            return
        first, *rest = generators
        items = iterable(self.value(first.iter, scope, module))
        if items is None:
            raise LookupError
        for item in items:
            self.assign(first.target, item, scope, module)
            kept = [self.truth(test, scope, module) for test in first.ifs]
            if None in kept:
                raise LookupError
            if all(kept):
                yield from self._rounds(rest, scope, module)

    def assign(self, target: ast.expr, value: Value, scope: Scope, module: Module) -> None:
        """``target = value``."""
        if isinstance(target, ast.Name):
            scope.outer_names.get(target.id, scope).names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            items = iterable(value)
            if items is None or len(items) != len(target.elts):
                items = [UNKNOWN] * len(target.elts)
            for one, item in zip(target.elts, items, strict=True):
                self.assign(one, item, scope, module)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, UNKNOWN, scope, module)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value, scope, module)
            if isinstance(owner, Instance | Class):
                owner.names[target.attr] = UNKNOWN if self.doubt else value
            elif isinstance(owner, Module) and owner.path:
                owner.scope.names[target.attr] = UNKNOWN if self.doubt else value
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value, scope, module)
            key = self.value(target.slice, scope, module)
            if isinstance(owner, dict | list) and not isinstance(key, slice):
                try:
                    owner[key] = UNKNOWN if self.doubt else value
                except (TypeError, IndexError):
                    return


def iterable(value: Value) -> list[Value] | None:
    """The elements that a loop goes over; None if they are not known, or too many."""
    if isinstance(value, str):
        found: list[Value] = list(value)
    elif isinstance(value, list | tuple | dict | set | frozenset):
        found = list(value)
    else:
        return None
    return found if len(found) <= _ROUNDS else None
