"""What builds write when they fail, as data. Each rule was seen with the tools that it names.

``kind`` says what the match is about; ``building`` makes the sentence of it. The last line that
a rule matches decides, because probes of a build fail on the way without being why it fails:
first among rules of order 0, then 1, then 2.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """``seen``: what wrote it."""

    order: int
    kind: str
    pattern: re.Pattern[str]
    seen: str


_CC = r"(?P<compiler>(?:[\w./-]*-)?(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|cl|cl\.exe|gfortran|cargo|rustc)(?:-\d+)?)"

_RULES = (
    # what no later line can explain away
    (0, "rust", r"Rust not found, installing into a temporary directory", "puccinialin (maturin 1.9)"),
    (0, "rust", r"error: can't find Rust compiler", "setuptools-rust 1.7 to 1.11"),
    (0, "rust", r"[Cc]argo, the Rust package manager, is not installed", "maturin 0.12 to 1.8"),
    (0, "compiler", rf"Unknown compiler\(s\): \[\[?'{_CC}'", "Meson 1.2"),
    (0, "killed", r"fatal error: Killed signal terminated program (?P<text>\w+)", "gcc 12"),
    (0, "disk", r"(?i)\bno space left on device", "gcc, Python, cargo"),
    # compilers
    (1, "compiler", rf"No such file or directory: '{_CC}'", "setuptools 68 to 82, distutils"),
    (1, "compiler", rf"(?:unable to execute|error: command) '{_CC}'(?: failed)?: No such file", "distutils"),
    (1, "compiler", rf"linker `{_CC}` not found", "rustc 1.7x to 1.9x"),
    (1, "compiler", rf'failed to find tool "{_CC}"', "cc-rs"),
    (1, "compiler", rf"(?:/bin/)?sh: (?:line )?(?:\d+: )?{_CC}: (?:command )?not found", "sh"),
    (1, "language", r"No CMAKE_(?P<language>C|CXX|Fortran|CUDA)_COMPILER could be found", "CMake 3.25, 4"),
    (1, "language", r"configure: error: no acceptable (?P<language>C|C\+\+) compiler found", "autoconf 2.71"),
    (1, "language", r"error: (?P<language>Microsoft Visual C\+\+) .*is required", "setuptools"),
    # headers and libraries
    (1, "header", r"fatal error: (?P<name>[\w./+-]+): No such file or directory", "gcc 12"),
    (1, "header", r"fatal error: '(?P<name>[\w./+-]+)' file not found", "clang, zig cc"),
    (1, "header", r"Cannot open include file: '(?P<name>[\w./+-]+)'", "MSVC"),
    (1, "library", r"cannot find -l(?P<name>[\w.+-]+)", "GNU ld 2.40"),
    (1, "library", r"unable to find (?:dynamic system )?library (?:-l|')(?P<name>[\w.+-]+)", "lld, zig"),
    (1, "library", r"headers or library files could not be found for (?P<name>[\w.+-]+)", "Pillow"),
    (1, "pkg-config", r'Dependency "(?P<name>[^"]+)" not found', "Meson"),
    (1, "pkg-config", r"No package '(?P<name>[\w.+-]+)' found", "pkg-config 0.29, pkgconf"),
    (1, "pkg-config", r"Package '?(?P<name>[\w.+-]+)'?,? .*not found(?: in the pkg-config|$)", "pkg-config, pkgconf"),
    (1, "pkg-config", r"pkg-config --exists (?P<name>[\w.+-]+)' returned non-zero", "mysqlclient"),
    (1, "cmake", r"Could NOT find (?P<name>\w+)", "CMake"),
    (1, "cmake", r'package configuration file provided by "(?P<name>\w+)"', "CMake"),
    (1, "soname", r"(?P<name>lib[\w.+-]+\.so[.\d]*): cannot open shared object file", "glibc's loader"),
    (1, "soname", r"Unable to load dependency (?P<name>\w+)", "h5py"),
    # programs
    (1, "program", r"(?P<name>[\w+.-]+-config|pg_config|mysql_config)\b.*(?:not found|[Cc]ould not)", "psycopg2, others"),
    (1, "program", r"[Cc]ould not run (?P<name>[\w.+-]+)", "pycurl"),
    (1, "program", r"[Cc]ould not find [`'\"](?P<name>[\w.+-]+)[`'\"] executable", "pygraphviz"),
    (1, "program", r"(?:/bin/)?sh: (?:line )?(?:\d+: )?(?P<name>[\w.+-]+): (?:command )?not found", "dash, bash, busybox"),
    (1, "program", r"(?:[Cc]annot find|[Cc]ould not find|[Ff]ailed to find) (?P<name>CMake)", "scikit-build"),
    (1, "program", r"(?P<name>CMake) (?:must be installed|is required)", "setup.py files"),
    (1, "file", r"No such file or directory: '(?P<name>[^']+)'", "Python"),
    # what the package itself says
    (1, "platform", r"(?P<text>.*(?:requires macOS|requires Windows|only (?:works|runs|supported) on (?:macOS|Windows|Darwin)|[Uu]nsupported platform|not supported on (?:this platform|[Ll]inux)).*)", "pyobjc-core 13"),
    (1, "refuses", r"(?P<text>.*(?:Cannot install on Python version|(?:requires|needs|require) (?:a )?Python ?(?:version)? ?['\"(]?[<>=~]*=? ?\d\.\d|Python \d\.\d+ is not supported|Python version .{0,30} (?:is )?not supported|only versions [<>=]).*)", "numba 0.5x, pyo3"),
    (1, "module", r"ModuleNotFoundError: No module named '(?P<name>[\w.]+)'", "Python"),
    (1, "source", r"^\S+?\.(?:c|cc|cpp|cxx|cu|m|mm|h|hh|hpp|f|f90|pyx|rs):\d+(?::\d+)?: (?:fatal )?error: (?P<text>.+)", "gcc, clang"),
    (1, "source", r"^error\[E\d+\]: (?P<text>.+)", "rustc"),
    (1, "memory", r"\b(?:MemoryError\b|std::bad_alloc|virtual memory exhausted|[Oo]ut of memory|Cannot allocate memory)", "gcc, Python"),
    (1, "network", r"(?P<text>.*(?:Name or service not known|Temporary failure in name resolution|[Cc]ould not resolve host|Name does not resolve|Network is unreachable|Try again\b.*getaddrinfo).*)", "Python, curl, git, musl"),
    # a last word that says little
    (2, "language", r"CMAKE_(?P<language>C|CXX)_COMPILER not set", "CMake"),
    (2, "error", r"^(?:[\w.]+\.)?(?P<text>[A-Z]\w*(?:Error|Exception|Exit)\b:? ?.*)", "Python"),
    (2, "error", r"^(?:error|ERROR|CMake Error[^:]*|.*: ERROR): (?P<text>.+)", "setuptools, Meson, CMake"),
)  # fmt: skip

RULES = tuple(Rule(order, kind, re.compile(pattern), seen) for order, kind, pattern, seen in _RULES)


def last(lines: list[str]) -> tuple[Rule, re.Match[str]] | None:
    """The rule that decides for these lines, and its match."""
    tails = [text[:2000] for text in lines]
    for order in (0, 1, 2):
        rules = [rule for rule in RULES if rule.order == order]
        for text in reversed(tails):
            for rule in rules:
                if match := rule.pattern.search(text):
                    return rule, match
    return None
