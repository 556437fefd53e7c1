"""What a ``setup.py`` would do in an isolated build, by reading it: nothing of it is run.

It is evaluated as far as it can be without running it: with no variable of its own set in the
environment, on CPython, on a given system, with what ``build-system.requires`` brings and nothing
besides. What is not known stays unknown, and then both ways are gone. Every step is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.index.sdist import calls
from envcheck.index.sdist.expressions import Expressions
from envcheck.index.sdist.values import (
    GLOBALS,
    OUTER,
    UNKNOWN,
    Bound,
    Class,
    Dotted,
    Function,
    Left,
    Made,
    OneOf,
    Perhaps,
    Raised,
    Returned,
    Setup,
    TooMuch,
    World,
    binary,
    items,
    method,
    truth,
)

if TYPE_CHECKING:
    import ast

_TURNS = 200  # of a loop
_MODULES = 6  # of the sdist, in each other


class Story(NamedTuple):
    """What happened. ``stopped``: what it said when it ended itself; None if it did not.

    ``missing``: modules that it imports, that nobody brings, and without which it does not go on.
    ``made``: whatever looks like an extension, in the order in which it was made.
    """

    setups: tuple[Setup, ...] = ()
    stopped: str | None = None
    missing: tuple[str, ...] = ()
    made: tuple[Made, ...] = ()
    classes: tuple[Class, ...] = ()


def story(tree: ast.Module, world: World, entry: str = "") -> Story:
    """Evaluate a parsed script; ``entry``: a function that is called at the end with a dictionary
    of what would be the arguments of ``setup``. Never raises.
    """
    reader = _Statements(world)
    stopped: str | None = None
    names: dict[str, Any] = {"__name__": "__main__", "__file__": "setup.py"}
    try:
        reader.body(tree.body, names)
        if entry in names and not reader.setups:
            reader.enter(names[entry])
    except Raised as raised:
        if not any(setup.sure and not setup.fallback for setup in reader.setups):
            stopped = raised.message or raised.kind
    except (TooMuch, Returned, Left, RecursionError):
        pass
    missing = tuple(dict.fromkeys(reader.missing))
    setups, made, classes = tuple(reader.setups), tuple(reader.made), tuple(reader.classes)
    return Story(setups, stopped, missing, made, classes)


class _Statements(Expressions):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.missing: list[str] = []
        self.classes: list[Class] = []
        self._catching = 0  # handlers of ImportError around
        self._modules: dict[str, dict[str, Any]] = {}
        self._reading = 0

    def body(self, statements: list[ast.stmt], names: dict[str, Any]) -> None:
        for statement in statements:
            self._step()
            reader = getattr(self, f"_{type(statement).__name__.lower()}", None)
            if reader is not None:
                reader(statement, names)

    def enter(self, function: Any) -> None:
        """Call a function with what would be the arguments of ``setup``, to be filled."""
        arguments: dict[str, Any] = {}
        if isinstance(function, Function):
            self.inside(function, [arguments], {})
            self.setups = self.setups or [Setup(arguments, True, False, "")]

    def _perhaps(
        self, statements: list[ast.stmt], names: dict[str, Any], *, likely: bool = False
    ) -> None:
        """Statements of which it is not known whether they are reached. ``likely``: those of a loop
        over what is not known, but was made to be gone through.
        """
        doubt = self.doubt
        self.doubt += not likely
        returns = self._possible[-1] if self._possible else []
        before = len(returns)
        try:
            self.body(statements, names)
        except (Raised, Left):
            pass
        except Returned as returned:
            returns.append(returned.value)
        finally:
            # what comes after a return that may be reached may not be
            self.doubt = doubt + (len(returns) > before)

    def _expr(self, node: ast.Expr, names: dict[str, Any]) -> None:
        self.value(node.value, names)

    def _assign(self, node: ast.Assign, names: dict[str, Any]) -> None:
        value = self.value(node.value, names)
        for target in node.targets:
            self.bind(target, value, names)

    def _annassign(self, node: ast.AnnAssign, names: dict[str, Any]) -> None:
        if node.value is not None:
            self.bind(node.target, self.value(node.value, names), names)

    def _augassign(self, node: ast.AugAssign, names: dict[str, Any]) -> None:
        old, new = self.value(node.target, names), self.value(node.value, names)
        if isinstance(old, list):
            method(Bound(old, "extend"), [new], self.certain(old))
        else:
            self.bind(node.target, binary(type(node.op).__name__, old, new), names)

    def _functiondef(self, node: ast.FunctionDef, names: dict[str, Any]) -> None:
        names[node.name] = Function(node, names)

    def _global(self, node: ast.Global, names: dict[str, Any]) -> None:
        if OUTER in names:
            names[GLOBALS] = {*names.get(GLOBALS, ()), *node.names}

    def _classdef(self, node: ast.ClassDef, names: dict[str, Any]) -> None:
        bases: list[str] = []
        for base in node.bases:
            value = self.value(base, names)
            for each in value.values if isinstance(value, OneOf) else (value,):
                if isinstance(each, Class):
                    bases += [*each.bases, each.node.name]
                bases += [each.name] if isinstance(each, Dotted) else []
        made = Class(node, tuple(bases), names)
        self.classes.append(made)
        names[node.name] = made

    def _if(self, node: ast.If, names: dict[str, Any]) -> None:
        said = truth(self.value(node.test, names))
        if said is None:
            self._perhaps(node.body, names)
            self._perhaps(node.orelse, names)
        else:
            self.body(node.body if said else node.orelse, names)

    def _for(self, node: ast.For, names: dict[str, Any]) -> None:
        found = items(self.value(node.iter, names))
        if found is None:
            self.bind(node.target, UNKNOWN, names)
            self._perhaps(node.body, names, likely=True)
            self._perhaps(node.orelse, names)
            return
        for each in found[:_TURNS]:
            self.bind(node.target, each.value if isinstance(each, Perhaps) else each, names)
            try:
                if isinstance(each, Perhaps):
                    self._perhaps(node.body, names)
                else:
                    self.body(node.body, names)
            except Left as left:
                if left.args == ("break",):
                    return
        self.body(node.orelse, names)

    def _while(self, node: ast.While, names: dict[str, Any]) -> None:
        self._perhaps(node.body, names)

    def _break(self, *_: Any) -> None:
        raise Left("break")

    def _continue(self, *_: Any) -> None:
        raise Left("continue")

    def _with(self, node: ast.With, names: dict[str, Any]) -> None:
        for item in node.items:
            value = self.value(item.context_expr, names)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value, names)
        self.body(node.body, names)

    def _assert(self, node: ast.Assert, names: dict[str, Any]) -> None:
        if truth(self.value(node.test, names)) is False:
            message = self.value(node.msg, names) if node.msg else ""
            raise Raised("AssertionError", message if isinstance(message, str) else "")

    def _raise(self, node: ast.Raise, names: dict[str, Any]) -> None:
        raise calls.raised(self.value(node.exc, names) if node.exc else UNKNOWN, Raised)

    def _return(self, node: ast.Return, names: dict[str, Any]) -> None:
        raise Returned(self.value(node.value, names) if node.value else None)

    def _try(self, node: ast.Try, names: dict[str, Any]) -> None:
        """The body goes well as far as is known; what sets up again in a handler is a fallback."""
        imports = any(calls.catches(each, "ImportError") for each in node.handlers)
        count = len(self.setups)
        raised: Raised | None = None
        self._catching += imports
        try:
            self.body(node.body, names)
        except Raised as error:
            raised = error
        finally:
            self._catching -= imports
        if raised is None:
            if len(self.setups) > count:
                self._fall_back(node.handlers, names)
            self.body(node.orelse, names)
        else:
            for handler in node.handlers:
                if calls.catches(handler, raised.kind):
                    self.body(handler.body, names)
                    break
            else:
                raise raised
        self.body(node.finalbody, names)

    _trystar = _try

    def _fall_back(self, handlers: list[ast.ExceptHandler], names: dict[str, Any]) -> None:
        before, self.fallback = self.fallback, True
        try:
            for handler in handlers:
                self.body(handler.body, dict(names))
        except (Raised, Left, Returned):
            pass
        finally:
            self.fallback = before

    def _import(self, node: ast.Import, names: dict[str, Any]) -> None:
        for alias in node.names:
            value = self._imported(alias.name)
            top = alias.name.partition(".")[0]
            names[alias.asname or top] = value if alias.asname else Dotted(top, value.local)

    def _importfrom(self, node: ast.ImportFrom, names: dict[str, Any]) -> None:
        name = node.module or ""
        if name == "__future__":
            return
        if node.level:  # from here: a module of the sdist
            package = str(names.get("__name__", "")).split(".")[: -node.level]
            name = ".".join([*package, *([name] if name else [])])
            if name not in self.world.sources:
                return
        local = self._imported(name).local
        inside = self.local(name) if local else None
        for alias in node.names:
            if alias.name == "*":
                names.update({k: v for k, v in (inside or {}).items() if k[:2] != "__"})
            elif inside is not None and alias.name in inside:
                names[alias.asname or alias.name] = inside[alias.name]
            else:
                found = calls.attribute(f"{name}.{alias.name}", self.world.platform)
                if found is NotImplemented:
                    found = Dotted(f"{name}.{alias.name}", local)
                names[alias.asname or alias.name] = found

    def _imported(self, name: str) -> Dotted:
        top = name.partition(".")[0]
        if top in self.world.sources or name in self.world.sources:
            return Dotted(name, True)
        if not self.world.has(name):
            if self._catching:
                raise Raised("ImportError", f"No module named {name}")
            if self.sure:
                self.missing.append(top)
        return Dotted(name)

    def local(self, name: str) -> dict[str, Any] | None:
        text = self.world.sources.get(name)
        if not text or self._reading >= _MODULES:
            return None
        if name not in self._modules:
            found: dict[str, Any] = {"__name__": name, "__file__": f"{name}.py"}
            self._modules[name] = found
            tree = calls.parsed(text)
            self._reading += 1
            try:
                self.body(tree.body if tree is not None else [], found)
            except (Raised, Left, Returned):
                pass
            finally:
                self._reading -= 1
        return self._modules[name]
