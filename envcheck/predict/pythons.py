"""Which releases of Python there were on which day. Days are ISO 8601 texts, compared as such."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from envcheck import knowledge

_NUMBERS = re.compile(r"\d+")


class Release(NamedTuple):
    """A release and the day on which it was there (at the latest, where that is all one knows)."""

    version: str
    day: str


def known_until() -> str:
    """The day up to which the table is complete."""
    return str(knowledge.table("python_patches")["date"])


@lru_cache(maxsize=64)
def releases(minor: str) -> tuple[Release, ...]:
    """Of CPython ``3.12``, oldest first; of old Pythons the last ones. Empty if it is not known."""
    found = [
        Release(version, day)
        for row in knowledge.table("python_patches")["rows"]
        if row["python"] == minor
        for version, day in row["releases"].items()
    ]
    return tuple(sorted(found, key=lambda one: _key(one.version)))


@lru_cache(maxsize=1)
def minors() -> tuple[str, ...]:
    """Every one that is known, oldest first: ``3.7``, ``3.8`` …"""
    rows = knowledge.table("python_patches")["rows"]
    return tuple(sorted({row["python"] for row in rows}, key=_key))


def newest(minor: str, day: str) -> str:
    """The newest release on that day, a pre-release only where there is nothing else; or empty."""
    there = [one.version for one in releases(minor) if one.day <= day]
    final = [version for version in there if not is_prerelease(version)]
    return next(reversed(final or there), "")


def is_prerelease(version: str) -> bool:
    """Whether it is an alpha, a beta or a candidate."""
    return any(letter.isalpha() for letter in version)


def is_newer(version: str, other: str) -> bool:
    """Whether one release is later than another."""
    return _key(version) > _key(other)


def superseded(version: str) -> str:
    """The day on which the next patch release was there; empty if there is none yet."""
    minor = ".".join(version.split(".")[:2])
    return next((one.day for one in releases(minor) if is_newer(one.version, version)), "")


def pypy(minor: str, day: str) -> tuple[str, str]:
    """(the Python, the version of PyPy) of the newest PyPy that is ``minor`` on that day."""
    found = ("", "")
    for row in knowledge.table("python_patches")["pypy"]:
        if row["from"] <= day and minor in row["pythons"]:
            found = (row["pythons"][minor], row["pypy"])
    return found


def pypy_of(python: str) -> str:
    """The version of PyPy that is the full version ``python``; empty if that is not known."""
    rows = knowledge.table("python_patches")["pypy"]
    return next((row["pypy"] for row in rows if python in row["pythons"].values()), "")


def _key(version: str) -> tuple[int, ...]:
    """For sorting; a pre-release before its final one."""
    numbers = tuple(int(number) for number in _NUMBERS.findall(version)[:3])
    return (*numbers, *[0] * (3 - len(numbers)), 0 if is_prerelease(version) else 1)
