"""What an operating system calls a thing that is missing, and how it is installed there."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from envcheck.knowledge import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.matrix.causes.base import Failure

_COMMANDS = {"debian": "apt-get install -y", "alpine": "apk add", "fedora": "dnf install -y"}
_FAMILIES = {
    "debian": ("debian", "ubuntu", "linuxmint", "raspbian", "pop", "kali"),
    "alpine": ("alpine", "postmarketos", "wolfi", "chainguard"),
    "fedora": ("fedora", "rhel", "centos", "rocky", "almalinux", "amzn", "ol"),
}
#: compiler -> family -> packages
_COMPILERS: dict[str, dict[str, list[str]]] = {
    "C": {"debian": ["gcc", "libc6-dev"], "alpine": ["build-base"], "fedora": ["gcc"]},
    "C++": {"debian": ["g++"], "alpine": ["build-base"], "fedora": ["gcc-c++"]},
    "Fortran": {"debian": ["gfortran"], "alpine": ["gfortran"], "fedora": ["gcc-gfortran"]},
    "Rust": {"debian": ["cargo"], "alpine": ["cargo"], "fedora": ["cargo"]},
    "Go": {"debian": ["golang"], "alpine": ["go"], "fedora": ["golang"]},
}
_FIELDS = {"header": "headers", "soname": "sonames", "pkg-config": "pkg-config"}


def family(failure: Failure) -> str:
    """``debian``, ``alpine``, ``fedora``, or empty: which commands install there."""
    for name, members in _FAMILIES.items():
        if failure.distribution in members:
            return name
    system = failure.cell.os.partition("-")[0]
    return {"alpine": "alpine", "slim": "debian"}.get(system, "")


def compiler(failure: Failure, language: str) -> str:
    """The remedy where there is no compiler for ``language`` (a key of _COMPILERS)."""
    text = _install(failure, _COMPILERS[language])
    if language in ("C", "C++") and failure.cell.os in ("alpine", "slim"):
        text += f"; as a cell: os `{failure.cell.os}-cc`"
    return text


def for_building(failure: Failure, kind: str, name: str) -> tuple[str, str]:
    """Library behind a header, soname, pkg-config name or program, and the remedy; may be empty."""
    row = _row(kind, name)
    if row is None:
        return "", ""
    named = {family: row[family].get("build", []) for family in _COMMANDS if family in row}
    return row.get("library", ""), _install(failure, named)


def for_running(failure: Failure, kind: str, name: str) -> tuple[str, str]:
    """As ``for_building``, for what is needed to import."""
    row = _row(kind, name)
    if row is None:
        return "", ""
    named = {family: row[family].get("run", []) for family in _COMMANDS if family in row}
    return row.get("library", ""), _install(failure, named)


def program(failure: Failure, name: str) -> str:
    """The remedy where a program is missing; empty if it is not known who brings it."""
    for row in _table()["programs"]:
        if row["program"] == name:
            return _install(failure, row)
    return for_building(failure, "program", name)[1]


def _install(failure: Failure, packages: Mapping[str, Sequence[str]]) -> str:
    mine = family(failure)
    if mine:
        names = packages.get(mine, ())
        return f"`{_COMMANDS[mine]} {' '.join(names)}`" if names else ""
    every = [
        f"`{command} {' '.join(packages[name])}`"
        for name, command in _COMMANDS.items()
        if packages.get(name)
    ]
    return " or ".join(every)


def _row(kind: str, name: str) -> dict[str, Any] | None:
    if kind == "program":
        return next((row for row in _table()["rows"] if name in row.get("programs", ())), None)
    exact = _index(_FIELDS[kind])
    if name in exact:
        return exact[name]
    if (
        kind == "soname"
    ):  # another major version of the same library is in the same package's family
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
