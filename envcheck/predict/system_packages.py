"""What an operating system calls a thing that is missing, and how it is installed there.

A *family* is ``debian``, ``alpine`` or ``fedora``: which commands install there. The names are
those of ``knowledge/system_libraries.json``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from envcheck.knowledge import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS = {"debian": "apt-get install -y", "alpine": "apk add", "fedora": "dnf install -y"}
_FAMILIES = {
    "debian": ("debian", "ubuntu", "linuxmint", "raspbian", "pop", "kali"),
    "alpine": ("alpine", "postmarketos", "wolfi", "chainguard"),
    "fedora": ("fedora", "rhel", "centos", "rocky", "almalinux", "amzn", "ol"),
}
#: compiler -> family -> packages
COMPILERS: dict[str, dict[str, list[str]]] = {
    "C": {"debian": ["gcc", "libc6-dev"], "alpine": ["build-base"], "fedora": ["gcc"]},
    "C++": {"debian": ["g++"], "alpine": ["build-base"], "fedora": ["gcc-c++"]},
    "Fortran": {"debian": ["gfortran"], "alpine": ["gfortran"], "fedora": ["gcc-gfortran"]},
    "Rust": {"debian": ["cargo"], "alpine": ["cargo"], "fedora": ["cargo"]},
    "Go": {"debian": ["golang"], "alpine": ["go"], "fedora": ["golang"]},
}
_FIELDS = {"header": "headers", "soname": "sonames", "pkg-config": "pkg-config"}


def family_of(distribution: str) -> str:
    """The family of a distribution, by its ``ID`` in os-release; empty if it is not known."""
    for name, members in _FAMILIES.items():
        if distribution in members:
            return name
    return ""


def to_build(kind: str, name: str) -> dict[str, list[str]]:
    """Family -> packages that bring a header, soname, pkg-config name or program for building."""
    if kind == "program":
        for row in _table()["programs"]:
            if row["program"] == name:
                return {family: row[family] for family in COMMANDS if row.get(family)}
    return packages_of(library(kind, name), "build")


def packages_of(row: Mapping[str, Any] | None, use: str) -> dict[str, list[str]]:
    """Family -> packages of a library. ``use``: ``build`` or ``run``."""
    return {name: row[name].get(use, []) for name in COMMANDS if name in row} if row else {}


def install(family: str, packages: Mapping[str, Sequence[str]]) -> str:
    """The command in backquotes, one for each family if it is not known which; may be empty."""
    if family:
        names = packages.get(family, ())
        return f"`{COMMANDS[family]} {' '.join(names)}`" if names else ""
    every = [
        f"`{command} {' '.join(packages[name])}`"
        for name, command in COMMANDS.items()
        if packages.get(name)
    ]
    return " or ".join(every)


def library(kind: str, name: str) -> dict[str, Any] | None:
    """The library (a row of the table) behind a header, soname, pkg-config name or program."""
    if kind == "program":
        return next((row for row in _table()["rows"] if name in row.get("programs", ())), None)
    exact = _index(_FIELDS[kind])
    if name in exact:
        return exact[name]
    if kind == "soname":
        # another major version of the same library is in the same package's family
        stem = name.partition(".so")[0]
        return next(
            (row for known, row in exact.items() if known.partition(".so")[0] == stem), None
        )
    if kind == "pkg-config":
        return exact.get(re.sub(r"[-_.]?\d[\d.]*$", "", name.lower()))
    return next((row for known, row in exact.items() if known.rpartition("/")[2] == name), None)


@lru_cache(maxsize=8)
def _index(field: str) -> dict[str, dict[str, Any]]:
    return {name: row for row in _table()["rows"] for name in row.get(field, ())}


def _table() -> dict[str, Any]:
    return table("system_libraries")
