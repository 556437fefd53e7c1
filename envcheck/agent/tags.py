"""Wheel tags that this interpreter and this platform support, best first.

The rules are those of the PyPA specification on platform compatibility tags, and the order is that
of ``packaging.tags`` 26.3; a test compares the two under every interpreter. Nothing is imported
from ``sysconfig``: that costs more than the whole probe may.
"""

import os
import sys

from . import elf

LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
SHORT_NAMES = {"cpython": "cp", "pypy": "pp", "ironpython": "ip", "jython": "jy"}
_MANYLINUX_ARCHS = ("x86_64", "aarch64", "ppc64", "ppc64le", "s390x", "loongarch64", "riscv64")


def extension_suffix():
    """The first suffix of extension modules, e.g. ``.cpython-311-x86_64-linux-gnu.so``."""
    import _imp

    suffixes = _imp.extension_suffixes()
    return suffixes[0] if suffixes else ""


def soabi(suffix):
    """``cpython-311-x86_64-linux-gnu`` out of an extension suffix; None where it has none."""
    parts = suffix.split(".")
    return parts[1] if len(parts) > 2 else None


def abi_flags(suffix):
    """``sys.abiflags``, worked out from the extension suffix where that is missing (Windows)."""
    flags = getattr(sys, "abiflags", None)
    if flags is not None:
        return flags
    name = (soabi(suffix) or "").split("-")[0]
    threaded = "t" if name.endswith("t") else ""
    debug = "d" if suffix.startswith("_d.") or hasattr(sys, "gettotalrefcount") else ""
    return threaded + debug + ("m" if sys.version_info < (3, 8) else "")


def interpreter_tags(name, version, flags, suffix=""):
    """Pairs ``interpreter-abi`` that go with each platform tag, then whole tags ending in ``-any``.

    ``name`` is ``sys.implementation.name``, ``version`` (major, minor).
    """
    major, minor = version
    short = SHORT_NAMES.get(name, name)
    own = "%s%d%d" % (short, major, minor)
    if short == "cp":
        pairs = _cpython_pairs(own, major, minor, flags)
    else:
        abi = _generic_abi(suffix)
        pairs = [own + "-" + abi] * bool(abi) + [own + "-none"]
    pythons = ["py%d%d" % (major, minor), "py%d" % major]
    pythons += ["py%d%d" % (major, older) for older in range(minor - 1, -1, -1)]
    pairs += [python + "-none" for python in pythons]
    generic = {"cp": [own], "pp": ["pp3"]}.get(short, [])
    return pairs + [python + "-none-any" for python in generic + pythons]


def _cpython_pairs(own, major, minor, flags):
    pairs = [own + "-" + own + flags]
    if "d" in flags and (major, minor) >= (3, 8):  # debug builds also load release extensions
        pairs.append(own + "-" + own + flags.replace("d", ""))
    stable = "abi3t" if "t" in flags else "abi3"
    pairs += [own + "-" + stable, own + "-none"]
    return pairs + ["cp%d%d-%s" % (major, older, stable) for older in range(minor - 1, 1, -1)]


def _generic_abi(suffix):
    name = soabi(suffix) or ""
    parts = name.split("-")
    if name.startswith("pypy"):
        name = "_".join(parts[:2])
    elif name.startswith("graalpy"):
        name = "_".join(parts[:3])
    return name.replace("-", "_").replace(".", "_")


def linux_platforms(machine, bits, family, version, allowed=None, executable=None):
    """Platform tags on Linux. ``version`` is the C library's, (major, minor) or None.

    ``allowed(major, minor, arch)`` is a ``_manylinux`` module's word: False vetoes a tag.
    ``executable`` is looked at for 32-bit platforms, whose floating-point ABI decides.
    """
    if bits == 32:
        machine = {"x86_64": "i686", "aarch64": "armv8l"}.get(machine, machine)
    archs = ["armv8l", "armv7l"] if machine == "armv8l" else [machine]
    tags = ["linux_" + arch for arch in archs]
    if version is None:
        return tags
    for arch in archs:
        if family == "glibc" and _compatible_abi(archs, executable):
            oldest = 5 if {"x86_64", "i686"} & set(archs) else 17
            tags += _manylinux(arch, version, oldest, allowed)
        elif family == "musl":
            minors = range(version[1], -1, -1)
            tags += ["musllinux_%d_%d_%s" % (version[0], minor, arch) for minor in minors]
    return tags


def _manylinux(arch, version, oldest, allowed):
    tags = []
    for minor in range(version[1], oldest - 1, -1):
        if allowed is not None and not allowed(version[0], minor, arch):
            continue
        tags.append("manylinux_%d_%d_%s" % (version[0], minor, arch))
        if (version[0], minor) in LEGACY:
            tags.append(LEGACY[version[0], minor] + "_" + arch)
    return tags


def _compatible_abi(archs, executable):
    """32-bit platforms are told apart by the executable; the others by name."""
    if archs[0] in ("armv8l", "armv7l"):  # EABI version 5 with hard float
        found = elf.read(executable)
        return (
            found is not None
            and _shape(found) == (32, "arm")
            and (found.flags & 0xFF000400 == 0x05000400)
        )
    if "i686" in archs:
        found = elf.read(executable)
        return found is not None and _shape(found) == (32, "i386")
    return archs[0] in _MANYLINUX_ARCHS


def _shape(found):
    return found.bits, found.machine


def macos_platforms(version, arch):
    """Platform tags on macOS ``version`` (major, minor) for ``x86_64`` or ``arm64``."""
    tags = []
    if version < (11, 0):
        return _macos_10(range(version[1], -1, -1), arch)
    formats = [arch, "universal2"] if arch == "arm64" else _intel_formats((11, 0))
    for major in range(version[0], 10, -1):
        tags += ["macosx_%d_0_%s" % (major, form) for form in formats]
    if arch == "x86_64":
        return tags + _macos_10(range(16, 3, -1), arch)
    return tags + ["macosx_10_%d_universal2" % minor for minor in range(16, 3, -1)]


def _macos_10(minors, arch):
    if arch != "x86_64":
        return []
    return [
        "macosx_10_%d_%s" % (minor, form)
        for minor in minors
        for form in _intel_formats((10, minor))
    ]


def _intel_formats(version):
    if version < (10, 4):
        return []
    return ["x86_64", "intel", "fat64", "fat3", "universal2", "universal"]


def windows_platform():
    """The one platform tag of a Windows interpreter, as ``sysconfig.get_platform`` says."""
    text = sys.version.lower()
    for mark, tag in (("amd64", "win_amd64"), ("(arm64)", "win_arm64"), ("(arm)", "win_arm32")):
        if mark in text:
            return tag
    return "win32"


def other_platform():
    """As ``sysconfig.get_platform`` for a system that is none of the three."""
    uname = os.uname()
    name = "%s_%s_%s" % (uname.sysname.lower(), uname.release, uname.machine)
    return name.replace(".", "_").replace("-", "_").replace(" ", "_").replace("/", "_")
