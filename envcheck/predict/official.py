"""What a word says of Python, and of the official image that it names."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from envcheck.model.target import Target
from envcheck.predict import images, pythons
from envcheck.predict.words import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.predict.words import Parts

COMPILERS = frozenset({"c", "c++"})  # of the full images, and of what is called `-cc`
_PYPY = ("x86_64", "aarch64", "i686")  # for which there are images of it
_STALE = 180  # days after which Debian and Alpine may well have had another release


def image(parts: Parts, word: str, day: str) -> Target:
    """What the official image of that name has; what is no image says so in ``note``."""
    family: images.Family = "alpine" if parts.kind == "alpine" else "debian"
    python_of(parts, word, day)  # a Python that is not known is the first thing to say
    if parts.implementation == "pypy" and parts.patch:
        refuse(word, f"images of PyPy are called by the feature release, as pypy{parts.minor}-slim")
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
    target = bare(parts, *python_of(parts, word, built))
    compilers = COMPILERS if parts.compilers or not (parts.slim or family == "alpine") else None
    return target._replace(
        libc=system.libc if system else "",
        distribution=family,
        compilers=compilers or frozenset(),
        image=_reference(parts, target.python, system),
        note="; ".join(_notes(parts, system, day, built)),
    )


def bare(parts: Parts, python: str, own: str) -> Target:
    """What every target of these parts has."""
    return Target(
        id=parts.id,
        python=python,
        architecture=parts.architecture,
        implementation=parts.implementation,
        free_threaded=parts.free_threaded,
        implementation_version=own,
    )


def python_of(parts: Parts, word: str, day: str) -> tuple[str, str]:
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
    return parts.architecture in system.architectures and (not pypy or parts.architecture in _PYPY)


def _notes(parts: Parts, system: images.System | None, day: str, built: str) -> Iterator[str]:
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
