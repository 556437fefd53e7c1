"""Which C library this process runs on: its family and the version that is running."""

import os
import sys

from .protocol import read_bytes, run_command

EXECUTABLE = "/proc/self/exe"
_HEADER = 1 << 16  # bytes: the header, the program headers and, by custom, PT_INTERP


class CLibrary:
    """``family`` is ``glibc``, ``musl``, ``bionic`` or None; ``version`` text or None. Each of the
    two that is None has its ``reason``."""

    __slots__ = ("family", "reason", "source", "version")

    def __init__(self, family, version, source, reason=""):
        self.family = family
        self.version = version
        self.source = source
        self.reason = reason

    def release(self):
        """(major, minor) of the version, None if it is not known or has another form."""
        return release(self.version)


def release(text):
    """The first two numbers of a version such as ``2.36`` or ``2.20-2014.11``; else None."""
    parts = (text or "").split(".")
    if len(parts) < 2 or not parts[0].isdigit():
        return None
    minor = ""
    for character in parts[1]:
        if not character.isdigit():
            break
        minor += character
    return (int(parts[0]), int(minor)) if minor else None


def observe():
    """The C library of a Linux process."""
    if hasattr(sys, "getandroidapilevel"):
        return CLibrary("bionic", None, "sys.getandroidapilevel()", "bionic has no version")
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError, AttributeError):
        text = ""
    if text.startswith("glibc "):
        return CLibrary("glibc", text[6:].strip(), "confstr(_CS_GNU_LIBC_VERSION)")
    loader = program_interpreter(EXECUTABLE) or program_interpreter(sys.executable or "")
    if loader and "musl" in loader:
        return _musl(loader)
    if "musl" in getattr(sys.implementation, "_multiarch", ""):
        reason = "the executable is static: there is no loader to ask"
        return CLibrary("musl", None, "sys.implementation._multiarch", reason)
    if loader:
        return CLibrary(None, None, "PT_INTERP", "the loader %s is of no known C library" % loader)
    return CLibrary(None, None, "PT_INTERP", "the executable names no loader: it may be static")


def _musl(loader):
    """musl's loader, run without arguments, says ``Version X.Y.Z`` on standard error."""
    outcome = run_command([loader], 2.0)
    for line in outcome.text_err().splitlines():
        if line.strip().startswith("Version "):
            return CLibrary("musl", line.strip()[8:].strip(), loader)
    return CLibrary("musl", None, loader, outcome.reason(loader) or "it did not say its version")


def program_interpreter(path):
    """PT_INTERP of an ELF file: the loader's path; None if it has none or is no ELF file."""
    data = read_bytes(path, _HEADER)
    layout = _layout(data)
    if layout is None:
        return None
    wide, order = layout
    number = lambda start, size: int.from_bytes(data[start : start + size], order)  # noqa: E731
    table = number(32, 8) if wide else number(28, 4)
    size, count = (number(54, 2), number(56, 2)) if wide else (number(42, 2), number(44, 2))
    for index in range(count):
        entry = table + index * size
        if number(entry, 4) != 3:  # PT_INTERP
            continue
        offset = number(entry + 8, 8) if wide else number(entry + 4, 4)
        length = number(entry + 32, 8) if wide else number(entry + 16, 4)
        if offset + length > len(data):
            data += _further(path, len(data), offset + length)
        text = data[offset : offset + min(length, 4096)]
        return text.partition(b"\0")[0].decode("utf-8", "surrogateescape") or None
    return None


def elf_machine(path):
    """(32 or 64, e_machine, e_flags) of an ELF file in little-endian order, else None."""
    data = read_bytes(path, 64) if path else None
    layout = _layout(data)
    if layout is None or layout[1] != "little":
        return None
    flags = 48 if layout[0] else 36
    return (
        64 if layout[0] else 32,
        int.from_bytes(data[18:20], "little"),
        int.from_bytes(data[flags : flags + 4], "little"),
    )


def _layout(data):
    """(is 64-bit, byte order), None if ``data`` does not begin as an ELF file."""
    if not data or len(data) < 52 or data[:4] != b"\x7fELF" or data[4] not in (1, 2):
        return None
    return data[4] == 2, "big" if data[5] == 2 else "little"


def _further(path, start, end):
    if end > 64 << 20:  # no real executable: a damaged header
        return b""
    data = read_bytes(path, end)
    return data[start:] if data else b""
