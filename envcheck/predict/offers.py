"""What an index offers one interpreter: which releases it may install, and why not the others.

Wheel file names and Requires-Python decide, as they do for installers (PyPA specifications
"Platform compatibility tags" and "Core metadata"); nothing is downloaded for it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What an interpreter can do with a release. ``generic``: a wheel for any platform; ``unknown``:
#: its tags cannot be judged, because the interpreter's platform is not known.
State = Literal["wheel", "generic", "sdist", "python", "nothing", "unknown"]

_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_LINUX = re.compile(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+)")
_LEGACY_LINUX = re.compile(r"(manylinux1|manylinux2010|manylinux2014)_(\w+)")


class Platform(NamedTuple):
    """An interpreter, as wheels see it. ``libc``: ``glibc 2.36``, ``musl 1.2.3``; may be empty."""

    python: str  # full version, as 3.12.1
    libc: str = ""
    architecture: str = "x86_64"
    free_threaded: bool = False

    @property
    def minor(self) -> str:
        """As ``3.12``."""
        return ".".join(self.python.split(".")[:2])

    @property
    def family(self) -> str:
        """``glibc``, ``musl`` or empty."""
        return self.libc.partition(" ")[0]

    @property
    def words(self) -> str:
        """As ``CPython 3.12``."""
        return f"CPython {self.minor}{'t' if self.free_threaded else ''}"


class Offer(NamedTuple):
    """One release of a project. ``requires_python``: of its files; ``yanked``: why, or None."""

    version: Version
    wheels: tuple[str, ...] = ()
    sdists: tuple[str, ...] = ()
    requires_python: str = ""
    uploaded: str = ""
    yanked: str | None = None

    @property
    def final(self) -> bool:
        """Whether it may be chosen without being asked for."""
        return not self.version.is_prerelease and self.yanked is None


def offers(releases: Iterable[Any]) -> list[Offer]:
    """The gateway's releases, oldest first; what has no version is left out."""
    found = []
    for release in releases:
        try:
            version = Version(str(release.version))
        except InvalidVersion:
            continue
        names = [str(file.filename) for file in release.files]
        found.append(
            Offer(
                version,
                tuple(name for name in names if name.endswith(".whl")),
                tuple(name for name in names if name.endswith((".tar.gz", ".zip", ".tar.bz2"))),
                release.requires_python or "",
                release.uploaded or "",
                _yanked(release),
            )
        )
    return sorted(found, key=lambda offer: offer.version)


def _yanked(release: Any) -> str | None:
    """The reason, empty without one; None if it is not yanked."""
    if not release.yanked:
        return None
    return next((str(file.yanked) for file in release.files if file.yanked), "")


def admits(requires_python: str, python: str) -> bool:
    """Whether this Python is allowed; what cannot be read forbids nothing, as for installers."""
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def allowed(offers: list[Offer], specifier: str, *, pre: bool = False) -> list[Offer]:
    """Releases that a requirement allows, oldest first: as installers see it, yanked ones only if
    one is named by ``==``, pre-releases only if they are asked for.
    """
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return []
    named = specifier.startswith("==")
    pre = pre or bool(wanted.prereleases)
    return [
        one
        for one in offers
        if (named or one.yanked is None)
        and (pre or not one.version.is_prerelease)
        and wanted.contains(one.version, prereleases=True)
    ]


def state(offer: Offer, platform: Platform) -> State:
    """What ``platform`` can do with ``offer``."""
    if not admits(offer.requires_python, platform.python):
        return "python"
    supported = supported_tags(platform)
    unknown = False
    generic = False
    for name in offer.wheels:
        tags = tags_of(name)
        if any(tag.platform == "any" for tag in tags):
            generic = generic or not tags.isdisjoint(_generic(platform))
        elif supported is None:
            unknown = True
        elif not tags.isdisjoint(supported):
            return "wheel"
    if generic:
        return "generic"
    if unknown:
        return "unknown"
    return "sdist" if offer.sdists else "nothing"


@lru_cache(maxsize=4096)
def tags_of(name: str) -> frozenset[Tag]:
    """Tags in the file name of a wheel; none if it is not one."""
    parts = name.removesuffix(".whl").split("-")
    if len(parts) not in (5, 6):
        return frozenset()
    return parse_tag("-".join(parts[-3:]))


@lru_cache(maxsize=64)
def supported_tags(platform: Platform) -> frozenset[Tag] | None:
    """All tags that ``platform`` supports; None if its platform is not known."""
    platforms = platforms_of(platform)
    if not platforms:
        return None
    version = _version(platform)
    abi = f"cp{version[0]}{version[1]}{'t' if platform.free_threaded else ''}"
    return frozenset(
        (
            *cpython_tags(version, [abi], platforms),
            *compatible_tags(version, f"cp{version[0]}{version[1]}", platforms),
        )
    )


@lru_cache(maxsize=64)
def _generic(platform: Platform) -> frozenset[Tag]:
    version = _version(platform)
    return frozenset(compatible_tags(version, f"cp{version[0]}{version[1]}", ["any"]))


def _version(platform: Platform) -> tuple[int, int]:
    numbers = re.findall(r"\d+", platform.python)[:2]
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else (0, 0)


def platforms_of(platform: Platform) -> list[str]:
    """Platform tags, best first. glibc and musl run what was built for an older one of them."""
    family, _, text = platform.libc.partition(" ")
    numbers = [int(number) for number in re.findall(r"\d+", text)[:2]]
    if len(numbers) != 2 or family not in ("glibc", "musl"):
        return []
    major, minor = numbers
    architecture = platform.architecture
    if family == "musl":
        names = [f"musllinux_{major}_{number}_{architecture}" for number in range(minor, -1, -1)]
        return [*names, f"linux_{architecture}"]
    oldest = 5 if architecture in ("x86_64", "i686") else 17
    names = [
        f"manylinux_{major}_{number}_{architecture}" for number in range(minor, oldest - 1, -1)
    ]
    names += [
        f"{legacy}_{architecture}"
        for legacy, version in _LEGACY.items()
        if (2, oldest) <= version <= (major, minor)
    ]
    return [*names, f"linux_{architecture}"]


def pythons(wheels: Iterable[str], *, free_threaded: bool = False) -> list[str]:
    """Minor versions of CPython for which there are wheels: ``["3.9", "3.10+"]`` (abi3: and up)."""
    found: dict[int, str] = {}
    for name in wheels:
        for tag in tags_of(name):
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


def systems(wheels: Iterable[str], *, interpreter: Platform | None = None) -> str:
    """Platforms of ``wheels`` in words: ``manylinux_2_28 x86_64/aarch64, macOS, Windows``.

    ``interpreter``: only of wheels that fit its Python.
    """
    floors: dict[str, dict[str, tuple[int, int]]] = {"manylinux": {}, "musllinux": {}}
    others: set[str] = set()
    for name in wheels:
        best: dict[tuple[str, str], tuple[int, int]] = {}
        for tag in tags_of(name):
            if interpreter and not _same_python(tag, interpreter):
                continue
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


def _same_python(tag: Tag, interpreter: Platform) -> bool:
    tags = supported_tags(interpreter._replace(libc="glibc 2.99"))
    return Tag(tag.interpreter, tag.abi, f"linux_{interpreter.architecture}") in (tags or ())


def _floor(platform: str) -> tuple[str, tuple[int, int], str]:
    """Kind of system, oldest libc, architecture."""
    if match := _LINUX.fullmatch(platform):
        return match[1], (int(match[2]), int(match[3])), match[4]
    if match := _LEGACY_LINUX.fullmatch(platform):
        return "manylinux", _LEGACY[match[1]], match[2]
    for start, word in (
        ("macosx", "macOS"),
        ("win", "Windows"),
        ("linux", "Linux"),
        ("any", "any"),
    ):
        if platform.startswith(start):
            return word, (0, 0), ""
    return platform.partition("_")[0], (0, 0), ""
