"""Targets from words (``words``), fact sheets (``examined``) and cells of a matrix.

A word reads like a tag of the official Python images, whose C library, Python and compilers are
known by day (``images``, ``pythons``); what these are not made of is said by hand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.errors import UsageError
from envcheck.predict import official, words
from envcheck.predict.examined import here, of_facts
from envcheck.predict.words import refuse
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping

    from envcheck.model.matrix import Cell
    from envcheck.model.target import System, Target
    from envcheck.predict.words import Parts

__all__ = ["describe", "here", "of_cell", "of_facts", "parse", "parse_all"]

_MACOS = "14.0"  # where nobody says which
#: the architectures of these, the usual one first
_ONLY = {
    "macos": ("aarch64", "x86_64"),
    "windows": ("x86_64", "aarch64", "i686"),
}
_RANGE = re.compile(r"\s*3\.(\d{1,2})\s*-\s*3\.(\d{1,2})\s*", re.ASCII)


def parse(word: str, *, today: dt.date, architecture: str = "x86_64") -> Target:
    """The target of a word, as it is on that day. ``architecture``: of Linux and Windows, where
    the word does not say it.

    Raises UsageError for what is no target, and for images that never were.
    """
    if word.strip().lower() == "here":
        return here()
    parts, day = words.parts(word), today.isoformat()
    if parts.kind in _ONLY:
        return _elsewhere(parts, word, day, architecture)
    parts = parts._replace(architecture=parts.architecture or architecture)
    if parts.kind in ("glibc", "musl"):
        compilers = official.COMPILERS if parts.compilers else None
        target = official.bare(parts, *official.python_of(parts, word, day))
        libc = f"{parts.kind} {parts.release}"
        return target._replace(libc=libc, compilers=compilers, note="as said")
    return official.image(parts._replace(kind=parts.kind or "debian"), word, day)


def parse_all(
    words: Iterable[str],
    pythons: Iterable[str] = (),
    systems: Iterable[str] = (),
    *,
    today: dt.date,
    architecture: str = "x86_64",
) -> list[Target]:
    """The product of ``pythons`` (``3.12``, ``3.9-3.14``) and ``systems`` (``slim``, ``alpine``;
    both where none is said), then ``words``: each target once, by Python, else as said.
    """
    places = list(systems) or ["alpine", "slim"]
    product = [f"{python}-{place}" for one in pythons for python in _range(one) for place in places]
    found = [parse(word, today=today, architecture=architecture) for word in (*product, *words)]
    return sorted({target.id: target for target in reversed(found)}.values(), key=_order(found))


def describe(target: Target) -> str:
    """One line for people."""
    flag = "t" if target.free_threaded else ""
    python = f"CPython {target.python}{flag}"
    if target.implementation == "pypy":
        python = f"PyPy {target.implementation_version} (Python {target.python})".replace("  ", " ")
    if target.system == "linux":
        place = target.libc or "C library not known"
    else:
        name = {"macos": "macOS", "windows": "Windows"}[target.system]
        place = f"{name} {target.release}".rstrip()
    note = f" ({target.note})" if target.note else ""
    return f"{python}, {place}{note}, {target.architecture}, {_compilers(target.compilers)}"


def of_cell(
    cell: Cell,
    settings: Mapping[str, str],
    *,
    today: dt.date,
    examined: Callable[[str], Target | None] = lambda _: None,
) -> Target:
    """Where a cell of a matrix is: ``settings`` has the images that stand for an os, by its name,
    with ``{python}``; ``examined`` what is known of an image by having looked into it.

    An os that is neither an official image nor looked into has an unknown C library.
    """
    architecture = words.ARCHITECTURES.get(cell.axes.get("architecture", ""), "x86_64")
    said = settings.get(cell.os) or settings.get(cell.os.removesuffix("-cc"), "")
    reference = said.replace("{python}", cell.python)
    if reference and (found := examined(reference)):
        compilers = found.compilers
        if cell.os.endswith("-cc"):
            compilers = official.COMPILERS | (compilers or frozenset())
        return found._replace(id=cell.id, compilers=compilers)
    tag = f"{cell.python}-{cell.os}"
    if reference:
        cc = "-cc" if cell.os.endswith("-cc") else ""
        tag = f"{_official(reference)}{cc}"
    try:
        found = parse(tag, today=today, architecture=architecture)
    except UsageError:
        image = f"the image {reference}" if reference else f"{cell.os}.Dockerfile"
        note = f"{image} was not looked into"
        parts = words.parts(cell.python)._replace(architecture=architecture)
        found = official.bare(parts, *official.python_of(parts, cell.python, today.isoformat()))
        return found._replace(id=cell.id, compilers=None, image=reference, note=note)
    if reference and not reference.startswith(("python:", "pypy:")):
        note = f"as {found.image or tag}: {found.note}; {reference} was not looked into"
        found = found._replace(note=note, image=reference)
    return found._replace(id=cell.id)


def _official(reference: str) -> str:
    """The tag of an official image, of which this may be a mirror; else what is no target."""
    repository, _, tag = reference.rpartition("/")[2].partition(":")
    return f"{repository}:{tag}" if repository in ("python", "pypy") else "?"


def _order(found: list[Target]) -> Callable[[Target], tuple[bool, tuple[int, int], bool, int]]:
    """By Python, then as said."""
    places = {target.id: n for n, target in reversed(list(enumerate(found)))}
    return lambda one: (
        one.implementation == "pypy",
        one.version,
        one.free_threaded,
        places[one.id],
    )


def _range(text: str) -> list[str]:
    """``3.9-3.14`` as its Pythons; anything else as it is."""
    match = _RANGE.fullmatch(text)
    if not match:
        return [text.strip()]
    first, last = int(match[1]), int(match[2])
    if first > last:
        raise UsageError(f"`{printable(text)}` ends before it begins")
    return [f"3.{minor}" for minor in range(first, last + 1)]


def _compilers(found: frozenset[str] | None) -> str:
    if found is None:
        return "compilers not known"
    names = {"c": "C", "c++": "C++", "fortran": "Fortran", "rust": "Rust", "cuda": "CUDA"}
    return (
        "compilers: " + ", ".join(names.get(one, one) for one in sorted(found))
        if found
        else "no compiler"
    )


def _elsewhere(parts: Parts, word: str, day: str, architecture: str) -> Target:
    """On macOS and Windows nothing is known of compilers."""
    system: System = "macos" if parts.kind == "macos" else "windows"
    usual = architecture if system == "windows" and architecture in _ONLY[system] else ""
    parts = parts._replace(architecture=parts.architecture or usual or _ONLY[system][0])
    if parts.architecture not in _ONLY[system]:
        refuse(word, f"{system} is on {', '.join(_ONLY[system])} only")
    release = ""
    if system == "macos":
        release = parts.release or _MACOS
        release = release if "." in release else f"{release}.0"
    note = "as said" if parts.release or system == "windows" else "where no release is said"
    target = official.bare(parts, *official.python_of(parts, word, day))
    return target._replace(system=system, release=release, compilers=None, note=note)
