"""In words: which Pythons and which platforms wheels were made for, by their file names."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.tags import Tag, parse_tag

from envcheck.predict.tags import LEGACY, ranks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.model.target import Target

_LINUX = re.compile(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+)")
_LEGACY_LINUX = re.compile(r"(manylinux1|manylinux2010|manylinux2014)_(\w+)")
_OTHERS = (("macosx", "macOS"), ("win", "Windows"), ("linux", "Linux"), ("any", "any"))


def pythons(wheels: Iterable[str], *, free_threaded: bool = False) -> list[str]:
    """Minor versions of CPython for which there are wheels: ``["3.9", "3.10+"]`` (abi3: and up)."""
    found: dict[int, str] = {}
    for name in wheels:
        for tag in _tags_of(name):
            match = re.fullmatch(r"cp3(\d+)", tag.interpreter)
            if match and tag.abi.endswith("t") == free_threaded:
                minor = int(match[1])
                found[minor] = "+" if tag.abi == "abi3" else found.get(minor, "")
    first = min((minor for minor, suffix in found.items() if suffix), default=None)
    return [
        f"3.{minor}{suffix}"
        for minor, suffix in sorted(found.items())
        if first is None or minor <= first
    ]


def minors(items: list[str]) -> str:
    """``3.10 to 3.14`` of minor versions of Python in order; ``3.9+`` stays ``3.9 and newer``."""
    if len(items) > 2 and all(re.fullmatch(r"3\.\d+", item) for item in items):
        numbers = [int(item[2:]) for item in items]
        if numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{items[0]} to {items[-1]}"
    return ", ".join(item.replace("+", " and newer") for item in items)


def systems(wheels: Iterable[str], *, interpreter: Target | None = None) -> str:
    """Platforms of ``wheels`` in words: ``manylinux_2_28 x86_64/aarch64, macOS, Windows``.

    ``interpreter``: only of wheels that fit its Python.
    """
    floors: dict[str, dict[str, tuple[int, int]]] = {"manylinux": {}, "musllinux": {}}
    others: set[str] = set()
    for name in wheels:
        if interpreter and not ranks(interpreter).fits(name):
            continue
        best: dict[tuple[str, str], tuple[int, int]] = {}
        for tag in _tags_of(name):
            kind, floor, architecture = _floor(tag.platform)
            if kind in floors:
                key = kind, architecture
                best[key] = min(best.get(key, floor), floor)
            elif kind:
                others.add(kind)
        for (kind, architecture), floor in best.items():
            known = floors[kind].get(architecture)
            floors[kind][architecture] = min(known, floor) if known else floor
    words = []
    for kind, found in floors.items():
        for floor in sorted(set(found.values())):
            names = [name for name in sorted(found, reverse=True) if found[name] == floor]
            words.append(f"{kind}_{floor[0]}_{floor[1]} {'/'.join(names)}")
    return ", ".join([*words, *sorted(others, key=str.lower)])


@lru_cache(maxsize=4096)
def _tags_of(name: str) -> frozenset[Tag]:
    """Tags in the file name of a wheel; none if it is not one."""
    parts = name.removesuffix(".whl").split("-")
    if len(parts) not in (5, 6):
        return frozenset()
    return parse_tag("-".join(parts[-3:]))


def _floor(platform: str) -> tuple[str, tuple[int, int], str]:
    """Kind of system, oldest libc, architecture."""
    if match := _LINUX.fullmatch(platform):
        return match[1], (int(match[2]), int(match[3])), match[4]
    if match := _LEGACY_LINUX.fullmatch(platform):
        return "manylinux", LEGACY[match[1]], match[2]
    for start, word in _OTHERS:
        if platform.startswith(start):
            return word, (0, 0), ""
    return platform.partition("_")[0], (0, 0), ""
