"""Expressions of a ``setup.py`` that is read and not run."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Any

from envcheck.index.sdist import calls
from envcheck.index.sdist.values import (
    DOUBT,
    GLOBALS,
    OUTER,
    UNKNOWN,
    Bound,
    Dotted,
    Function,
    Left,
    Made,
    Perhaps,
    Raised,
    Returned,
    Setup,
    TooMuch,
    Unknown,
    Version,
    World,
    binary,
    compared,
    items,
    leaves,
    merged,
    method,
    one_of,
    truth,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS = 60_000
_DEPTH = 40  # of calls in each other
_TURNS = 200  # of a loop
_LONGEST = 10_000
_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


class Expressions:
    """Values of expressions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.setups: list[Setup] = []
        self.made: list[Made] = []
        self.doubt = 0  # conditions around of which it is not known whether they hold
        self.fallback = False
        self._born: dict[int, tuple[int, Any]] = {}  # doubt in which lists and dictionaries began
        self._steps = _STEPS
        self._calls = 0
        self._possible: list[list[Any]] = []  # that the functions around may have returned

    def body(self, statements: list[ast.stmt], names: dict[str, Any]) -> None:
        """Go through statements."""
        raise NotImplementedError

    def local(self, name: str) -> dict[str, Any] | None:
        """Names of a module of the sdist."""
        raise NotImplementedError

    @property
    def sure(self) -> bool:
        """Whether what is read now is reached at all."""
        return not self.doubt

    def _new(self, value: Any) -> Any:
        """A list or dictionary that begins here: what changes it under the same conditions is as
        certain as it is.
        """
        self._born[id(value)] = (self.doubt, value)
        return value

    def certain(self, value: Any) -> bool:
        """Whether what changes ``value`` now happens if ``value`` is there."""
        return self.doubt <= self._born.get(id(value), (0,))[0]

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise TooMuch

    def value(self, node: ast.expr | None, names: dict[str, Any]) -> Any:
        """Of an expression, as far as it is known."""
        self._step()
        reader = getattr(self, f"_value_{type(node).__name__.lower()}", None)
        if reader is not None:
            return reader(node, names)
        for child in ast.iter_child_nodes(node) if node is not None else ():
            if isinstance(child, ast.expr):
                self.value(child, names)
        return UNKNOWN

    def _value_constant(self, node: ast.Constant, _: dict[str, Any]) -> Any:
        value = node.value
        return value[:_LONGEST] if isinstance(value, str | bytes) else value

    def _value_name(self, node: ast.Name, names: dict[str, Any]) -> Any:
        if node.id in names:
            return names[node.id]
        return Dotted(f"builtins.{node.id}") if hasattr(builtins, node.id) else UNKNOWN

    def _value_attribute(self, node: ast.Attribute, names: dict[str, Any]) -> Any:
        value = self.value(node.value, names)
        if isinstance(value, Dotted):
            name = f"{value.name}.{node.attr}"
            inside = self.local(value.name) if value.local else None
            if inside is not None and node.attr in inside:
                return inside[node.attr]
            found = calls.attribute(name, self.world.platform)
            return Dotted(name, value.local) if found is NotImplemented else found
        if isinstance(value, Version):
            return 3 if node.attr == "major" else UNKNOWN
        if isinstance(value, str | list | dict | set):
            if isinstance(value, str) and node.attr == "parent":  # of a path
                return value.rpartition("/")[0]
            return Bound(value, node.attr)
        return UNKNOWN

    def _value_joinedstr(self, node: ast.JoinedStr, names: dict[str, Any]) -> Any:
        parts = [self._part(part, names) for part in node.values]
        texts = [part for part in parts if part is not None]
        return "".join(texts)[:_LONGEST] if len(texts) == len(parts) else UNKNOWN

    def _part(self, node: ast.expr, names: dict[str, Any]) -> str | None:
        if isinstance(node, ast.FormattedValue):
            value = self.value(node.value, names)
            plain = node.format_spec is None and node.conversion == -1
            return str(value) if plain and isinstance(value, str | int) else None
        return str(node.value) if isinstance(node, ast.Constant) else None

    def _value_list(self, node: ast.List, names: dict[str, Any]) -> Any:
        found: list[Any] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                more = items(self.value(element.value, names))
                found += [Perhaps(UNKNOWN)] if more is None else more
            else:
                found.append(self.value(element, names))
        return self._new(found)

    def _value_tuple(self, node: ast.Tuple, names: dict[str, Any]) -> Any:
        return tuple(self.value(element, names) for element in node.elts)

    _value_set = _value_list

    def _value_dict(self, node: ast.Dict, names: dict[str, Any]) -> Any:
        found: dict[str, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            made = self.value(value, names)
            name = self.value(key, names) if key is not None else None
            if isinstance(name, str | int):
                found[name] = made  # type: ignore[index]
            elif key is None and isinstance(made, dict):
                found.update(made)
        return self._new(found)

    def _value_listcomp(self, node: ast.ListComp, names: dict[str, Any]) -> Any:
        inner = {**names, DOUBT: self.doubt}
        found: list[Any] = []
        self._comprehend(node.generators, inner, lambda sure: found.append(
            self.value(node.elt, inner) if sure else Perhaps(self.value(node.elt, inner))
        ))  # fmt: skip
        return found

    _value_generatorexp = _value_setcomp = _value_listcomp

    def _value_dictcomp(self, node: ast.DictComp, names: dict[str, Any]) -> Any:
        inner = {**names, DOUBT: self.doubt}
        found: dict[Any, Any] = {}

        def add(_: bool) -> None:
            key = self.value(node.key, inner)
            value = self.value(node.value, inner)
            if isinstance(key, str | int):
                found[key] = value

        self._comprehend(node.generators, inner, add)
        return found

    def _comprehend(
        self,
        generators: list[ast.comprehension],
        names: dict[str, Any],
        add: Callable[[bool], None],
        sure: bool = True,
    ) -> None:
        if not generators:
            add(sure)
            return
        first, rest = generators[0], generators[1:]
        found = items(self.value(first.iter, names))
        for each in [UNKNOWN] if found is None else found[:_TURNS]:
            # a list of which nothing is known is thought to hold something: it was made for that
            here = sure and not isinstance(each, Perhaps)
            self.bind(first.target, each.value if isinstance(each, Perhaps) else each, names)
            said = [truth(self.value(test, names)) for test in first.ifs]
            if False not in said:
                self._comprehend(rest, names, add, here and None not in said)

    def bind(self, target: ast.expr, value: Any, names: dict[str, Any]) -> None:
        """Give names their values."""
        if isinstance(target, ast.Name):
            old = names.get(target.id, value)
            sure = self.doubt <= names.get(DOUBT, 0)
            names[target.id] = value if sure else one_of(old, value)
            if target.id in names.get(GLOBALS, ()):
                names[OUTER][target.id] = names[target.id]
        elif isinstance(target, ast.Tuple | ast.List):
            parts = items(value)
            if parts is None or len(parts) != len(target.elts):
                parts = [UNKNOWN] * len(target.elts)
            for each, part in zip(target.elts, parts, strict=True):
                self.bind(each.value if isinstance(each, ast.Starred) else each, part, names)
        elif isinstance(target, ast.Subscript):
            holder = self.value(target.value, names)
            key = self.value(target.slice, names)
            if isinstance(holder, dict) and isinstance(key, str):
                sure = self.certain(holder)
                holder[key] = value if sure else one_of(holder.get(key, value), value)

    def _value_boolop(self, node: ast.BoolOp, names: dict[str, Any]) -> Any:
        """Ends at the first operand that decides; what may be reached is not evaluated as sure."""
        ends = isinstance(node.op, ast.Or)
        possible: list[Any] = []
        value: Any = UNKNOWN
        for operand in node.values:
            value = self.value(operand, names)
            said = truth(value)
            if said is ends:
                if not possible:
                    return value
                return ends if all(isinstance(p, Unknown | Dotted | bool) for p in possible) else (
                    one_of(*possible, value)
                )  # fmt: skip
            if said is None:
                possible.append(value)
        return one_of(*possible, value) if possible else value

    def _value_unaryop(self, node: ast.UnaryOp, names: dict[str, Any]) -> Any:
        value = self.value(node.operand, names)
        if isinstance(node.op, ast.Not):
            said = truth(value)
            return UNKNOWN if said is None else not said
        return -value if isinstance(node.op, ast.USub) and isinstance(value, int) else UNKNOWN

    def _value_binop(self, node: ast.BinOp, names: dict[str, Any]) -> Any:
        left, right = self.value(node.left, names), self.value(node.right, names)
        return binary(type(node.op).__name__, left, right)

    def _value_compare(self, node: ast.Compare, names: dict[str, Any]) -> Any:
        left = self.value(node.left, names)
        answers = []
        for operator, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.value(comparator, names)
            answers.append(compared(_COMPARISONS[type(operator)], left, right))
            left = right
        said = [truth(answer) for answer in answers]
        if False in said:
            return False
        return UNKNOWN if None in said else True

    def _value_ifexp(self, node: ast.IfExp, names: dict[str, Any]) -> Any:
        said = truth(self.value(node.test, names))
        if said is None:
            return one_of(self.value(node.body, names), self.value(node.orelse, names))
        return self.value(node.body if said else node.orelse, names)

    def _value_subscript(self, node: ast.Subscript, names: dict[str, Any]) -> Any:
        value = self.value(node.value, names)
        if isinstance(node.slice, ast.Slice):
            return value if isinstance(value, Version) else UNKNOWN
        key = self.value(node.slice, names)
        if isinstance(value, Version):
            return 3 if key == 0 else UNKNOWN
        try:
            found = value[key] if isinstance(value, list | tuple | dict) else UNKNOWN
        except (KeyError, IndexError, TypeError):
            return UNKNOWN
        return found.value if isinstance(found, Perhaps) else found

    def _value_lambda(self, node: ast.Lambda, names: dict[str, Any]) -> Any:
        return Function(node, names)

    def _value_namedexpr(self, node: ast.NamedExpr, names: dict[str, Any]) -> Any:
        value = self.value(node.value, names)
        self.bind(node.target, value, names)
        return value

    # -- calls ---------------------------------------------------------------------------------

    def _value_call(self, node: ast.Call, names: dict[str, Any]) -> Any:
        function = self.value(node.func, names)
        arguments: list[Any] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                arguments += items(self.value(argument.value, names)) or [UNKNOWN]
            else:
                arguments.append(self.value(argument, names))
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, names)
            if keyword.arg is not None:
                named[keyword.arg] = value
            else:
                named.update(merged(value) or {"**": value})
        return self._call(function, arguments, named)

    def _call(self, function: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        if isinstance(function, Bound):
            sure = self.certain(function.value)
            return method(function, arguments or list(named.values()), sure)
        if isinstance(function, Function):
            return self.inside(function, arguments, named)
        name = function.name if isinstance(function, Dotted) else ""
        if calls.is_setup(name):
            self.setups.append(Setup(named, self.sure, self.fallback, name))
            return None
        if name.endswith(".Distribution") and arguments and isinstance(arguments[0], dict):
            self.setups.append(Setup(arguments[0], self.sure, self.fallback, name))
        if name in ("sys.exit", "builtins.exit", "builtins.quit", "os._exit", "os.abort"):
            message = arguments[0] if arguments else 0
            raise Raised("SystemExit", message if isinstance(message, str) else "")
        if name.rpartition(".")[2] in ("cythonize", "pythranize", "mypycify"):
            return self._translated(name, arguments, named)
        if name:
            found = calls.called(name, arguments, named, self.world.platform, self.world.exists)
            if found is not NotImplemented:
                return self._new(found) if isinstance(found, list | dict) else found
        made = calls.made_by(function, arguments, named)
        if made is not None:
            if calls.is_extension(made.of):
                self.made.append(made)
            return made
        inside = [each for each, _ in leaves([*arguments, *named.values()])]
        extensions = [each for each in inside if isinstance(each, Made)]
        return extensions if any(calls.is_extension(e.of) for e in extensions) else UNKNOWN

    def _translated(self, name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
        """Extensions that ``cythonize`` makes of sources or of extensions."""
        of = f"{name}.Extension"
        found: list[Any] = []
        for each, sure in leaves(arguments[:1] or [named.get("module_list", UNKNOWN)]):
            if isinstance(each, Made):
                made = each
            else:
                made = Made(of, ("", [each] if isinstance(each, str) else [UNKNOWN]), {})
                self.made.append(made)
            found.append(made if sure else Perhaps(made))
        return found

    def inside(self, function: Function, arguments: list[Any], named: dict[str, Any]) -> Any:
        """The value that a function of the script returns."""
        node = function.node
        if self._calls >= _DEPTH:
            return UNKNOWN
        names = calls.parameters(node.args, arguments, named)
        for name, default in calls.defaults(node.args):
            if name not in names:
                names[name] = self.value(default, function.names)
        scope: dict[str, Any] = {**function.names, **names, OUTER: function.names}
        scope[DOUBT] = self.doubt
        self._calls += 1
        self._possible.append([])
        doubt = self.doubt
        returned: Any = None
        try:
            if isinstance(node, ast.Lambda):
                returned = self.value(node.body, scope)
            else:
                self.body(node.body, scope)
        except Returned as end:
            returned = end.value
        except Left:
            returned = UNKNOWN
        except Raised:
            if self.doubt <= doubt:
                raise
            returned = UNKNOWN  # it may have returned before
        finally:
            self._calls -= 1
            self.doubt = doubt
            possible = self._possible.pop()
        return one_of(*possible, returned)
