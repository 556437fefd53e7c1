"""The rules of the house, enforced by a walk over the syntax trees."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "envcheck"
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8"), str(file)) for file in FILES}
NODES = {file: list(ast.walk(tree)) for file, tree in TREES.items()}

#: Layers from the bottom up. A unit imports itself, lower layers, and what SIDEWAYS names.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("typed",),
    ("errors", "jsontext"),
    ("tomlfile",),
    ("tomltable",),
    ("model", "process", "config", "project"),
    ("knowledge", "profiles", "checks", "targets", "index", "report", "store", "schemas"),
    ("redact", "secret_shapes"),
    ("evaluate", "predict"),
    ("matrix",),
    ("api",),
    ("cli",),
    ("__main__",),
)
#: Imports within one layer that are part of the design.
SIDEWAYS = {
    ("checks", "knowledge"),  # whoever judges may look things up
    ("profiles", "knowledge"),
    ("index", "knowledge"),  # what files of sdists and wheels tell
    ("config", "model"),  # the words that settings may use
    ("config", "project"),  # one source of settings; loaded only where there is such a file
    ("project", "config"),
    ("redact", "secret_shapes"),  # loaded only where a text looks suspicious
    ("targets", "schemas"),  # a saved sheet is held to its schema …
    ("schemas", "targets"),  # … which is generated from the agent's fields
}
ISLANDS = ("agent", "accelerator", "smoke", "cell")
#: Islands beside which another one always lies.
BESIDE = {"smoke": ("accelerator",), "cell": ("smoke",)}
PURE = ("model", "checks", "evaluate", "report")

#: What only some may use: module -> units or files that may.
CONFINED = {
    "subprocess": ("process.py", "agent/without_fork.py", "cell/creating.py"),
    "socket": ("index", "agent", "cell/door.py", "accelerator/launchers.py"),  # there a free port
    "http": ("index", "agent"),
    "urllib.request": ("index", "agent"),
    "ssl": ("index", "agent"),
    "requests": ("targets/image.py",),  # what the Docker SDK raises
    "docker": ("targets/engine.py", "targets/image.py", "targets/container.py", "matrix"),
    "rich": ("cli", "report"),
}
IMPURE_MODULES = {
    "os", "subprocess", "socket", "time", "pathlib", "shutil", "tempfile", "random", "http",
    "threading", "asyncio", "ctypes", "platform", "locale", "getpass", "urllib.request",
}  # fmt: skip
IMPURE_METHODS = {"now", "today", "utcnow", "read_text", "write_text"}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}

#: Modules and functions that are longer than the rule allows, each with its reason.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
MODULE_LINES, FUNCTION_LINES = 400, 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools"}
#: Programs written for Accelerate import from there: they change the name of the package only.
NAMED_BY_OTHERS = {"accelerator/utils.py"}


def name_of(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def unit_of(file: Path) -> str:
    return name_of(file).partition("/")[0].removesuffix(".py")


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path, *, run_time: bool = False, at_load_only: bool = False) -> list[str]:
    """Absolute names that a file imports, relative ones resolved: anywhere in it; without what is
    only for type checkers; only what is imported when the module is.
    """
    skipped = _type_checking(file) if run_time or at_load_only else set()
    if at_load_only:
        skipped |= _in_functions(file)
    package = module_of(file).split(".")
    if file.name != "__init__.py":
        package = package[:-1]
    found = []
    for node in NODES[file]:
        if not isinstance(node, ast.Import | ast.ImportFrom) or node in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        else:
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found += [f"{name}.{alias.name}" for alias in node.names]
    return found


def _type_checking(file: Path) -> set[ast.AST]:
    return {
        inner
        for node in NODES[file]
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }


def _in_functions(file: Path) -> set[ast.AST]:
    return {
        inner
        for node in NODES[file]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }


def host_files() -> list[Path]:
    return [file for file in FILES if unit_of(file) not in ISLANDS]


def level(unit: str) -> int:
    for number, layer in enumerate(LAYERS):
        if unit in layer:
            return number
    raise AssertionError(f"{unit} has no place in LAYERS")


def test_imports_go_down():
    wrong = [
        f"{name_of(file)} imports {name}"
        for file in host_files()
        for name in imports(file)
        if not _may_import(unit_of(file), name)
    ]
    assert not wrong


def _may_import(unit: str, name: str) -> bool:
    package, _, rest = name.partition(".")
    other = rest.partition(".")[0]
    if package != "envcheck" or not _is_unit(other):
        return True
    if other in ISLANDS:
        return False
    return unit == other or (unit, other) in SIDEWAYS or level(other) < level(unit)


def _is_unit(name: str) -> bool:
    """Not a name of the package itself, such as ``__version__``."""
    return bool(name) and ((PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists())


def test_islands_import_nothing_of_the_house():
    wrong = [
        f"{name_of(file)} imports {name}"
        for file in FILES
        if unit_of(file) in ISLANDS
        for name in imports(file)
        if name.startswith("envcheck.")
        and name.split(".")[1] not in (unit_of(file), *BESIDE.get(unit_of(file), ()))
    ]
    assert not wrong


def test_there_are_no_cycles():
    graph = {
        module_of(file): {_module(name) for name in imports(file, at_load_only=True)} - {""}
        for file in FILES
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for other in graph.get(module, ()):
                if other != module:
                    visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


MODULES = {module_of(file) for file in FILES if file.name != "__init__.py"}


def _module(name: str) -> str:
    """The module below the package that an imported name is, or is in; empty for others."""
    while name:
        if name in MODULES:
            return name
        name = name.rpartition(".")[0]
    return ""


def test_confined_modules_stay_where_they_are():
    wrong = [
        f"{name_of(file)} imports {name}, which belongs to {', '.join(allowed)}"
        for file in FILES
        for name in imports(file, run_time=True)
        for module, allowed in CONFINED.items()
        if f"{name}.".startswith(f"{module}.") and not name_of(file).startswith(allowed)
    ]
    assert not wrong


def nodes(files: list[Path], kind: type[ast.AST]) -> Iterator[tuple[str, Any]]:
    """Every node of a kind, with its place."""
    for file in files:
        for node in NODES[file]:
            if isinstance(node, kind):
                yield f"{name_of(file)}:{getattr(node, 'lineno', 0)}", node


def test_environment_variables_are_read_in_few_places():
    may = ("config.py", "process.py", "agent/", "cell/", "smoke/", "accelerator/")
    files = [file for file in FILES if not name_of(file).startswith(may)]
    forbidden = ("environ", "environb", "getenv")
    assert not [at for at, node in nodes(files, ast.Attribute) if node.attr in forbidden]


def calls(files: list[Path], names: set[str]) -> list[str]:
    """Where a builtin of these names is called."""
    return [
        f"{at} {node.func.id}()"
        for at, node in nodes(files, ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id in names
    ]


def test_only_the_command_line_prints():
    may = ("cli", *ISLANDS)
    files = [file for file in FILES if unit_of(file) not in may]
    assert not calls([file for file in files if file.name != "generate.py"], {"print"})


def test_what_judges_and_renders_is_pure():
    files = [file for file in FILES if unit_of(file) in PURE]
    wrong = [
        f"{name_of(file)} imports {name}"
        for file in files
        for name in imports(file, run_time=True)
        for module in IMPURE_MODULES
        if f"{name}.".startswith(f"{module}.")
    ]
    wrong += calls(files, IMPURE_CALLS)
    wrong += [
        f"{at} .{node.func.attr}()"
        for at, node in nodes(files, ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_METHODS
    ]
    assert not wrong


def test_modules_are_small():
    long = {name_of(file): lines_of(file) for file in FILES if lines_of(file) > MODULE_LINES}
    assert set(long) == set(LONG_MODULES), long


def test_functions_are_small():
    long = {}
    for file in FILES:
        for node in NODES[file]:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if length > FUNCTION_LINES:
                    long[f"{name_of(file)}:{node.name}"] = length
    assert set(long) == set(LONG_FUNCTIONS), long


def lines_of(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_names_say_something():
    vague = {name_of(file) for file in FILES if VAGUE & {*file.parts, file.stem}}
    suffixes = ("Manager", "Helper", "Utils")
    vague |= {at for at, node in nodes(FILES, ast.ClassDef) if node.name.endswith(suffixes)}
    assert vague == NAMED_BY_OTHERS


def test_every_module_says_what_it_is():
    assert not [name_of(file) for file in FILES if not ast.get_docstring(TREES[file])]


AGENT = [file for file in FILES if unit_of(file) == "agent"]


def test_the_agent_parses_as_python_3_7():
    for file in AGENT:
        ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=(3, 7))


def test_what_runs_in_a_cell_parses_as_python_3_7():
    for file in FILES:
        if unit_of(file) == "cell":
            ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=(3, 7))


def test_what_is_run_beside_torch_parses_as_python_3_9():
    for file in FILES:
        if unit_of(file) in ("accelerator", "smoke"):
            ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=(3, 9))


def test_the_agent_needs_only_the_standard_library_and_itself():
    """What is examined by importing it is imported inside a function, never with the module."""
    wrong = [
        f"{name_of(file)} imports {name}"
        for file in AGENT
        for name in imports(file, at_load_only=True)
        if name.partition(".")[0] not in sys.stdlib_module_names | {"envcheck", "envcheck_agent"}
    ]
    assert not wrong


def test_no_file_of_the_agent_shadows_a_module():
    probed = {"torch", "numpy", "transformers", "accelerate", "deepspeed", "pip", "conda"}
    own = {file.stem for file in AGENT if not file.stem.startswith("__")}
    assert not own & (sys.stdlib_module_names | probed)


def test_nobody_is_told_to_install_what_belongs_to_somebody_else():
    """The distribution ``envcheck`` on the public index is not this one."""
    pattern = re.compile(r"(install|uvx|run) +(-\S+ +)*envcheck(?!-ml)\b(?! doctor)")
    texts = [*FILES, *ROOT.glob("*.md"), *PACKAGE.rglob("*.toml")]
    wrong = [str(file) for file in texts if pattern.search(file.read_text(encoding="utf-8"))]
    assert not wrong
