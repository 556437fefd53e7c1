"""Projects as a resolver sees them: releases in order, sets of them as bits, one choice per target.

Bit *n* of a mask stands for the release *n* of a project, the oldest first: the newest of a set is
its highest bit. What a specifier allows is worked out once for all targets.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envcheck.index.releases import releases_of, sdist_of, version_of
from envcheck.predict.tags import ranks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.index.pages import File
    from envcheck.index.releases import Release
    from envcheck.model.target import Target

#: What a target can do with a release. ``generic``: a wheel for any platform; ``python``: its
#: Requires-Python excludes this Python; ``unknown``: the platform of the target is not known.
Kind = Literal["wheel", "generic", "sdist", "python", "nothing", "unknown"]


class Choice(NamedTuple):
    """What an installer would take of a release. ``file`` is None if it takes nothing."""

    kind: Kind
    file: File | None = None


class Project:
    """A project on the indexes. ``before``: only files that were uploaded before this day.

    ``undated``: how many files were kept although it is not known when they were uploaded.
    """

    def __init__(self, name: str, files: Iterable[File], *, found: bool, before: str = "") -> None:
        self.name = name
        self.found = found
        self.undated = 0
        if before:
            files = [file for file in files if file.uploaded[: len(before)] < before]
            self.undated = sum(not file.uploaded for file in files)
        files = list(files)
        #: file names without a version as PEP 440 has it
        self.unread = tuple(f.filename for f in files if version_of(f.version) is None)
        self.releases = releases_of(files)
        self.versions = [release.version for release in self.releases]
        self.all = (1 << len(self.releases)) - 1
        self.final = self._mask(not v.is_prerelease for v in self.versions)
        self.standing = self._mask(release.yanked is None for release in self.releases)
        self._masks: dict[str, tuple[int, bool, bool]] = {}
        self._choices: dict[tuple[int, Target, bool], Choice] = {}

    def newest(self, mask: int | None = None) -> int | None:
        """Number of the newest release of ``mask``; by default of those that are final and stand,
        else of those that stand, else of all.
        """
        if mask is None:
            mask = (self.final & self.standing) or self.standing or self.all
        return mask.bit_length() - 1 if mask else None

    def allowed(self, specifier: str, named: int = 0) -> tuple[int, bool]:
        """(the releases that a specifier allows, whether it asks for pre-releases). Yanked ones
        only if it names one by ``==``, or somebody else does (``named``). Pre-releases are among
        them. Raises InvalidSpecifier.
        """
        known = self._masks.get(specifier)
        if known is None:
            known = self._masks[specifier] = self._allowed(specifier)
        mask, pinned, early = known
        return (mask if pinned else mask & (self.standing | named)), early

    def named(self, specifier: str) -> int:
        """The releases that a specifier names by ``==``; none if it cannot be read."""
        try:
            mask = self.allowed(specifier)[0]
        except InvalidSpecifier:
            return 0
        return mask if self._masks[specifier][1] else 0

    def wanted(self, specifier: str, *, pre: bool = False) -> int:
        """The same without pre-releases, unless they are asked for; none if it cannot be read."""
        try:
            mask, early = self.allowed(specifier)
        except InvalidSpecifier:
            return 0
        return mask if early or pre else mask & self.final

    def choice(self, number: int, target: Target, *, wheels: bool = True) -> Choice:
        """What ``target`` would take of release ``number``; ``wheels``: whether it may be one."""
        key = (number, target, wheels)
        found = self._choices.get(key)
        if found is None:
            found = self._choices[key] = _choice(self.releases[number], target, wheels=wheels)
        return found

    def number(self, version: str) -> int | None:
        """Of the release of this version."""
        wanted = version_of(version)
        return next((n for n, v in enumerate(self.versions) if v == wanted), None)

    def _allowed(self, specifier: str) -> tuple[int, bool, bool]:
        """(releases, yanked ones too; whether it names one; whether it asks for pre-releases)."""
        wanted = SpecifierSet(specifier)
        mask = self.all
        for one in wanted:
            mask &= self._mask(one.contains(v, prereleases=True) for v in self.versions)
        pinned = any(
            one.operator == "===" or (one.operator == "==" and not one.version.endswith(".*"))
            for one in wanted
        )
        return mask, pinned, bool(wanted.prereleases)

    @staticmethod
    def _mask(bits: Iterable[bool]) -> int:
        return sum(1 << n for n, bit in enumerate(bits) if bit)


def of_releases(name: str, releases: Iterable[Release] | None) -> Project:
    """A project as the gateway has it."""
    files = [file for release in releases or () for file in release.files]
    return Project(name, files, found=bool(files))


def numbers(mask: int) -> list[int]:
    """Of the releases in a mask, the oldest first."""
    return [number for number in range(mask.bit_length()) if mask >> number & 1]


@lru_cache(maxsize=4096)
def asks_early(specifier: str) -> bool:
    """Whether a specifier names a pre-release; one that cannot be read does not."""
    try:
        return bool(SpecifierSet(specifier).prereleases)
    except InvalidSpecifier:
        return False


@lru_cache(maxsize=4096)
def admits(requires_python: str, python: str) -> bool:
    """Whether this Python is allowed; what cannot be read forbids nothing, as for installers, and
    a pre-release of Python counts as its release.
    """
    python = re.split("[a-z+]", python, maxsplit=1)[0]
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def _choice(release: Release, target: Target, *, wheels: bool) -> Choice:
    """The best wheel by tag, then by build number, then as listed; else the sdist.

    As installers do it, files are judged one by one: Requires-Python and yanking are of files.
    """
    standing = [file for file in release.files if file.yanked is None] or release.files
    order = ranks(target)
    best: tuple[tuple[int, int], tuple[int, str], File] | None = None
    excluded = unknown = False
    for file in standing:
        if not file.is_wheel or not wheels:
            continue
        admitted = admits(file.requires_python, target.python)
        rank = order.rank(file.filename)
        if rank is None or not admitted:
            excluded = excluded or (not admitted and order.runs(file.filename))
            unknown = unknown or (not order.platforms and order.fits(file.filename))
            continue
        build = _build(file.filename)
        if build is None:
            continue
        if best is None or rank < best[0] or (rank == best[0] and build > best[1]):
            best = (rank, build, file)
    if best is not None:
        generic = best[2].filename.endswith("-any.whl")
        return Choice("generic" if generic else "wheel", best[2])
    if unknown:
        return Choice("unknown")
    sdist = sdist_of(standing)
    if sdist and admits(sdist.requires_python, target.python):
        return Choice("sdist", sdist)
    return Choice("python" if excluded or sdist else "nothing")


def _build(filename: str) -> tuple[int, str] | None:
    """The build tag, which sorts as number and letters; ``(-1, "")`` without one. None: it is none,
    and the name no wheel's.
    """
    parts = filename.split("-")
    if len(parts) == 5:
        return (-1, "")
    if len(parts) != 6 or not parts[2][:1].isdigit():
        return None
    digits = len(parts[2]) - len(parts[2].lstrip("0123456789"))
    return (int(parts[2][:digits] or 0), parts[2][digits:])
