"""Which compilers an image has once packages of its system are installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: What brings headers of the C library along with a compiler. Debian's gcc only recommends them,
#: Alpine's does not name them at all (packages.debian.org, pkgs.alpinelinux.org, 2026-11-20).
_HEADERS = {
    "debian": re.compile(
        r"libc6-dev|libc-dev|build-essential|g\+\+(-\d+)?|(lib)?python3[\d.]*-dev|zlib1g-dev|libxml2-dev"
        r"|default-libmysqlclient-dev|libstdc\+\+-\d+-dev|rustc(-.*)?|cargo(-.*)?|gfortran(-\d+)?"
    ),
    "alpine": re.compile(r"musl-dev|libc-dev|build-base|alpine-sdk|g\+\+|python3-dev|rust|cargo"),
}
_GROUPS = r"build-essential|build-base|alpine-sdk|base-devel|.*development[- ]tools.*"
_LANGUAGES = {
    "c": re.compile(
        rf"{_GROUPS}|gcc(-\d+)?|g\+\+(-\d+)?|clang(-\d+)?|gcc-c\+\+|gcc-toolset-\d+(-gcc.*)?"
        r"|devtoolset-\d+.*"
    ),
    "c++": re.compile(
        rf"{_GROUPS}|g\+\+(-\d+)?|clang(-\d+)?|gcc-c\+\+|gcc-toolset-\d+(-gcc-c\+\+)?"
        r"|devtoolset-\d+(-gcc-c\+\+)?"
    ),
}
_OTHERS = {
    "rust": re.compile(r"cargo(-[\d.]+)?|rustc(-[\d.]+)?|rust|rustup"),
    "fortran": re.compile(r"gfortran(-\d+)?|gcc-gfortran|gcc-fortran"),
    "cmake": re.compile(r"cmake3?"),
    "cuda": re.compile(r"nvidia-cuda-toolkit|cuda-toolkit.*|cuda-nvcc.*|cuda(-\d+-\d+)?"),
}


def compilers(
    family: str, packages: Collection[str], *, recommends: bool = True
) -> frozenset[str] | None:
    """``c``, ``c++`` … that ``packages`` of a system of ``family`` (as ``debian``) bring.

    ``recommends``: whether what a package recommends is installed with it. None: there is a
    compiler, and it is not known whether the C library's headers are.
    """
    found = {word for word, name in _OTHERS.items() if _any(name, packages)}
    if "rust" in found and family in ("debian", "alpine"):
        found.add("c")  # their rustc depends on gcc and the C library's headers, to link
    languages = {word for word, name in _LANGUAGES.items() if _any(name, packages)}
    if not languages:
        return frozenset(found)
    headers = _HEADERS.get(family)
    if headers is None or (family == "debian" and recommends) or _any(headers, packages):
        return frozenset(found | languages)
    if any(one.endswith("-dev") for one in packages):
        return None  # some of these depend on the headers
    return frozenset(found)


def _any(name: re.Pattern[str], packages: Iterable[str]) -> bool:
    return any(name.fullmatch(one) for one in packages)
