"""The interpreter that runs the agent."""

import platform
import sys

from ..protocol import Field

FIELDS = (
    Field("version", "string", "Full version, as `platform.python_version()`"),
    Field("implementation", "string", "`CPython`, `PyPy`, `GraalVM` …"),
    Field("executable", "string", "Path of the interpreter"),
)


def collect(facts, request):
    facts.known("version", platform.python_version(), "platform.python_version()")
    facts.known("implementation", platform.python_implementation(), "platform")
    facts.found("executable", sys.executable or None, "sys.executable")
