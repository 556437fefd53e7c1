"""Targets that were looked at: of a fact sheet, and the interpreter that runs this."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.errors import DataError
from envcheck.model.target import Target

if TYPE_CHECKING:
    from envcheck.model.facts import FactSheet
    from envcheck.model.target import Implementation, System

_VERSION = re.compile(r"(\d+\.\d+)(\.\d+)?((?:a|b|rc)\d+)?\+?", re.ASCII)
_LIBC = re.compile(r"\d+\.\d+(\.\d+)*", re.ASCII)
_PYPY = re.compile(r"pypy\d+-pp(\d)(\d+)", re.ASCII)
_IMPLEMENTATIONS: dict[str, Implementation] = {"CPython": "cpython", "PyPy": "pypy"}
_SYSTEMS: dict[str, System] = {
    "linux": "linux",
    "darwin": "macos",
    "windows": "windows",
    "win32": "windows",
}
_ARCHITECTURES = {
    "arm64": "aarch64",
    "amd64": "x86_64",
    "win_amd64": "x86_64",
    "win32": "i686",
    "win_arm64": "aarch64",
}
#: what a 64-bit kernel calls itself -> the architecture of a 32-bit Python on it
_NARROW = {"x86_64": "i686", "aarch64": "armv7l"}
#: tools of the fact `toolchain.tools` -> what they compile
_TOOLS = {"c": "c", "c++": "c++", "fortran": "fortran", "rust": "rust", "cmake": "cmake"} | {
    "nvcc": "cuda"
}


def of_facts(sheet: FactSheet, name: str = "") -> Target:
    """Where the sheet is of: "would it install there?". What it does not know stays unknown: an
    empty ``libc``, ``compilers`` None. ``name`` becomes the id, by default the sheet's own target.

    Raises DataError if it does not say which Python and system it is of, or one that is not
    predicted for.
    """
    version = _VERSION.fullmatch(_text(sheet, "interpreter.version"))
    implementation = _IMPLEMENTATIONS.get(_text(sheet, "interpreter.implementation"))
    system = _SYSTEMS.get(_text(sheet, "host.os"))
    if not (version and implementation and system):
        keys = ("interpreter.version", "interpreter.implementation", "host.os")
        said = tuple(f"{key}: {_shown(sheet, key)}" for key in keys)
        raise DataError("no Python can be predicted for from these facts", context=said)
    own = _PYPY.match(_text(sheet, "interpreter.soabi"))
    found = Target(
        id=name or _name(sheet),
        python=version[0].rstrip("+") if version[2] else f"{version[1]}.0",
        libc=_libc(sheet) if system == "linux" else "",
        architecture=_architecture(sheet, system),
        implementation=implementation,
        free_threaded=sheet.get("interpreter.free_threaded") is True,
        system=system,
        release=_text(sheet, "host.distribution.version") if system == "macos" else "",
        compilers=_compilers(sheet),
        distribution=_text(sheet, "host.distribution.id") if system == "linux" else "",
        image=str(sheet.target.get("name") or "") if sheet.target.get("kind") == "image" else "",
        note=_note(sheet),
        implementation_version=f"{own[1]}.{own[2]}" if own else "",
    )
    said = sheet.get("host.tags")
    if not isinstance(said, list):
        return found
    return _with_platforms(found, tuple(str(one) for one in said if str(one).isprintable()))


def here() -> Target:
    """The interpreter that runs this, by packaging's own tags."""
    import platform
    import shutil
    import sys
    import sysconfig

    from packaging.tags import platform_tags

    platforms = tuple(platform_tags())
    system = _SYSTEMS.get(sys.platform)
    if system is None:
        raise DataError(f"nothing is predicted for {sys.platform}")
    machine = platform.machine().lower()
    architecture = _ARCHITECTURES.get(machine, machine)
    if sys.maxsize < 2**32:
        architecture = _NARROW.get(architecture, architecture)
    programs = {"c": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++"), "rust": ("rustc",)}
    programs |= {"fortran": ("gfortran", "flang"), "cuda": ("nvcc",), "cmake": ("cmake",)}
    pypy = sys.implementation.name == "pypy"
    found = Target(
        id="here",
        python=platform.python_version().rstrip("+"),
        libc=_libc_of(platforms),
        architecture=architecture,
        implementation="pypy" if pypy else "cpython",
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        system=system,
        release=platform.mac_ver()[0] if system == "macos" else "",
        compilers=frozenset(
            name for name, some in programs.items() if any(shutil.which(one) for one in some)
        ),
        note="this interpreter",
        implementation_version=".".join(map(str, sys.implementation.version[:3])) if pypy else "",
    )
    return _with_platforms(found, platforms)


def _with_platforms(found: Target, said: tuple[str, ...]) -> Target:
    """With the platform tags that it says itself, if they are others than follow from the rest: a
    ``_manylinux`` module forbids some, for instance.
    """
    from envcheck.predict.tags import platforms

    return found if said == platforms(found) else found._replace(platforms=said)


def _text(sheet: FactSheet, key: str) -> str:
    value = sheet.get(key)
    return value if isinstance(value, str) and value.isprintable() else ""


def _shown(sheet: FactSheet, key: str) -> str:
    fact = sheet.fact(key)
    if fact.status != "known":
        return f"{fact.status} ({fact.reason})" if fact.reason else fact.status
    return repr(fact.value)[:80]


def _name(sheet: FactSheet) -> str:
    name = sheet.target.get("name")
    return name if isinstance(name, str) and name.isprintable() and name else "facts"


def _note(sheet: FactSheet) -> str:
    name = _name(sheet)
    veto = "; a _manylinux module forbids some wheels" if sheet.get("host.tags.veto") else ""
    return f"observed{'' if name == 'facts' else f' in {name}'}{veto}"


def _libc(sheet: FactSheet) -> str:
    family, version = _text(sheet, "host.libc.family"), _text(sheet, "host.libc.version")
    number = _LIBC.match(version)
    return f"{family} {number[0]}" if family in ("glibc", "musl") and number else ""


def _libc_of(platforms: tuple[str, ...]) -> str:
    """By the first platform tag of a C library."""
    for name in platforms:
        if match := re.match(r"(many|musl)linux_(\d+)_(\d+)_", name):
            return f"{'glibc' if match[1] == 'many' else 'musl'} {match[2]}.{match[3]}"
    return ""


def _architecture(sheet: FactSheet, system: System) -> str:
    machine = _text(sheet, "host.arch").lower()
    if system == "windows":  # an x86-64 Python runs on ARM too: its own tag says what it is
        known = sheet.get("host.tags")
        machine = str(known[0]) if isinstance(known, list) and known else machine
    architecture = _ARCHITECTURES.get(machine, machine)
    narrow = sheet.get("interpreter.bits") == 32
    return _NARROW.get(architecture, architecture) if narrow else architecture


def _compilers(sheet: FactSheet) -> frozenset[str] | None:
    """What there is a program for, and that did not fail where it was tried."""
    found = sheet.get("toolchain.tools")
    if not isinstance(found, list):
        return None
    usable = [
        one
        for one in found
        if isinstance(one, dict) and one.get("path") and one.get("compiles") is not False
    ]
    return frozenset(_TOOLS[str(one["tool"])] for one in usable if str(one.get("tool")) in _TOOLS)
