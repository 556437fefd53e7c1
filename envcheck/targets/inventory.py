"""Every Python on this machine: found by name and place, then each asked once what it is.

Nothing is taken from a file's name: shims, links and wrappers are resolved by asking, in a child
with a deadline. What hangs, breaks or is no Python is left out, with a note.
"""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from typing import TYPE_CHECKING, NamedTuple

from envcheck import process
from envcheck.config import variable
from envcheck.targets import search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEADLINE = 10.0  # seconds for an interpreter to say what it is; they are asked side by side
_AT_ONCE = 8
_NAME = re.compile(r"(python|pypy|graalpy)(\d+(\.\d+)?t?)?(\.exe)?", re.ASCII)
_MARK = "envcheck-interpreter"

#: Python 2.7 to today's, no import that is not loaded anyway but ``platform``.
_QUESTION = f"""
import os, platform, sys
v, said = sys.version_info, []
libc = ""
if sys.platform.startswith("linux"):
    try:
        libc = (os.confstr("CS_GNU_LIBC_VERSION") or "").split(" ")[0]
    except (OSError, ValueError):
        pass
    implementation = getattr(sys, "implementation", None)
    if not libc and "musl" in getattr(implementation, "_multiarch", ""):
        libc = "musl"
    if not libc and os.path.exists("/proc/self/maps"):
        maps = open("/proc/self/maps").read()
        libc = "musl" if "musl" in maps else "glibc" if "/ld-linux" in maps else ""
def there(name):
    for place in sys.path:
        if os.path.isdir(os.path.join(place, name)):
            return "yes"
    return ""
flags = getattr(sys, "abiflags", "")
for word in (
    "%d.%d.%d" % v[:3], v[3], platform.python_implementation(),
    "yes" if "t" in flags or "free-threading build" in sys.version else "",
    "yes" if "d" in flags or hasattr(sys, "gettotalrefcount") else "",
    libc, platform.machine(), "64" if sys.maxsize > 2 ** 32 else "32",
    sys.executable or "", sys.prefix, getattr(sys, "base_prefix", sys.prefix),
    getattr(sys, "_base_executable", None) or "",
    there("venv"), there("pip"), sys.platform,
):
    said.append(word.replace("\\n", " "))
sys.stdout.write("\\n".join(["{_MARK}"] + said + ["{_MARK}", ""]))
"""


class Found(NamedTuple):
    """An interpreter that answered; never a virtual environment's. ``libc``: ``glibc``, ``musl`` or
    empty (not Linux, or not known); ``platform`` is its ``sys.platform``; ``source`` says where it
    was found.
    """

    executable: str
    version: str  # as 3.13.0
    level: str  # final, candidate, beta, alpha
    implementation: str  # CPython, PyPy
    free_threaded: bool
    debug: bool
    libc: str
    architecture: str  # x86_64, aarch64; i686 where a 32-bit interpreter runs on x86_64
    prefix: str
    has_venv: bool
    has_pip: bool
    platform: str
    source: str

    @property
    def word(self) -> str:
        """As on the axis of Pythons: ``3.12``, ``3.13t``, ``pypy3.10``."""
        short = ".".join(self.version.split(".")[:2])
        name = "" if self.implementation == "CPython" else self.implementation.lower()
        return f"{name}{short}{'t' if self.free_threaded else ''}"

    @property
    def name(self) -> str:
        """For a person: ``CPython 3.13.0 free-threaded (glibc, x86_64)``."""
        kind = " free-threaded" if self.free_threaded else ""
        kind += " debug" if self.debug else ""
        level = "" if self.level == "final" else f" {self.level}"
        where = ", ".join(filter(None, (self.libc, self.architecture)))
        return f"{self.implementation} {self.version}{level}{kind} ({where})"


class Inventory(NamedTuple):
    """What was found, the best first for each version, and why others were left out."""

    found: tuple[Found, ...]
    notes: tuple[str, ...]

    def serving(self, python: str) -> list[Found]:
        """Those that ``python`` means (as ``3.12``, ``3.13t``, ``pypy3.10``), best first."""
        return [one for one in self.found if serves(one, python)]


def serves(one: Found, python: str) -> bool:
    """Whether ``python`` means this interpreter. A debug build is meant by nothing."""
    name = python.lower()
    implementation = "CPython" if name[:1].isdigit() else name.rstrip("t0123456789.")
    version = name.removeprefix(implementation).removesuffix("t")
    return (
        not one.debug
        and one.implementation.lower() == implementation.lower()
        and one.free_threaded == name.endswith("t")
        and f"{one.version}.".startswith(f"{version}.")
    )


def take() -> Inventory:
    """Find and ask them all. Eight at once, each has ``DEADLINE`` seconds."""
    notes: list[str] = []
    answers: dict[str, Found] = {}
    asked: set[str] = set()
    wave = _once(candidates(notes), asked)
    while wave:
        bases: list[tuple[str, str]] = []
        for (file, source), said in zip(wave, _ask([file for file, _ in wave]), strict=True):
            if isinstance(said, str):
                notes.append(f"{file} ({source}) is left out: {said}")
            elif said.is_environment:
                bases.append((said.base, source))
            else:
                found = said.found._replace(source=source)
                answers.setdefault(os.path.realpath(found.executable), found)
        wave = _once(iter(bases), asked)
    ordered = sorted(answers.values(), key=_merit, reverse=True)  # stable: PATH's order otherwise
    return Inventory(tuple(ordered), tuple(notes))


def _merit(one: Found) -> tuple[list[int], bool, list[int], bool, bool]:
    """Newest version first; of one version a final release, the newest micro, one that can make
    environments and has pip.
    """
    numbers = [int(part) for part in one.version.split(".")]
    return numbers[:2], one.level == "final", numbers, one.has_venv, one.has_pip


def candidates(notes: list[str]) -> Iterator[tuple[str, str]]:
    """Files that may be interpreters, and where each was found."""
    for folder in variable("PATH").split(os.pathsep):
        if os.path.isabs(folder) and "WindowsApps" not in folder:  # there: stubs of a shop
            yield from ((file, "PATH") for file in _in_folder(folder))
    for pattern, source in _places():
        yield from ((file, source) for file in sorted(glob(pattern)) if _may_run(file))
    if sys.platform == "win32":
        yield from _launcher(notes)
    yield sys.executable, "runs envcheck"


def _in_folder(folder: str) -> list[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    except OSError:
        return []
    files = (search.resolve_shim(os.path.join(folder, name)) for name in names)
    return [file for file in files if file and _may_run(file)]


def _may_run(file: str) -> bool:
    return os.path.isfile(file) and os.access(file, os.X_OK)


def _places() -> Iterator[tuple[str, str]]:
    """Patterns of files where tools keep the interpreters that they have installed."""
    home = os.path.expanduser("~")
    windows = sys.platform == "win32"
    python = "python.exe" if windows else os.path.join("bin", "python")
    data = variable("APPDATA") if windows else variable("XDG_DATA_HOME")
    data = data or os.path.join(home, ".local", "share")
    pyenv = {variable("PYENV_ROOT"), os.path.join(home, ".pyenv")}
    pyenv |= {
        os.path.dirname(folder)
        for folder in variable("PATH").split(os.pathsep)
        if os.path.basename(folder) == "shims"
        and os.path.isdir(os.path.join(folder, "..", "versions"))
    }
    for root in sorted(filter(None, pyenv)):
        yield os.path.join(root, "versions", "*", python), "pyenv"
        yield os.path.join(root, "versions", "*", "bin", "pypy3"), "pyenv"
    uv = variable("UV_PYTHON_INSTALL_DIR") or os.path.join(data, "uv", "python")
    yield os.path.join(uv, "*", python), "uv"
    for tool, root in (
        ("mise", variable("MISE_DATA_DIR") or os.path.join(data, "mise")),
        ("asdf", variable("ASDF_DATA_DIR") or os.path.join(home, ".asdf")),
    ):
        yield os.path.join(root, "installs", "python", "*", python), tool
    conda = variable("CONDA_EXE")  # in bin, condabin or Scripts of the base environment
    if conda:
        yield os.path.join(os.path.dirname(os.path.dirname(conda)), python), "conda"
    if sys.platform == "darwin":
        frameworks = "/Library/Frameworks/Python.framework/Versions/*/bin/python3"
        yield frameworks, "python.org"
        yield "/Library/Frameworks/PythonT.framework/Versions/*/bin/python3", "python.org"


def _launcher(notes: list[str]) -> Iterator[tuple[str, str]]:
    """What the ``py`` launcher of Windows knows."""
    done = process.run(["py", "--list-paths"], timeout=DEADLINE)
    if done.status not in ("ok", "missing"):
        notes.append(f"{done.reason('the py launcher')}: it was not asked for interpreters")
    for file in launcher_paths(done.stdout.decode("utf-8", "replace")):
        if _may_run(file):
            yield file, "py launcher"


def launcher_paths(text: str) -> list[str]:
    """The paths in what ``py --list-paths`` prints: ``-V:3.12 *  C:/Python312/python.exe``."""
    lines = (re.fullmatch(r"\s*-\S+\s+(?:\*\s+)?(\S.*?)\s*", line) for line in text.splitlines())
    return [line[1] for line in lines if line]


def _once(files: Iterable[tuple[str, str]], asked: set[str]) -> list[tuple[str, str]]:
    """Each only once, links followed where they lead to an interpreter (not to a tool's shim)."""
    wave = []
    for file, source in files:
        real = os.path.realpath(file)
        real = real if _NAME.fullmatch(os.path.basename(real)) else os.path.abspath(file)
        if real not in asked:
            asked.add(real)
            wave.append((real, source))
    return wave


class _Said(NamedTuple):
    found: Found
    is_environment: bool
    base: str


def _ask(files: list[str]) -> list[_Said | str]:
    """What each says, in order; a sentence where it says nothing."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [_answer(done) for done in threads.map(_question, files)]


def _question(file: str) -> process.Completed:
    return process.run([file, "-E", "-s", "-c", _QUESTION], timeout=DEADLINE)


def _answer(done: process.Completed) -> _Said | str:
    text = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
    said = text.rpartition(f"{_MARK}\n{''}")[0].rpartition(f"{_MARK}\n")[2].split("\n")[:-1]
    if len(said) != 15:
        reason = done.reason("it") or "it is no Python: it did not answer the question"
        lines = done.text_err().splitlines()
        return f"{reason}: {lines[-1][:200]}" if lines and done.status == "exit" else reason
    version, level, implementation, threaded, debug, libc, machine, bits = said[:8]
    executable, prefix, base_prefix, base_executable, venv, pip, platform = said[8:]
    if not executable:
        return "it does not know its own path"
    found = Found(
        executable, version, level, implementation, bool(threaded), bool(debug), libc,
        architecture(machine, bits), base_prefix, bool(venv), bool(pip), platform, "",
    )  # fmt: skip
    is_environment = os.path.realpath(prefix) != os.path.realpath(base_prefix)
    base = _base(base_prefix, base_executable, version) if is_environment else ""
    if is_environment and not base:
        return f"it is a virtual environment whose base {base_prefix} has no interpreter"
    return _Said(found, is_environment, base)


def _base(prefix: str, executable: str, version: str) -> str:
    """The interpreter of which an environment was made."""
    short = ".".join(version.split(".")[:2])
    files = [os.path.join(prefix, "bin", name) for name in (f"python{short}", "python3", "python")]
    files += [os.path.join(prefix, "python.exe"), executable]
    return next((file for file in files if file and _may_run(file)), "")


def architecture(machine: str, bits: str = "64") -> str:
    """A processor's name as wheels for Linux have it."""
    name = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine)
    if bits == "32":
        return {"x86_64": "i686", "aarch64": "armv7l"}.get(name, name)
    return name
