"""Which C library this process runs on: its family and the version that is running."""

import os
import sys

from . import elf
from .protocol import run_command

EXECUTABLE = "/proc/self/exe"


class CLibrary:
    """``family`` is ``glibc``, ``musl``, ``bionic`` or None; ``version`` text or None. Each of the
    two that is None has its ``reason``.
    """

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
    loader = _program_interpreter()
    if loader and "musl" in loader:
        return _musl(loader)
    if "musl" in getattr(sys.implementation, "_multiarch", ""):
        reason = "the executable is static: there is no loader to ask"
        return CLibrary("musl", None, "sys.implementation._multiarch", reason)
    if loader:
        return CLibrary(None, None, "PT_INTERP", "the loader %s is of no known C library" % loader)
    return CLibrary(None, None, "PT_INTERP", "the executable names no loader: it may be static")


def _program_interpreter():
    """The loader of the running executable (PT_INTERP), empty if it has none.

    A symbolic link in /proc may not be readable where the name it leads to is.
    """
    for path in (EXECUTABLE, os.path.realpath(sys.executable or "")):
        found = elf.read(path)
        if found is not None and found.interpreter:
            return found.interpreter
    return ""


def _musl(loader):
    """Ask musl's loader: run without arguments it says ``Version X.Y.Z`` on standard error."""
    outcome = run_command([loader], 2.0)
    for line in outcome.text_err().splitlines():
        if line.strip().startswith("Version "):
            return CLibrary("musl", line.strip()[8:].strip(), loader)
    return CLibrary("musl", None, loader, outcome.reason(loader) or "it did not say its version")
