"""Targets from words (``words``), fact sheets (``examined``) and cells of a matrix.

A word reads like a tag of the official Python images, whose C library, Python and compilers are
known by day (``images``, ``pythons``); what these are not made of is said by hand.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from envcheck.errors import UsageError
from envcheck.model.target import Target
from envcheck.predict import images, pythons, words
from envcheck.predict.examined import here, of_facts
from envcheck.predict.words import refuse
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from envcheck.model.matrix import Cell
    from envcheck.model.target import System
    from envcheck.predict.words import Parts

__all__ = ["describe", "here", "of_cell", "of_facts", "parse", "parse_all"]

_COMPILERS = frozenset({"c", "c++"})
_MACOS = "14.0"  # where nobody says which
_STALE = 180  # days after which Debian and Alpine may well have had another release
#: where not every architecture is
_ONLY = {
    "macos": ("aarch64", "x86_64"),
    "windows": ("x86_64", "aarch64", "i686"),
    "pypy": ("x86_64", "aarch64", "i686"),
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
        compilers = _COMPILERS if parts.compilers else None
        target = _target(parts, *_python(parts, word, day))
        libc = f"{parts.kind} {parts.release}"
        return target._replace(libc=libc, compilers=compilers, note="as said")
    return _image(parts._replace(kind=parts.kind or "debian"), word, day)


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
            compilers = _COMPILERS | (compilers or frozenset())
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
        found = parse(f"{cell.python}-musl1.0", today=today, architecture=architecture)
        return found._replace(id=cell.id, libc="", compilers=None, image=reference, note=note)
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


def _target(parts: Parts, python: str, own: str) -> Target:
    """What every target of these parts has."""
    return Target(
        id=parts.id,
        python=python,
        architecture=parts.architecture,
        implementation=parts.implementation,
        free_threaded=parts.free_threaded,
        implementation_version=own,
    )


def _python(parts: Parts, word: str, day: str) -> tuple[str, str]:
    """(its full version, that of PyPy) on that day. Raises UsageError."""
    if parts.implementation == "pypy":
        said = parts.patch, pythons.pypy_of(parts.patch)
        python, own = said if parts.patch else pythons.pypy(parts.minor, day)
        if not own:
            refuse(word, f"no PyPy that is Python {parts.patch or parts.minor} is known ({day})")
        return python, own
    known = pythons.releases(parts.minor)
    if not parts.patch:
        python = pythons.newest(parts.minor, day)
        if not python:
            refuse(word, f"the first known Python {parts.minor} is of {known[0].day}, not {day}")
        return python, ""
    if pythons.is_newer(parts.patch, known[-1].version) and day <= pythons.known_until():
        newest = f"{known[-1].version} (as of {pythons.known_until()})"
        refuse(word, f"the newest Python {parts.minor} is {newest}")
    return parts.patch, ""


def _elsewhere(parts: Parts, word: str, day: str, architecture: str) -> Target:
    """On macOS and Windows nothing is known of compilers."""
    system: System = "macos" if parts.kind == "macos" else "windows"
    usual = "aarch64" if system == "macos" else architecture
    parts = parts._replace(architecture=parts.architecture or usual)
    if parts.architecture not in _ONLY[system]:
        if parts.architecture == architecture != "x86_64":
            parts = parts._replace(architecture="x86_64")
        else:
            refuse(word, f"{parts.kind} is on {', '.join(_ONLY[system])} only")
    release = ""
    if system == "macos":
        release = parts.release or _MACOS
        release = release if "." in release else f"{release}.0"
    note = "as said" if parts.release or system == "windows" else "where none is said"
    target = _target(parts, *_python(parts, word, day))
    return target._replace(system=system, release=release, compilers=None, note=note)


def _image(parts: Parts, word: str, day: str) -> Target:
    """What the official image of that name has; what is no image says so in ``note``."""
    family: images.Family = "alpine" if parts.kind == "alpine" else "debian"
    _python(parts, word, day)  # a Python that is not known is the first thing to say
    built = min(day, images.last(parts.implementation, parts.minor) or day)
    if parts.patch and (after := pythons.superseded(parts.patch)):
        # its tag was not built again once there was the next one; on that very day, it is not known
        built = min(built, _later(after, -1))
    system = images.default(family, built)
    if parts.release:
        system = images.named(family, parts.release)
        built = min(built, (system and system.until) or built)
    first = pythons.releases(parts.minor)[0].day
    if system and parts.release and not max(system.since, first) <= built:
        span = f"{system.since} to {system.until or 'now'}"
        refuse(word, f"there never was such an image: those on {system.label} are of {span}")
    target = _target(parts, *_python(parts, word, built))
    compilers = _COMPILERS if parts.compilers or not (parts.slim or family == "alpine") else None
    return target._replace(
        libc=system.libc if system else "",
        distribution=family,
        compilers=compilers or frozenset(),
        image=_reference(parts, target.python, system),
        note="; ".join(_notes(parts, system, day, built)),
    )


def _reference(parts: Parts, python: str, system: images.System | None) -> str:
    """Of the image; empty where there is none of that kind."""
    if parts.compilers or parts.free_threaded or not _is_built(parts, system):
        return ""
    rc = "-rc" if pythons.is_prerelease(python) and not parts.patch else ""
    word = f"{parts.patch or parts.minor}{rc}"
    place = f"alpine{parts.release}" if parts.kind == "alpine" else parts.release
    tag = "-".join(one for one in (word, "slim" if parts.slim else "", place) if one)
    return f"{'pypy' if parts.implementation == 'pypy' else 'python'}:{tag}"


def _is_built(parts: Parts, system: images.System | None) -> bool:
    """Whether there are images for that architecture."""
    if system is None:
        return True
    pypy = parts.implementation == "pypy"
    return parts.architecture in system.architectures and (
        not pypy or parts.architecture in _ONLY["pypy"]
    )


def _notes(parts: Parts, system: images.System | None, day: str, built: str) -> Iterable[str]:
    """Where it comes from, and of which day."""
    known = images.known_until()
    if system is None:
        yield f"what such images were made of on {built} is not known"
    elif built < day:
        yield f"{system.label}, last built by {built}"
    else:
        yield f"{system.label}, as of {min(day, known)}"
        if not parts.release and day > _later(known, _STALE):
            yield "it may be a newer one by now"
    if parts.patch and pythons.is_newer(parts.patch, pythons.releases(parts.minor)[-1].version):
        yield f"Python {parts.patch} is not known as of {pythons.known_until()}"
    if parts.compilers:
        yield "with compilers added"
    if parts.free_threaded:
        yield "no official image is free-threaded"
    if not _is_built(parts, system):
        yield f"there is no such image for {parts.architecture}"


def _later(day: str, days: int) -> str:
    return (dt.date.fromisoformat(day) + dt.timedelta(days=days)).isoformat()
