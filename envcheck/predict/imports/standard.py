"""What a followed program sees of Python itself: ``sys``, ``os``, ``platform``, ``ctypes`` and what
they say on the target; the rest of the standard library is there, and nothing is known of it.
"""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from envcheck.predict.imports.operations import Environment, known
from envcheck.predict.imports.statements import SUPPRESS
from envcheck.predict.imports.values import (
    EXCEPTIONS,
    UNKNOWN,
    Bound,
    Class,
    Function,
    Instance,
    Module,
    Native,
    bounded,
    failure,
    truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.model.target import Target
    from envcheck.predict.imports.values import Value

    Call = Callable[[list[Value], dict[str, Value]], Value]

#: Where the environment is taken to be: a folder of a name that nobody looks for.
ENVIRONMENT = PurePosixPath("/environment")
SITE = ENVIRONMENT / "lib/python/site-packages"
_SYSTEMS = {"linux": ("linux", "Linux", "posix"), "macos": ("darwin", "Darwin", "posix")}
_PATHS = ("abspath", "realpath", "normpath", "basename", "dirname", "join", "split", "splitext",
          "isabs", "expanduser", "normcase", "relpath")  # fmt: skip
_LOADERS = ("CDLL", "PyDLL", "OleDLL", "WinDLL")


class World(NamedTuple):
    """What natives ask: whether there is a file (None: not known), names in a folder, the soname
    that ``find_library`` finds (None: none is found), to load a library, to import a module.
    """

    target: Target
    is_file: Callable[[PurePosixPath], bool | None]
    is_folder: Callable[[PurePosixPath], bool | None]
    listing: Callable[[PurePosixPath], list[str] | None]
    find_library: Callable[[Value], Value]
    load: Callable[[Value], Value]
    import_module: Callable[[str, str], Value]
    call: Callable[[Value, list[Value]], Value]


def standard(world: World) -> dict[str, dict[str, Value]]:
    """Modules of which something is known -> their names. Others are open."""
    target = world.target
    platform, system, name = _SYSTEMS.get(target.system, ("win32", "Windows", "nt"))
    machine = target.architecture
    version = tuple(int(part) for part in target.python.split(".")[:3] if part.isdigit())
    version += (0,) * (3 - len(version))
    paths = _paths(world)
    native = _always
    return {
        "sys": {
            "platform": platform,
            "version_info": (*version, "final", 0),
            "maxsize": 2**63 - 1,
            "byteorder": "little",
            "exit": Native("exit", _exit),
            "prefix": str(ENVIRONMENT),
            "exec_prefix": str(ENVIRONMENT),
        },
        "os": _os(world, name),
        "os.path": paths,
        "posixpath": paths,
        "platform": {
            "system": native(system),
            "machine": native(machine),
            "python_implementation": native(
                "CPython" if target.implementation == "cpython" else "PyPy"
            ),
            "architecture": native(("64bit", "ELF")),
            "python_version": native(target.python),
        },
        "ctypes": {
            **{
                one: Native(
                    one,
                    lambda given, named: world.load(
                        given[0] if given else named.get("name", UNKNOWN)
                    ),
                )
                for one in _LOADERS
            },
            "cdll": UNKNOWN,
        },
        "ctypes.util": {
            "find_library": Native("find_library", lambda given, _: world.find_library(given[0]))
        },
        "importlib": {
            "import_module": Native(
                "import_module", lambda given, named: _imported(world, given, named)
            ),
        },
        "pathlib": dict.fromkeys(
            ("Path", "PurePath", "PosixPath", "PurePosixPath"), Native("Path", _path)
        ),
        "contextlib": {"suppress": Native("suppress", lambda given, _: (SUPPRESS, *given))},
        "typing": {"TYPE_CHECKING": False},
        "typing_extensions": {"TYPE_CHECKING": False},
        "glob": {},
    }


def _os(world: World, name: str) -> dict[str, Value]:
    return {
        "name": name,
        "sep": "/",
        "pathsep": ":",
        "curdir": ".",
        "environ": Environment(),
        "getenv": Native("getenv", Environment().get),
        "fspath": Native("fspath", lambda given, _: _text(given[0])),
        "listdir": Native("listdir", lambda given, _: _listed(world, given)),
        "path": UNKNOWN,
    }


def builtins(world: World) -> dict[str, Value]:
    """Names that are there without importing."""
    found: dict[str, Value] = dict(EXCEPTIONS)
    found.update({name: Native(name, call) for name, call in _CALLS.items()})
    found["__import__"] = Native("__import__", lambda given, _: _imported(world, given[:1], {}))
    found["map"] = Native("map", lambda given, _: _map(world, given))
    found["filter"] = Native("filter", lambda given, _: _filter(world, given))
    found["__debug__"] = True
    return found


def path_attribute(world: World, owner: PurePosixPath, name: str) -> Value:
    """Attributes of paths that look at files."""
    if name in ("is_file", "exists"):
        return Native(name, lambda *_: _there(world, owner, name))
    if name == "is_dir":
        return Native(name, lambda *_: _or_unknown(world.is_folder(owner)))
    if name in ("resolve", "absolute", "expanduser"):
        return Native(name, lambda *_: owner)
    if name in ("glob", "iterdir", "rglob"):
        return Native(name, lambda given, _: _globbed(world, owner, name, given))
    return None


def _always(value: Value) -> Native:
    return Native("", lambda *_: value)


def _or_unknown(found: bool | None) -> Value:
    return UNKNOWN if found is None else found


def _there(world: World, path: PurePosixPath, name: str) -> Value:
    found = world.is_file(path)
    if name == "exists" and not found:
        folder = world.is_folder(path)
        found = True if folder else (None if found is None or folder is None else False)
    return _or_unknown(found)


def _text(value: Value) -> Value:
    return str(value) if isinstance(value, str | PurePosixPath) else UNKNOWN


def _path(given: list[Value], _: dict[str, Value]) -> Value:
    parts = [_text(one) for one in given]
    return PurePosixPath(*parts) if known(parts) else UNKNOWN


def _paths(world: World) -> dict[str, Value]:
    def pure(name: str) -> Call:
        def call(given: list[Value], _: dict[str, Value]) -> Value:
            texts = [_text(one) for one in given]
            if not known(texts) or sum(map(len, texts)) > 10_000:
                return UNKNOWN
            if name in ("abspath", "realpath", "expanduser"):
                return posixpath.normpath(texts[0]) if texts[0].startswith("/") else UNKNOWN
            return getattr(posixpath, name)(*texts)

        return call

    def looks(name: str) -> Call:
        def call(given: list[Value], _: dict[str, Value]) -> Value:
            text = _text(given[0])
            if text is UNKNOWN:
                return UNKNOWN
            if name == "isdir":
                return _or_unknown(world.is_folder(PurePosixPath(text)))
            return _there(world, PurePosixPath(text), "exists" if name == "exists" else "is_file")

        return call

    found: dict[str, Value] = {name: Native(name, pure(name)) for name in _PATHS}
    for name in ("exists", "isfile", "isdir"):
        found[name] = Native(name, looks(name))
    found.update({"sep": "/", "pathsep": ":"})
    return found


def _listed(world: World, given: list[Value]) -> Value:
    names = world.listing(PurePosixPath(_text(given[0]))) if given else None
    return UNKNOWN if names is None else names


def _globbed(world: World, owner: PurePosixPath, name: str, given: list[Value]) -> Value:
    names = world.listing(owner)
    if names is None or name == "rglob":
        return UNKNOWN
    if name == "iterdir":
        return [owner / one for one in names]
    pattern = given[0]
    if not isinstance(pattern, str) or "/" in pattern or pattern.count("*") > 4:
        return UNKNOWN
    return [owner / one for one in names if PurePosixPath(one).match(pattern)]


def _imported(world: World, given: list[Value], named: dict[str, Value]) -> Value:
    name = given[0] if given else named.get("name", UNKNOWN)
    package = given[1] if len(given) > 1 else named.get("package", "")
    if not isinstance(name, str) or (name.startswith(".") and not isinstance(package, str)):
        return UNKNOWN
    return world.import_module(name, package if isinstance(package, str) else "")


def _exit(*_: object) -> Value:
    raise failure("SystemExit", "")


def _map(world: World, given: list[Value]) -> Value:
    if len(given) != 2 or not isinstance(given[1], list | tuple):
        return UNKNOWN
    return [world.call(given[0], [one]) for one in given[1][:2000]]


def _filter(world: World, given: list[Value]) -> Value:
    if not isinstance(given[1], list | tuple):
        return UNKNOWN
    kept = []
    for one in given[1][:2000]:
        found = truth(one if given[0] is None else world.call(given[0], [one]))
        if found is None:
            return UNKNOWN
        if found:
            kept.append(one)
    return kept


def _has(given: list[Value], _: dict[str, Value]) -> Value:
    owner, name = given[:2]
    if isinstance(owner, Module) and owner.name == "sys":
        return False if name in ("frozen", "_MEIPASS", "real_prefix") else UNKNOWN
    if isinstance(owner, Module) and owner.name == "os" and name == "add_dll_directory":
        return False
    return UNKNOWN


def _get(given: list[Value], _: dict[str, Value]) -> Value:
    if _has(given[:2], {}) is False and len(given) > 2:
        return given[2]
    owner, name = given[:2]
    if isinstance(owner, Module | Instance) and isinstance(name, str):
        names = owner.scope.names if isinstance(owner, Module) else owner.names
        return names.get(name, UNKNOWN)
    return UNKNOWN


def _isinstance(given: list[Value], _: dict[str, Value]) -> Value:
    value, kind = given
    types = {"str": str, "int": int, "list": list, "tuple": tuple, "dict": dict, "bytes": bytes}
    if value is UNKNOWN or not isinstance(kind, Native) or kind.name not in types:
        return UNKNOWN
    if isinstance(value, Class | Function | Bound | Native | Module | Instance | PurePosixPath):
        return False
    return isinstance(value, types[kind.name])


def _sequence(kind: Callable[[list[Value]], Value]) -> Call:
    def call(given: list[Value], _: dict[str, Value]) -> Value:
        if not given:
            return kind([])
        if isinstance(given[0], str | list | tuple | set | frozenset | dict):
            return bounded(kind(list(given[0])))
        return UNKNOWN

    return call


def _string(given: list[Value], named: dict[str, Value]) -> Value:
    value = given[0] if given else ""
    if isinstance(value, bytes) and len(given) > 1:
        return value.decode(given[1])
    if isinstance(value, Instance) or (named and not isinstance(value, bytes)):
        return UNKNOWN
    return str(value) if isinstance(value, str | int | float | PurePosixPath | None) else UNKNOWN


def _every(decides: bool) -> Call:
    def call(given: list[Value], _: dict[str, Value]) -> Value:
        if not isinstance(given[0], list | tuple | set):
            return UNKNOWN
        found = [truth(one) for one in given[0]]
        if decides in found:
            return decides
        return UNKNOWN if None in found else not decides

    return call


def _plain(function: Callable[..., Value]) -> Call:
    def call(given: list[Value], named: dict[str, Value]) -> Value:
        if not known([*given, *named.values()]):
            return UNKNOWN
        return bounded(function(*given, **named))

    return call


def _range(*given: int) -> Value:
    found = range(*given)
    return list(found) if len(found) <= 2000 else UNKNOWN


def _dict(given: list[Value], named: dict[str, Value]) -> Value:
    return {**(dict(given[0]) if given else {}), **named}


def _bool(given: list[Value], _: dict[str, Value]) -> Value:
    return _or_unknown(truth(given[0])) if given else False


def _type(given: list[Value], _: dict[str, Value]) -> Value:
    if len(given) == 1 and isinstance(given[0], Instance):
        return given[0].class_
    return UNKNOWN


_CALLS: dict[str, Call] = {
    "print": lambda *_: None,
    "hasattr": _has,
    "getattr": _get,
    "isinstance": _isinstance,
    "list": _sequence(list),
    "tuple": _sequence(tuple),
    "set": _sequence(set),
    "reversed": _sequence(lambda items: items[::-1]),
    "enumerate": _sequence(lambda items: list(enumerate(items))),
    "dict": _dict,
    "str": _string,
    "bool": _bool,
    "type": _type,
    "any": _every(True),
    "all": _every(False),
    "len": _plain(len),
    "int": _plain(int),
    "sorted": _plain(sorted),
    "min": _plain(min),
    "max": _plain(max),
    "range": _plain(_range),
    "zip": _plain(lambda *lists: list(zip(*lists, strict=False))),
    "globals": lambda *_: UNKNOWN,
    "locals": lambda *_: UNKNOWN,
    "vars": lambda *_: UNKNOWN,
}
