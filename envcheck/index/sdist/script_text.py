"""What stands in a ``setup.py``, whether or not it is reached: programs, fetching, refusals."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from envcheck.index.sdist.signs import line, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envcheck.index.sdist.values import Class

#: Commands of setuptools that run when a wheel is built.
_BUILDING = ("build", "Build", "egg_info", "dist_info", "bdist", "install", "develop")
_METHODS = ("run", "finalize_options", "initialize_options", "build_extension", "build_extensions",
            "build_packages", "build_module", "__init__")  # fmt: skip
_TALK = ("print", "error", "warn", "warning", "info", "debug", "log", "write", "exit", "Exception",
         "announce", "echo")  # fmt: skip
_FETCHING = ("urlopen", "urlretrieve", "wget.download", "requests.get", "hf_hub_download",
             "httpx.get", "urllib2.urlopen", "download_url")  # fmt: skip
_PYTHON_2 = re.compile(
    r"^[ \t]*print[ \t]+[\"'\w]|^[ \t]*except[ \t]+[\w.()]+[ \t]*,[ \t]*\w+[ \t]*:|"
    r"^[ \t]*exec[ \t]+[\"'\w]|^[ \t]*print[ \t]*>>|^[ \t]*raise[ \t]+\w+[ \t]*,[ \t]*[\"'\w]|"
    r"\b0[0-7]{3}\b|\bur?[\"']{1}.{0,80}[\"']\s*%|^[ \t]*print[ \t]*$",
    re.M,
)
_SYSTEM = re.compile(r"sys\.platform|os\.name|platform\.system|_?winreg|msvcrt")
_NAMES = {"darwin": "macos", "Darwin": "macos", "win32": "windows", "nt": "windows",
          "Windows": "windows", "cygwin": "windows", "win": "windows", "linux": "linux",
          "Linux": "linux", "linux2": "linux"}  # fmt: skip


def of_python_2(text: str) -> bool:
    """Whether a script that is no Python 3 is Python 2."""
    return bool(_PYTHON_2.search(text))


def speaks_of_systems(text: str) -> bool:
    """Whether a script asks on which system it is."""
    return bool(_SYSTEM.search(text))


def programs(tree: ast.Module, required: set[str]) -> list[str]:
    """Programs that it names where a command may stand, and without which it ends; without those
    that ``required`` brings.
    """
    found: dict[str, None] = {}
    for text in _commands(tree, False):
        words = text.split() or [""]
        if len(words) > 1 and words[1][0] not in "-./$":  # a sentence
            continue
        word = words[0].rpartition("/")[2].removesuffix(".exe")
        row = rows("program").get(word)
        if row and not row.get("compiler") and row.get("wheel") not in required:
            found[word] = None
    found.pop("make", None)
    found.pop("ninja", None)
    return list(found)


def wanted_by(message: str) -> str:
    """The program that a script misses, by its own words; empty if it does not say one."""
    if re.search(r"\bCUDA|\bcuda\b", message):
        return "nvcc"
    words = re.findall(r"[\w+-]+", message)
    return next((word for word in words if word in rows("program") and len(word) > 3), "")


def _commands(node: ast.AST, forgiven: bool) -> Iterator[str]:
    """Texts in it that are no documentation and that nobody is told. ``forgiven``: what fails there
    is caught, and nothing is raised instead.
    """
    if isinstance(node, ast.Raise | ast.Assert):
        return
    if isinstance(node, ast.Call) and _last(node.func).endswith(_TALK):
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if not forgiven and len(node.value) < 400 and "\n" not in node.value:
            yield node.value
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        forgiven = _catches(node) and not _refuses(node)
    for child in ast.iter_child_nodes(node):
        yield from _commands(child, forgiven)


def _catches(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Try) for inner in ast.walk(node))


def _refuses(node: ast.AST) -> bool:
    """Whether it may end the build with words of its own."""
    return any(
        (isinstance(inner, ast.Raise) and inner.exc is not None)
        or (isinstance(inner, ast.Call) and _full(inner.func) in ("sys.exit", "exit"))
        for inner in ast.walk(node)
    )


def prunes(classes: Sequence[Class]) -> bool:
    """Whether a command takes extensions out that cannot be built here."""
    for each in building(classes):
        for node in ast.walk(each.node):
            if isinstance(node, ast.Call) and _full(node.func).endswith("extensions.remove"):
                return True
            if isinstance(node, ast.Assign) and any(
                _full(target) == "self.extensions" for target in node.targets
            ):
                return True
    return False


def _last(node: ast.AST) -> str:
    """The last part of the name of what is called."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _full(node: ast.AST) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 8:
        parts.append(node.attr)
        node = node.value
    parts.append(getattr(node, "id", ""))
    return ".".join(reversed(parts)).lstrip(".")


def fetches(tree: ast.Module) -> list[str]:
    """Calls and commands that fetch something."""
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _full(node.func)
            if name.endswith(_FETCHING):
                found[f"{name}()"] = None
            words = _words(node)
            for command in rows("command"):
                if f" {command} " in f" {words} ":
                    found[command] = None
    return list(found)


def _words(node: ast.Call) -> str:
    """The command of ``subprocess.run(["git", "clone", …])`` or ``os.system("git clone …")``."""
    name = _full(node.func)
    if not name.endswith(("run", "call", "check_call", "check_output", "Popen", "system", "spawn")):
        return ""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.List | ast.Tuple):
        texts = [e.value for e in first.elts if isinstance(e, ast.Constant)]
        return " ".join(str(text) for text in texts)
    if isinstance(first, ast.JoinedStr):
        return " ".join(str(p.value) for p in first.values if isinstance(p, ast.Constant))
    return str(first.value) if isinstance(first, ast.Constant) else ""


def building(classes: Sequence[Class]) -> Iterator[Class]:
    """Commands that run when a wheel is built."""
    for each in classes:
        names = [base.rpartition(".")[2].lstrip("_") for base in each.bases]
        if any(part in name for part in _BUILDING for name in names):
            yield each


def _methods(each: Class) -> Iterator[ast.FunctionDef]:
    for node in each.node.body:
        if isinstance(node, ast.FunctionDef):
            yield node


def forgiving(classes: Sequence[Class]) -> bool:
    """Whether a command goes on without an extension that could not be compiled: it catches what
    compiling raises, and does not always raise again.
    """
    for each in building(classes):
        for method in _methods(each):
            if method.name not in ("run", "build_extension", "build_extensions"):
                continue
            for node in ast.walk(method):
                if isinstance(node, ast.Try) and _builds(node) and any(
                    not _ends(handler.body) for handler in node.handlers
                ):  # fmt: skip
                    return True
    return False


def _builds(node: ast.Try) -> bool:
    """Whether the body hands on to setuptools' own command."""
    for statement in node.body:
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Call) and _last(inner.func) in (
                "run", "build_extension", "build_extensions",
            ):  # fmt: skip
                return True
    return False


def _ends(body: list[ast.stmt]) -> bool:
    """Whether statements always end in an exception."""
    last = body[-1] if body else None
    if isinstance(last, ast.Raise):
        return True
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return _full(last.value.func) in ("sys.exit", "exit", "os._exit")
    return False


def compiling_commands(
    classes: Sequence[Class], required: set[str]
) -> list[tuple[str, list[str], str]]:
    """(program, languages, method) for what the commands of a build run to compile."""
    found: dict[str, tuple[str, list[str], str]] = {}
    for each in building(classes):
        for method in _methods(each):
            for node in ast.walk(method):
                words = _words(node).split() if isinstance(node, ast.Call) else []
                word = words[0].rpartition("/")[2] if words else ""
                row = rows("program").get(word)
                if row and row.get("languages"):
                    where = f"{each.node.name}.{method.name}"
                    found.setdefault(word, (word, row["languages"], where))
    return [
        entry for word, entry in found.items() if rows("program")[word].get("wheel") not in required
    ] or list(found.values())


def refusals(tree: ast.Module, classes: Sequence[Class]) -> tuple[list[str], str] | None:
    """(systems, what it says) if a command of a build ends itself on every other system."""
    reached = _reached(tree, classes)
    for function in reached:
        for node in ast.walk(function):
            if not isinstance(node, ast.If) or not _ends(node.body):
                continue
            systems = _only(node.test)
            if systems:
                return systems, line(_message(node.body[-1]), 120)
    return None


def _reached(tree: ast.Module, classes: Sequence[Class]) -> list[ast.FunctionDef]:
    """Methods of commands that run in a build, and functions that they call."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = [m for each in building(classes) for m in _methods(each) if m.name in _METHODS]
    for method in list(found):
        for node in ast.walk(method):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = functions.get(node.func.id)
                if called is not None and called not in found:
                    found.append(called)
    return found


def _only(test: ast.expr) -> list[str]:
    """Systems for which ``sys.platform != "darwin"`` is false; none if it is something else."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        call = test.operand
        if isinstance(call, ast.Call) and _full(call.func) == "sys.platform.startswith":
            return _systems(call.args)
        return []
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        subject = test.left.func if isinstance(test.left, ast.Call) else test.left
        if _full(subject) in ("sys.platform", "platform.system", "os.name"):
            right = test.comparators[0]
            if isinstance(test.ops[0], ast.NotEq):
                return _systems([right])
            if isinstance(test.ops[0], ast.NotIn) and isinstance(right, ast.Tuple | ast.List):
                return _systems(right.elts)
    return []


def _systems(nodes: list[ast.expr]) -> list[str]:
    found = [_NAMES.get(str(n.value), "") for n in nodes if isinstance(n, ast.Constant)]
    return list(dict.fromkeys(each for each in found if each)) if all(found) else []


def _message(node: ast.stmt) -> str:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            return inner.value
    return "it ends itself"
