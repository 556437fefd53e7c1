"""What mends a thing that a cell's operating system lacks: ``predict/system_packages.py`` for a
step that failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.predict import system_packages
from envcheck.predict.system_packages import COMPILERS

if TYPE_CHECKING:
    from envcheck.matrix.causes.base import Failure


def family(failure: Failure) -> str:
    """``debian``, ``alpine``, ``fedora``, or empty: which commands install there."""
    if found := system_packages.family_of(failure.distribution):
        return found
    system = failure.cell.os.partition("-")[0]
    return {"alpine": "alpine", "slim": "debian"}.get(system, "")


def compiler(failure: Failure, language: str) -> str:
    """The remedy where there is no compiler for ``language`` (a key of COMPILERS)."""
    text = system_packages.install(family(failure), COMPILERS[language])
    if language in ("C", "C++") and failure.cell.os in ("alpine", "slim"):
        text += f"; as a cell: os `{failure.cell.os}-cc`"
    return text


def for_building(failure: Failure, kind: str, name: str) -> tuple[str, str]:
    """Library behind a header, soname, pkg-config name or program, and the remedy; may be empty."""
    return _library(failure, kind, name, "build")


def for_running(failure: Failure, kind: str, name: str) -> tuple[str, str]:
    """As ``for_building``, for what is needed to import."""
    return _library(failure, kind, name, "run")


def program(failure: Failure, name: str) -> str:
    """The remedy where a program is missing; empty if it is not known who brings it."""
    return system_packages.install(family(failure), system_packages.to_build("program", name))


def _library(failure: Failure, kind: str, name: str, use: str) -> tuple[str, str]:
    row = system_packages.library(kind, name)
    if row is None:
        return "", ""
    named = system_packages.packages_of(row, use)
    return row.get("library", ""), system_packages.install(family(failure), named)
