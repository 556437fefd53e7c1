"""Which wheels a target takes, and which of them first.

PyPA specification "Platform compatibility tags". The order of pairs (interpreter, ABI) is
packaging's own; platforms are listed here, since packaging asks the machine that it runs on.
Tags are compared as strings: a page has thousands of them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging import tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.model.target import Target

#: tags from before PEP 600 -> the oldest glibc
LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_ANYWHERE = "any"
_PYPY = "7.3"  # whose ABI all of PyPy had from 2019 until 8.0
_WINDOWS = {"x86_64": "win_amd64", "i686": "win32", "aarch64": "win_arm64"}


class Ranks:
    """The tags that a target supports. A smaller rank is preferred, as installers do."""

    def __init__(self, target: Target) -> None:
        self.platforms = {name: n for n, name in enumerate(platforms(target))}
        self._pairs: dict[tuple[str, str], int] = {}  # made for a platform
        self._generic: dict[tuple[str, str], int] = {}  # for any
        for n, tag in enumerate(_tags(target)):
            pairs = self._generic if tag.platform == _ANYWHERE else self._pairs
            pairs.setdefault((tag.interpreter, tag.abi), n)
        self._known: dict[str, tuple[int, int] | None] = {}

    @property
    def best(self) -> str:
        """The tag that is wanted most of what an index may have: no `linux_…`, made there."""
        interpreter, abi = next(iter(self._pairs), ("py3", "none"))
        names = (name for name in self.platforms if not name.startswith("linux_"))
        return f"{interpreter}-{abi}-{next(names, _ANYWHERE)}"

    def rank(self, filename: str) -> tuple[int, int] | None:
        """Of a wheel, by its name; None if it cannot be installed there."""
        parts = filename.lower().rsplit("-", 3)
        if len(parts) != 4:
            return None
        text = filename[len(parts[0]) + 1 :]
        if text not in self._known:
            self._known[text] = self._best(parts[1], parts[2], parts[3].removesuffix(".whl"))
        return self._known[text]

    def fits(self, filename: str) -> bool:
        """Whether a wheel fits this interpreter, whatever its platform."""
        parts = filename.rsplit("-", 3)
        return len(parts) == 4 and any(
            (one, other) in self._pairs or (one, other) in self._generic
            for one in parts[1].split(".")
            for other in parts[2].split(".")
        )

    def runs(self, filename: str) -> bool:
        """Whether a wheel is for this platform, whatever its interpreter."""
        names = filename.removesuffix(".whl").rpartition("-")[2].split(".")
        return any(name == _ANYWHERE or name in self.platforms for name in names)

    def _best(self, interpreters: str, abis: str, names: str) -> tuple[int, int] | None:
        found: tuple[int, int] | None = None
        for name in names.split("."):
            generic = name == _ANYWHERE
            place = 0 if generic else self.platforms.get(name)
            if place is None:
                continue
            pairs = self._generic if generic else self._pairs
            for interpreter in interpreters.split("."):
                for abi in abis.split("."):
                    first = pairs.get((interpreter, abi))
                    if first is not None and (found is None or (first, place) < found):
                        found = (first, place)
        return found


@lru_cache(maxsize=512)
def ranks(target: Target) -> Ranks:
    """The same for the same target."""
    return Ranks(target)


def _tags(target: Target) -> list[tags.Tag]:
    """All of it in order, for one nameless platform."""
    version = target.version
    digits = f"{version[0]}{version[1]}"
    if target.implementation == "pypy":
        own = "".join((target.implementation_version or _PYPY).split(".")[:2])
        found = list(tags.generic_tags(f"pp{digits}", [f"pypy{digits}_pp{own}"], ["here"]))
        found += tags.compatible_tags(version, f"pp{digits}", ["here"])  # pip's; packaging's follow
        interpreter = f"pp{version[0]}"
    else:
        interpreter = f"cp{digits}"
        flag = "t" if target.free_threaded else "m" if version < (3, 8) else ""
        found = list(tags.cpython_tags(version, [f"{interpreter}{flag}"], ["here"]))
    return [*found, *tags.compatible_tags(version, interpreter, ["here"])]


@lru_cache(maxsize=256)
def _platforms(system: str, libc: str, architecture: str, release: str) -> tuple[str, ...]:
    if system == "windows":
        return (_WINDOWS.get(architecture, f"win_{architecture}"),)
    if system == "macos":
        numbers = [int(number) for number in re.findall(r"\d+", release)[:2]]
        version = (numbers[0], numbers[1] if len(numbers) > 1 else 0) if numbers else (14, 0)
        arch = "arm64" if architecture in ("aarch64", "arm64") else architecture
        return tuple(tags.mac_platforms(version, arch))
    family, _, text = libc.partition(" ")
    numbers = [int(number) for number in re.findall(r"\d+", text)[:2]]
    if len(numbers) != 2 or family not in ("glibc", "musl"):
        return ()
    return tuple(_linux(family, numbers[0], numbers[1], architecture))


def _linux(family: str, major: int, minor: int, architecture: str) -> Iterable[str]:
    """Of Linux. Both C libraries run what was built for an older one of their kind."""
    yield f"linux_{architecture}"  # was built there
    if family == "musl":
        for number in range(minor, -1, -1):
            yield f"musllinux_{major}_{number}_{architecture}"
    else:
        oldest = 5 if architecture in ("x86_64", "i686") else 17
        for number in range(minor, oldest - 1, -1):
            yield f"manylinux_{major}_{number}_{architecture}"
            for legacy, version in LEGACY.items():
                if version == (major, number):
                    yield f"{legacy}_{architecture}"


def platforms(target: Target) -> tuple[str, ...]:
    """Platform tags of a target, best first; none if its platform is not known."""
    return target.platforms or _platforms(
        target.system, target.libc, target.architecture, target.release
    )
