"""Importing failed, or the smoke script: an exception that the package's process reported.

Its type and the name of the missing module are said by the interpreter, its message is whatever
the package wrote into it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envcheck.matrix.causes import packages
from envcheck.matrix.causes.base import Verdict, evidence
from envcheck.matrix.causes.building import removed_module
from envcheck.matrix.causes.wording import PLACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.matrix.causes.base import Failure

_SONAME = (
    re.compile(r"(?P<name>[\w.+-]+\.so[.\d]*): cannot open shared object file"),  # glibc
    re.compile(
        r"Error loading shared library (?P<name>[\w.+-]+):? ?(?:No such file|\(needed)"
    ),  # musl
    re.compile(r"cannot load library '?(?P<name>(?!/)[\w.+-]+)'?"),  # cffi
    re.compile(r"no library called \"(?P<name>[\w.+-]+)\" was found"),  # cairocffi
    re.compile(r"Library not loaded: \S*?(?P<name>[\w.+-]+\.dylib)"),  # macOS
)
_FIND = (
    re.compile(r"\b(?P<name>PortAudio) library not found"),  # sounddevice
    re.compile(r"failed to find (?P<name>libmagic)"),  # python-magic
    re.compile(r"(?P<name>MagickWand) shared library not found"),  # Wand
    re.compile(r"Unable to find (?P<name>zbar) shared library"),  # pyzbar
    re.compile(
        r"[Cc]ould not (?:find|load|locate) (?:the )?(?P<name>[\w+.-]+) (?:shared )?library"
    ),
    re.compile(r"(?P<name>[\w+.-]+) (?:shared )?library (?:was )?not found"),
)
_LIBC = re.compile(r"version [`'](?P<name>(?:GLIBC|GLIBCXX|CXXABI)_[\d.]+)' not found")
_MUSL_SYMBOL = re.compile(r"Error relocating (?P<file>\S+?): (?P<name>\S+): symbol not found")
_UNDEFINED = re.compile(r"(?P<file>[^\s:]+): undefined symbol: (?P<name>\S+)")
_FORMAT = re.compile(r"(?:invalid ELF header|wrong ELF class|Exec format error|file too short)")
_NUMPY = re.compile(
    r"numpy\.dtype size changed|compiled using NumPy 1\.x cannot be run in|"
    r"numpy\.core\.multiarray failed to import|_ARRAY_API not found"
)
#: Standard modules that are compiled only where a library was there.
_OPTIONAL = {
    "_ctypes": "libffi", "_sqlite3": "SQLite", "_bz2": "bzip2", "_lzma": "XZ (lzma)",
    "_ssl": "OpenSSL", "_tkinter": "Tk", "_curses": "ncurses", "readline": "readline",
}  # fmt: skip


class Raised(NamedTuple):
    """The exception: its type, its text, the missing module, what was being imported."""

    type: str
    message: str
    module: str
    subject: str


def judge(failure: Failure) -> Verdict:
    """Why the import or the smoke script failed."""
    error = failure.error
    raised = Raised(
        str(error.get("type") or ""),
        str(error.get("message") or ""),
        str(error.get("module") or ""),
        str(error.get("import") or ""),
    )
    lines = [text for text in failure.log.splitlines() if text.strip()]
    if not raised.type:
        return _silent(failure, lines)
    for rule in _RULES:
        if verdict := rule(failure, raised):
            break
    else:
        verdict = _other(failure, raised)
    shown = evidence([f"{raised.type}: {raised.message}", *lines[-1:]])
    if failure.step.name == "smoke" and verdict.cause == "import-failed":
        verdict = verdict._replace(cause="smoke-failed")
    return verdict._replace(evidence=shown)


def _what(failure: Failure, raised: Raised) -> str:
    if failure.step.name == "smoke":
        return "the smoke script"
    return f"`import {raised.subject}`" if raised.subject else "importing it"


def _silent(failure: Failure, lines: list[str]) -> Verdict:
    """The process ended without saying what went wrong."""
    step = failure.step
    place = PLACES.get(step.name, step.name)
    cause = "smoke-failed" if step.name == "smoke" else "import-failed"
    if step.exit == 0:
        return Verdict(
            cause,
            f"{place} ended itself (exit status 0) before it was done",
            "",
            evidence(lines[-4:]),
        )
    said = evidence(lines[-1:])
    text = f"{place} ended with exit status {step.exit}"
    return Verdict(cause, f"{text}: {said[0]}" if said else text, "", evidence(lines[-4:]))


def _library(failure: Failure, raised: Raised) -> Verdict | None:
    for pattern in _SONAME:
        if match := pattern.search(raised.message):
            return _missing(failure, raised, match["name"])
    return None


def _missing(failure: Failure, raised: Raised, name: str) -> Verdict:
    if name.startswith("ld-linux") or (name == "libc.so.6" and failure.target.family == "musl"):
        text = f"{_what(failure, raised)} loads a library that was built for glibc; this is musl"
        remedy = f"use a glibc image such as python:{failure.target.minor}-slim"
        return Verdict("missing-library", text, remedy)
    if name.startswith("libcuda.so"):
        text = f"{_what(failure, raised)} needs {name}, which NVIDIA's driver brings"
        return Verdict("missing-library", text, "run it where there is a GPU, or use a CPU build")
    library, remedy = packages.for_running(failure, "soname", _soname(name))
    of = f" ({library})" if library else ""
    text = f"{_what(failure, raised)} needs the shared library {name}{of}, which is not there"
    return Verdict("missing-library", text, remedy)


def _soname(name: str) -> str:
    return name if name.startswith("lib") or ".so" in name else f"lib{name}.so"


def _found_by_name(failure: Failure, raised: Raised) -> Verdict | None:
    """Libraries that are looked for by ``ctypes.util.find_library``."""
    if raised.type not in ("OSError", "ImportError", "RuntimeError", "LibraryNotFoundError"):
        return None
    for pattern in _FIND:
        if match := pattern.search(raised.message):
            name = match["name"]
            key = f"lib{name.lower().removeprefix('lib')}.so"
            library, remedy = packages.for_running(failure, "soname", key)
            if name == "MagickWand":
                library, remedy = packages.for_running(failure, "pkg-config", name)
            text = (
                f"{_what(failure, raised)} needs the library {library or name}, which is not there"
            )
            return Verdict("missing-library", text, remedy)
    return None


def _libc(failure: Failure, raised: Raised) -> Verdict | None:
    match = _LIBC.search(raised.message)
    if not match:
        return None
    which = "glibc" if match["name"].startswith("GLIBC_") else "libstdc++"
    here = f" (this is {failure.libc})" if failure.libc and which == "glibc" else ""
    text = f"{_what(failure, raised)} needs a newer {which}: {match['name']} is missing{here}"
    return Verdict("missing-library", text, f"use an image with a newer {which}")


def _symbol(failure: Failure, raised: Raised) -> Verdict | None:
    if match := _MUSL_SYMBOL.search(raised.message):
        file = match["file"].rpartition("/")[2]
        text = f"{_what(failure, raised)}: {file} needs `{match['name']}`, which musl does not have"
        remedy = f"use a glibc image such as python:{failure.target.minor}-slim"
        return Verdict("import-failed", text, remedy)
    if match := _UNDEFINED.search(raised.message):
        file = match["file"].rpartition("/")[2]
        text = f"{_what(failure, raised)}: {file} needs `{match['name']}`, which nothing provides"
        remedy = "its parts were built against each other's other versions: reinstall them together"
        return Verdict("import-failed", text, remedy)
    if _FORMAT.search(raised.message):
        text = (
            f"{_what(failure, raised)} loads a file that is not for this system: {_short(raised)}"
        )
        return Verdict("import-failed", text)
    return None


def _module(failure: Failure, raised: Raised) -> Verdict | None:
    if raised.type != "ModuleNotFoundError" or not raised.module:
        return None
    top = raised.module.partition(".")[0]
    what = _what(failure, raised)
    if removed := removed_module(top, failure.target.minor):
        return Verdict(
            "missing-module",
            f"{what} needs `{raised.module}`, which was removed in Python {removed}",
            f"use a newer release of it, or Python before {removed}",
        )
    if top in _OPTIONAL:
        text = f"{what} needs `{top}`, which this Python was built without ({_OPTIONAL[top]})"
        return Verdict("missing-module", text, "use a Python that was built with it")
    if top == "pkg_resources":
        text = f"{what} needs `pkg_resources`, a part of setuptools, which it does not ask for"
        return Verdict("missing-module", text, "add `setuptools<82` to the requirements")
    if top == raised.subject.partition(".")[0]:
        text = f"{what}: there is no module `{raised.module}`"
        return Verdict("missing-module", text, "name its modules in the matrix (test.imports)")
    return Verdict(
        "missing-module",
        f"{what} needs the module `{raised.module}`, which nothing that was installed brings",
        f"add the distribution that has `{top}` to the requirements (or one of its extras)",
    )


def _numpy(failure: Failure, raised: Raised) -> Verdict | None:
    if not _NUMPY.search(raised.message):
        return None
    text = f"{_what(failure, raised)}: it was compiled for another NumPy than the one installed"
    return Verdict("import-failed", text, "add `numpy<2` to the constraints, or use newer releases")


def _memory(failure: Failure, raised: Raised) -> Verdict | None:
    if raised.type not in ("MemoryError", "builtins.MemoryError"):
        return None
    text = f"{_what(failure, raised)} ran out of memory (limit: {failure.cell.limits.memory})"
    return Verdict("memory", text, "give the cell more memory (limits.memory)")


def _disk(failure: Failure, raised: Raised) -> Verdict | None:
    if raised.type != "OSError" or "No space left on device" not in raised.message:
        return None
    text = f"{_what(failure, raised)} filled its scratch space ({failure.cell.limits.scratch})"
    return Verdict("disk", text, "give the cell more scratch space (limits.scratch)")


def _other(failure: Failure, raised: Raised) -> Verdict:
    return Verdict("import-failed", f"{_what(failure, raised)} raised {_short(raised)}")


def _short(raised: Raised) -> str:
    first = evidence(raised.message.splitlines()[:1])
    return f"{raised.type}: {first[0][:160]}" if first else raised.type


_RULES: tuple[Callable[[Failure, Raised], Verdict | None], ...] = (
    _memory, _disk, _libc, _library, _symbol, _module, _numpy, _found_by_name,
)  # fmt: skip
