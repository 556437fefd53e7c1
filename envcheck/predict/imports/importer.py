"""Following an import through the wheels of a closure."""

from __future__ import annotations

import sys
from ast import Import
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from envcheck.predict.imports import standard
from envcheck.predict.imports.files import Files
from envcheck.predict.imports.outcome import Outcome, Search, stem
from envcheck.predict.imports.sources import parsed, removed
from envcheck.predict.imports.statements import Statements
from envcheck.predict.imports.values import (
    UNKNOWN,
    FailureError,
    Module,
    Scope,
    TooMuchError,
    failure,
)

if TYPE_CHECKING:
    from ast import ImportFrom
    from collections.abc import Collection, Sequence

    from envcheck.model.target import Target
    from envcheck.predict.imports.outcome import Kind
    from envcheck.predict.imports.site import Site
    from envcheck.predict.imports.values import Value
    from envcheck.predict.loading import Lack, Loader

_MODULES = 250  # that are followed for one import
_SOURCES = 4 << 20  # bytes of them
_LONGEST = 3 << 19  # bytes of one


class Importer(Statements):
    """``opaque``: distributions that are known to import and are not followed. ``broken``: modules
    that are known to fail, by the object that does not load and why. ``granted``: libraries that
    are taken to be there, as ``outcome.stem`` names them.
    """

    def __init__(
        self, target: Target, site: Site, loader: Loader, opaque: Collection[str] = ()
    ) -> None:
        super().__init__()
        self._target, self._site, self._loader = target, site, loader
        self._opaque = frozenset(opaque)
        self.broken: dict[str, tuple[str, Sequence[Lack]]] = {}
        self.granted: set[str] = set()
        self._modules: dict[str, Module] = {}
        self._failed: dict[str, FailureError] = {}
        self._searches: list[Search] = []
        self._reached: set[str] = set()
        self._current: list[str] = []
        self._left = self._size = 0
        self._vague = False  # whether something was not followed that should have been
        self._files = Files(site, loader)
        self._world = standard.World(
            target,
            self._files.is_file,
            self._files.is_folder,
            self._files.listing,
            self._find_library,
            self.load,
            self.import_module,
            lambda function, given: self.call(function, given, {}),
        )
        self._standard = standard.standard(self._world)
        self._builtins = standard.builtins(self._world)

    def outcome(self, name: str) -> Outcome:
        """What ``import name`` does."""
        self.steps, self.doubt, self.depth = 400_000, 0, 0
        self._modules.clear()
        self._failed.clear()
        self._searches.clear()
        self._reached.clear()
        self._left, self._size, self._vague = _MODULES, _SOURCES, False
        try:
            self.import_module(name, "")
        except FailureError as error:
            searches = tuple(one for one in error.searches if isinstance(one, Search))
            return Outcome(False, error.text, searches, error.module, frozenset(self._reached))
        except (TooMuchError, RecursionError, MemoryError):
            return Outcome(None)
        return Outcome(None if self._vague else True, reached=frozenset(self._reached))

    # -- modules -----------------------------------------------------------------------------------

    def import_(self, node: Import | ImportFrom, scope: Scope, module: Module) -> None:
        """Bind what an import statement imports."""
        if isinstance(node, Import):
            for alias in node.names:
                found = self.import_module(alias.name, "")
                if not alias.asname:
                    found = self._modules.get(alias.name.partition(".")[0], UNKNOWN)
                self._bind(alias.asname or alias.name.partition(".")[0], found, scope)
            return
        name = "." * node.level + (node.module or "")
        found = self.import_module(name, module.package)
        for alias in node.names:
            if alias.name == "*":
                if isinstance(found, Module):
                    names = {key: one for key, one in found.scope.names.items() if key[:1] != "_"}
                    scope.names.update(names)
                module.dynamic = module.dynamic or not isinstance(found, Module) or found.dynamic
                continue
            value = UNKNOWN
            if isinstance(found, Module):
                value = self._member(found, alias.name)
                if value is UNKNOWN and found.path and alias.name not in found.scope.names:
                    self.unsure(scope)
            self._bind(alias.asname or alias.name, value, scope)

    def _bind(self, name: str, value: Value, scope: Scope) -> None:
        scope.outer_names.get(name, scope).names[name] = value

    def _member(self, module: Module, name: str) -> Value:
        """What ``from module import name`` gives."""
        if name in module.scope.names:
            return module.scope.names[name]
        if module.path and self._located(f"{module.name}.{name}"):
            return self.import_module(f"{module.name}.{name}", "")
        if f"{module.name}.{name}" in self._standard:
            return self.import_module(f"{module.name}.{name}", "")
        if module.path and not module.dynamic:
            raise failure("ImportError", f"cannot import name '{name}' from '{module.name}'")
        return UNKNOWN

    def module_attribute(self, module: Module, name: str) -> Value:
        """An attribute, or a module inside that was imported."""
        if name == "__dict__":
            return UNKNOWN
        if name in module.scope.names and module.scope.names[name] is not UNKNOWN:
            return module.scope.names[name]
        inner = f"{module.name}.{name}"
        if inner in self._standard:
            return self._imported(inner)
        return self._modules.get(inner, UNKNOWN)

    def import_module(self, name: str, package: str) -> Value:
        """The module; its parents are imported first. Raises FailureError."""
        if name.startswith("."):
            rest = name.lstrip(".")
            parts = package.split(".") if package else []
            up = len(name) - len(rest) - 1
            if not parts or up >= len(parts):
                return UNKNOWN
            name = ".".join([*parts[: len(parts) - up], *([rest] if rest else [])])
        found: Value = UNKNOWN
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            found = self._imported(".".join(parts[:count]))
            if found is UNKNOWN:
                return UNKNOWN
        return found

    def _imported(self, name: str) -> Value:
        if name in self._failed:
            error = self._failed[name]
            self._searches += [one for one in error.searches if isinstance(one, Search)]
            raise error
        if name in self._modules:
            return self._modules[name]
        start = len(self._searches)
        try:
            found = self._new(name)
        except FailureError as error:
            self._modules.pop(name, None)
            self._failed[name] = error
            if not error.module:
                error.module = name
                found = [one for one in error.searches if isinstance(one, Search)]
                if not found or found[-1].kind == "library":  # what was tried before, too
                    error.searches = self._reasons(start, error) or error.searches
            raise
        return found

    def _reasons(self, start: int, error: FailureError) -> tuple[Search, ...]:
        """What was looked for in vain before a program gave up by itself. That a module is not
        there is a reason only if the program says that it cannot be imported without.
        """
        found = tuple(self._searches[start:])
        enough = "ImportError" in error.kinds or any(one.kind != "module" for one in found)
        return found if enough else ()

    def _new(self, name: str) -> Value:
        top = name.partition(".")[0]
        numbers, complete = self._site.holders(top)
        if not numbers:
            return self._elsewhere(name, complete)
        if name in self.broken:
            path, lacks = self.broken[name]
            first = next(lack for lack in lacks if lack.certain)
            raise self._lacking("ImportError", first.sentence, "object", path, lacks)
        owners = {self._site.artefacts[number].name for number in numbers}
        if owners <= self._opaque:
            return self._plain(name)
        located = self._located(name)
        if located is None:
            if not all(self._site.known(top) for top in [top]) or "." in name:
                return self._absent_inside(name, top)
            return self._absent(name)
        kind, path = located
        if kind == "extension":
            return self._extension(name, path)
        if kind == "folder":
            made = self._plain(name, path)
            made.package = name
            return made
        return self._follow(name, path, kind == "package")

    def _elsewhere(self, name: str, complete: bool) -> Value:
        """A module of Python itself, or one that nobody brings."""
        top = name.partition(".")[0]
        library = self._loader.image.modules.get(top)
        if library:
            text = f"{library}: cannot open shared object file"
            raise self._lacking("ImportError", text, "library", library)
        if top in sys.stdlib_module_names and top not in removed(self._target.version):
            made = self._plain(name)
            made.scope.names.update(self._standard.get(name, {}))
            return made
        if not complete or (top in ("pkg_resources", "setuptools", "pip", "wheel", "distutils")
                            and self._target.version < (3, 12)):  # fmt: skip
            return self._plain(name)
        if top == "distutils" and self._site.holders("setuptools")[0]:
            return self._plain(name)
        return self._absent(name)

    def _absent(self, name: str) -> Value:
        if self._elsewhere_in_wheels(name.partition(".")[0]):
            return UNKNOWN
        text = f"No module named '{name}'"
        raise self._lacking("ModuleNotFoundError", text, "module", name)

    def _elsewhere_in_wheels(self, top: str) -> bool:
        """Whether whoever imports it may have it in a folder that it adds to ``sys.path``."""
        for current in self._current:
            for number in self._site.holders(current.partition(".")[0])[0]:
                marks = (f"/{top}/", f"/{top}.")
                if any(mark in path for path in self._site.files(number) or {} for mark in marks):
                    return True
        return False

    def _absent_inside(self, name: str, top: str) -> Value:
        """A module that its package does not have: it may be made when it is built or run."""
        parent = name.rpartition(".")[0]
        if self._site.known(top) and parent and self._located(parent):
            raise failure("ModuleNotFoundError", f"No module named '{name}'")
        return self._plain(name)

    def _vain(self, kind: Kind, name: str, lacks: Sequence[Lack] = ()) -> Search:
        """Note a search in vain."""
        place = self._current[-1] if self._current else ""
        search = Search(kind, name, place, tuple(lacks))
        self._searches.append(search)
        return search

    def _lacking(
        self, error: str, text: str, kind: Kind, name: str, lacks: Sequence[Lack] = ()
    ) -> FailureError:
        """The failure that a search in vain makes."""
        made = failure(error, text)
        made.searches = (self._vain(kind, name, lacks),)
        return made

    def _plain(self, name: str, path: str = "") -> Module:
        """A module that is there and not followed."""
        made = Module(name, path)
        self._modules[name] = made
        return made

    def _located(self, name: str) -> tuple[str, str] | None:
        """What kind of module, and its path, as Python's finder looks for it."""
        path = name.replace(".", "/")
        if self._site.find(f"{path}/__init__.py"):
            return "package", f"{path}/__init__.py"
        for suffix in self._site.suffixes:
            for inner in (f"{path}/__init__{suffix}", f"{path}{suffix}"):
                if self._site.find(inner):
                    return "extension", inner
        if self._site.find(f"{path}.py"):
            return "source", f"{path}.py"
        return ("folder", path) if self._site.below(path) else None

    def _extension(self, name: str, path: str) -> Value:
        lacks = self._loader.lacks(path)
        self._reached.add(path)
        if any(lack.certain for lack in lacks):
            first = next(lack for lack in lacks if lack.certain)
            raise self._lacking("ImportError", first.sentence, "object", path, lacks)
        return self._plain(name)

    def _follow(self, name: str, path: str, package: bool) -> Value:
        """Run the source of a module."""
        self._left -= 1
        place = self._site.find(path)
        source = self._site.source(place) if place else None
        if source is None or len(source) > _LONGEST:
            self._vague = True
            return self._plain(name)
        self._size -= len(source)
        if self._left < 0 or self._size < 0:
            raise TooMuchError
        tree = parsed(source)
        if tree is None:
            self._vague = True
            return self._plain(name)
        made = Module(name, path, name if package else name.rpartition(".")[0])
        made.scope.names.update(
            {
                "__name__": name,
                "__file__": str(standard.SITE / path),
                "__package__": made.package,
                "__path__": [str((standard.SITE / path).parent)] if package else UNKNOWN,
            }
        )
        made.dynamic = b"global " in source  # bound by calls that are not seen
        self._modules[name] = made
        doubt, self.doubt = self.doubt, 0
        self._current.append(name)
        try:
            self.block(tree.body, made.scope, made)
        except FailureError:
            if not made.scope.doubt:
                raise
        finally:
            self._current.pop()
            self.doubt = doubt
        return made

    # -- what is there -----------------------------------------------------------------------------

    def builtin(self, name: str) -> Value:
        """A built-in name."""
        return self._builtins.get(name, UNKNOWN)

    def path_attribute(self, owner: PurePosixPath, name: str) -> Value:
        """Of a path."""
        found = standard.path_attribute(self._world, owner, name)
        return found if found is not None else super().path_attribute(owner, name)

    def load(self, value: Value, *, by_name_too: bool = False) -> Value:
        """``dlopen``. Raises FailureError if the library is not there or does not load."""
        if isinstance(value, PurePosixPath):
            value = str(value)
        if not isinstance(value, str) or stem(value) in self.granted:
            return UNKNOWN
        if "/" not in value:
            there = self._loader.library(value)
            if by_name_too and there is False and self._find_library(value) is not None:
                return UNKNOWN
            if there is False and value:
                text = f"{value}: cannot open shared object file"
                raise self._lacking("OSError", text, "library", value)
            return UNKNOWN
        path = self._files.relative(PurePosixPath(value))
        there = self._files.is_file(PurePosixPath(value))
        if there is False:
            name = value.rpartition("/")[2]
            text = f"{value}: cannot open shared object file"
            raise self._lacking("OSError", text, "library", name)
        if path is not None and there:
            self._reached.add(path)
            lacks = self._loader.lacks(path)
            if any(lack.certain for lack in lacks):
                first = next(lack for lack in lacks if lack.certain)
                raise self._lacking("OSError", first.sentence, "object", path, lacks)
        return UNKNOWN

    def _find_library(self, value: Value) -> Value:
        """``ctypes.util.find_library``."""
        if not isinstance(value, str) or stem(value) in self.granted:
            return UNKNOWN
        found = self._loader.image.named(value)
        if self._target.family == "musl" and found:
            return UNKNOWN  # it depends on a compiler being there
        if found is False:
            self._vain("library", value)
            return None
        return UNKNOWN
