"""The machine: operating system, libc, processor."""

import sys

from ..protocol import IS_WINDOWS, Field

FIELDS = (Field("os", "string", "`linux`, `darwin`, `windows` or what `sys.platform` says"),)


def collect(facts, request):
    system = "linux" if sys.platform.startswith("linux") else sys.platform
    facts.known("os", "windows" if IS_WINDOWS else system, "sys.platform")
