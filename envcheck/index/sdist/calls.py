"""What is known of modules and functions that a ``setup.py`` uses, on a system it is thought on."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any

from envcheck.index.sdist.values import (
    UNKNOWN,
    Class,
    Dotted,
    Made,
    OneOf,
    Perhaps,
    Version,
    items,
    known,
    truth,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST = 1 << 19  # characters of a script
_SAFE = 8_000  # … that older Pythons read without being asked in a child first
_UNSAFE = (3, 11)  # before it a deep tree overflows the C stack
_NAMES = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}
_IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError")
#: Of ``sys``, on other implementations.
_NOT_HERE = ("pypy_version_info", "pypy_translation_info", "getandroidapilevel")
_GENERAL = ("Exception", "BaseException", "StandardError")


def parsed(text: str) -> ast.Module | None:
    """The syntax tree of a script; None if it is none of Python 3, or could do harm to read."""
    if len(text) > _LONGEST or "\0" in text:
        return None
    if sys.version_info[:2] < _UNSAFE and len(text) > _SAFE and not _readable(text):
        return None
    try:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its invalid escapes
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _readable(text: str) -> bool:
    """Whether a process survives reading it."""
    from envcheck import process

    code = "import ast, sys; ast.parse(sys.stdin.buffer.read())"
    answer = process.run([sys.executable, "-I", "-S", "-c", code], stdin=text.encode(), timeout=20)
    return answer.status == "ok"


def attribute(name: str, platform: str) -> Any:
    """The value of ``sys.platform`` and of others that are known; else NotImplemented."""
    values: dict[str, Any] = {
        "sys.platform": platform,
        "sys.version_info": Version(),
        "sys.version_info.major": 3,
        "sys.argv": ["setup.py", "bdist_wheel"],
        "sys.implementation.name": "cpython",
        "sys.pypy_version_info": None,
        "sys.builtin_module_names": (),
        "sys.flags.debug": 0,
        "os.name": "nt" if platform == "win32" else "posix",
        "os.sep": "/",
        "os.curdir": ".",
        "six.PY2": False,
        "six.PY3": True,
    }
    value = values.get(name, NotImplemented)
    return list(value) if isinstance(value, list) else value


def called(
    name: str,
    arguments: Sequence[Any],
    named: dict[str, Any],
    platform: str,
    exists: Callable[[str], bool | None],
) -> Any:
    """What a function of the standard library gives; NotImplemented if that is not known."""
    first = arguments[0] if arguments else UNKNOWN
    if name in ("os.environ.get", "os.getenv", "os.environ.pop", "os.environ.setdefault"):
        return arguments[1] if len(arguments) > 1 else named.get("default")
    if name in ("platform.system", "platform.uname.system"):
        return _NAMES.get(platform, UNKNOWN)
    if name == "platform.python_implementation":
        return "CPython"
    if name in ("os.path.exists", "os.path.isfile", "os.path.isdir"):
        found = exists(first) if isinstance(first, str) else None
        return UNKNOWN if found is None else found
    if name in ("os.path.join", "pathlib.Path", "pathlib.PurePath"):
        return _joined(arguments)
    if name in ("os.path.abspath", "os.path.realpath", "os.path.normpath", "os.fspath"):
        return first
    if name == "os.path.dirname" and isinstance(first, str):
        return first.rpartition("/")[0]
    if name in ("os.path.basename",) and isinstance(first, str):
        return first.rpartition("/")[2]
    if name == "os.path.splitext" and isinstance(first, str):
        stem, dot, ending = first.rpartition(".")
        return (stem, dot + ending) if dot else (first, "")
    if name == "os.getcwd":
        return ""
    return _builtin(name.removeprefix("builtins."), arguments, named)


def _joined(arguments: Sequence[Any]) -> Any:
    if not all(isinstance(argument, str) for argument in arguments):
        return UNKNOWN
    parts = [part.rstrip("/") for part in arguments if part not in ("", ".")]
    return "/".join(parts)[:4096]


def _builtin(name: str, arguments: Sequence[Any], named: dict[str, Any]) -> Any:
    first = arguments[0] if arguments else UNKNOWN
    if name == "dict":
        given = _pairs(first) if arguments else {}
        return UNKNOWN if given is None else {**given, **named}
    if name in ("list", "tuple", "set", "sorted", "reversed"):
        found = items(first) if arguments else []
        return UNKNOWN if found is None else found
    if name == "bool" and arguments:
        said = truth(first)
        return UNKNOWN if said is None else said
    if name in ("int", "str", "len", "float") and len(arguments) == 1 and known(first):
        if isinstance(first, str | list | tuple) and len(first) > 1000:
            return UNKNOWN
        try:
            functions: dict[str, Any] = {"int": int, "str": str, "len": len, "float": float}
            return functions[name](first)
        except (TypeError, ValueError, OverflowError):
            return UNKNOWN
    if name == "enumerate" and items(first) is not None:
        return [(number, each) for number, each in enumerate(items(first) or [])]
    if name == "filter" and len(arguments) == 2:
        found = items(arguments[1])
        return UNKNOWN if found is None else [Perhaps(each) for each in found]
    if name in ("any", "all") and items(first) is not None:
        truths = [truth(each) for each in items(first) or []]
        decisive = name == "any"
        if decisive in truths:
            return decisive
        return UNKNOWN if None in truths else not decisive
    if name in ("any", "all", "print", "isinstance", "hasattr", "getattr", "warnings.warn"):
        return _asked(name, arguments)
    return NotImplemented


def _pairs(value: Any) -> dict[Any, Any] | None:
    """The dictionary of a dictionary or of pairs."""
    if isinstance(value, dict):
        return value
    found = {}
    for pair in items(value) or ():
        if isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str):
            found[pair[0]] = pair[1]
        else:
            found["**"] = UNKNOWN
    return found if items(value) is not None else None


def _asked(name: str, arguments: Sequence[Any]) -> Any:
    """``hasattr(sys, "pypy_version_info")`` asks whether this is PyPy."""
    if name in ("hasattr", "getattr") and len(arguments) > 1:
        of, what = arguments[0], arguments[1]
        if not isinstance(of, Dotted) or not isinstance(what, str):
            return UNKNOWN
        if of.name == "sys" and what in _NOT_HERE:
            return False if name == "hasattr" else None
        if name == "getattr":
            found = attribute(f"{of.name}.{what}", "")
            return Dotted(f"{of.name}.{what}") if found is NotImplemented else found
    return None if name in ("print", "warnings.warn") else UNKNOWN


def raised(value: Any, make: Callable[[str, str], Exception]) -> Exception:
    """The exception that ``raise value`` raises."""
    if isinstance(value, Made):
        text = value.arguments[0] if value.arguments else ""
        return make(value.of.rpartition(".")[2], text if isinstance(text, str) else "")
    if isinstance(value, Class):
        return make(value.node.name, "")
    if isinstance(value, Dotted):
        return make(value.last, "")
    return make("Exception", "")


def catches(handler: ast.ExceptHandler, kind: str) -> bool:
    """Whether a handler is for exceptions called ``kind``."""
    types = handler.type
    if types is None:
        return True
    nodes = types.elts if isinstance(types, ast.Tuple) else [types]
    names = {
        node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in nodes
    }
    if kind in names or "BaseException" in names:
        return True
    if kind in _IMPORT_ERRORS and names & {*_IMPORT_ERRORS, "OSError"} & set(_IMPORT_ERRORS):
        return True
    return kind != "SystemExit" and bool(names & set(_GENERAL))


def is_setup(name: str) -> bool:
    """Whether a function of this dotted name is called to set up a distribution."""
    return name == "setup" or name.endswith(".setup")


def is_extension(name: str, bases: Sequence[str] = ()) -> bool:
    """Whether what a class of this name makes is a module that is compiled."""
    return any(
        each.rpartition(".")[2].endswith(("Extension", "RustBin", "CMakeExtension"))
        for each in (name, *bases)
    )


def made_by(value: Any, arguments: Sequence[Any], named: dict[str, Any]) -> Made | None:
    """What calling a class gives; None if ``value`` is none."""
    if isinstance(value, Class):
        own = next((base for base in value.bases if is_extension(base)), "")
        return Made(own or value.node.name, tuple(arguments), named)
    if isinstance(value, Dotted) and value.last[:1].isupper():
        return Made(value.name, tuple(arguments), named)
    if isinstance(value, OneOf):
        for each in value.values:
            made = made_by(each, arguments, named)
            if made is not None and is_extension(made.of):
                return made
    return None


def parameters(node: ast.arguments, arguments: list[Any], named: dict[str, Any]) -> dict[str, Any]:
    """What a function's parameters are called, and given."""
    names = [argument.arg for argument in [*node.posonlyargs, *node.args]]
    found = dict(zip(names, arguments, strict=False))
    if node.vararg is not None:
        found[node.vararg.arg] = list(arguments[len(names) :])
    every = {*names, *(argument.arg for argument in node.kwonlyargs)}
    found.update({key: value for key, value in named.items() if key in every})
    if node.kwarg is not None:
        found[node.kwarg.arg] = {k: v for k, v in named.items() if k not in every}
    return found


def defaults(node: ast.arguments) -> list[tuple[str, ast.expr]]:
    """Parameters that have a default, and it."""
    names = [argument.arg for argument in [*node.posonlyargs, *node.args]]
    found = list(zip(names[len(names) - len(node.defaults) :], node.defaults, strict=True))
    found += [
        (argument.arg, default)
        for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True)
        if default is not None
    ]
    return found
