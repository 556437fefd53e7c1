"""Since when, and until when, releases of a project have wheels for something.

A feature is a Python (also free-threaded, also PyPy), a platform or a kind of file. Releases are in
the order of their versions; the first that has something is the one that had it first, which may
have a higher version than another (1.10.19 came after 2.8.0). A wheel of the stable ABI has all
Pythons that it admits, and one for any platform all platforms; in which *way* a release has
something is told apart. Python 2 is left out.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

from envcheck.model.target import Target
from envcheck.model.wheels import WAYS, Feature, Floor, Mark, Span
from envcheck.predict.projects import admits
from envcheck.predict.support import counted, mark
from envcheck.predict.tags import ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envcheck.index.pages import File
    from envcheck.index.releases import Release
    from envcheck.model.wheels import Way
    from envcheck.predict.projects import Project

_FREE_THREADED = 13  # the first CPython 3 that has such a build
LATE = "99"  # a patch release that is later than those that specifiers have in mind
_ORDER = {way: number for number, way in enumerate(WAYS)}  # the best first
_LEGACY = {"manylinux1": "2_5", "manylinux2010": "2_12", "manylinux2014": "2_17"}
_LINUX = re.compile(r"(manylinux|musllinux)_(\d+_\d+)_(\w+)")
_OLD_LINUX = re.compile(r"(manylinux1|manylinux2010|manylinux2014)_(\w+)")
_CPYTHON, _PYPY = re.compile(r"cp3(\d+)").fullmatch, re.compile(r"pp3(\d+)").fullmatch
_MAC = re.compile(r"macosx_(\d+_\d+)_(\w+)")
_MAC_BOTH = {
    "universal2": ("arm64", "x86_64"), "universal": ("x86_64",), "intel": ("x86_64",),
    "fat64": ("x86_64",), "fat3": ("x86_64",),
}  # fmt: skip
_WINDOWS = {"win_amd64": "x86_64", "win_arm64": "arm64", "win32": "x86"}
_NAMES = {
    "manylinux": "glibc", "musllinux": "musl", "macosx": "macOS", "win": "Windows",
    "android": "Android", "ios": "iOS",
}  # fmt: skip
#: Platforms of which it is said, too, that there never was one.
_EXPECTED = (
    "manylinux_x86_64", "manylinux_aarch64", "musllinux_x86_64", "musllinux_aarch64",
    "macosx_arm64", "macosx_x86_64", "win_x86_64", "win_arm64",
)  # fmt: skip
_FILES = {"abi3": "stable ABI (abi3)", "generic": "any platform"}


class Tags(NamedTuple):
    """Those of a wheel, compressed sets taken apart."""

    interpreters: tuple[str, ...]
    abis: tuple[str, ...]
    platforms: tuple[tuple[str, str], ...]  # (key as in _EXPECTED, what it needs at least)
    generic: bool  # any platform


class _Had(NamedTuple):
    """How a release has a feature; ``uploaded``: of the first file that gives it so."""

    way: Way
    uploaded: str


def timeline(project: Project, pythons: Sequence[str], *, pre: bool = False) -> list[Feature]:
    """All features of a project over the releases that count; none if there is no such release.

    ``pythons``: minor versions that are of interest, as ``3.12``.
    """
    releases = counted(project, pre=pre)
    if not releases:
        return []
    wheels = [_wheels(release) for release in releases]
    told = {id(tags): tags for release in wheels for _, tags in release}  # each set of tags once
    seen = set(told.values())
    features = []

    def add(
        key: str,
        title: str,
        kind: Literal["python", "platform", "file"],
        way_of: Callable[[Tags], Way | None],
        target: Target | None = None,
    ) -> None:
        ways = {number: way for number, tags in told.items() if (way := way_of(tags))}
        had = [_of(release, ways, target) for release in wheels]
        floors = list(_floors(key, releases, wheels)) if kind == "platform" else []
        features.append(_feature(key, title, kind, releases, had, floors))

    for key, title, target in _pythons(seen, pythons):
        add(key, title, "python", partial(python_way, target=target), target)
    for key in _platforms(seen):
        add(key, platform_title(key), "platform", partial(platform_way, key=key))
    for key, title in _FILES.items():
        add(key, title, "file", partial(file_way, key=key))
    sdists = [_sdist(release) for release in releases]
    return [*features, _feature("sdist", "sdist", "file", releases, sdists)]


def python_way(tags: Tags, target: Target) -> Way | None:
    """How a wheel has an interpreter, on whatever platform; None if it has it not."""
    order = ranks(target)
    ways: set[Way] = set()
    for interpreter in tags.interpreters:
        if interpreter == target.id and target.implementation == "pypy":
            ways.add("own")  # PyPy's ABI changes with its own version, of which there are several
        for abi in tags.abis:
            if order.fits(f"-{interpreter}-{abi}-any.whl"):
                any_python = abi == "none" and interpreter.startswith("py")
                ways.add("generic" if any_python else "abi3" if abi.startswith("abi3") else "own")
    return min(ways, key=_ORDER.__getitem__, default=None)


def platform_way(tags: Tags, key: str) -> Way | None:
    """How a wheel has a platform; None if it has it not."""
    if any(key == name for name, _ in tags.platforms):
        return "own"
    return "generic" if tags.generic else None


def platform_title(key: str) -> str:
    """``manylinux_x86_64`` as a person says it: ``glibc x86_64``."""
    kind, _, architecture = key.partition("_")
    return f"{_NAMES.get(kind, kind)} {architecture}".strip()


def file_way(tags: Tags, key: str) -> Way | None:
    """Whether a wheel is of a kind of _FILES."""
    stable = any(abi.startswith("abi3") for abi in tags.abis)
    return "own" if (stable if key == "abi3" else tags.generic) else None


@lru_cache(maxsize=1 << 14)
def _taken_apart(compressed: str) -> Tags | None:
    """None if all of it is for Python 2."""
    interpreters, abis, platforms = (part.split(".") for part in compressed.split("-"))
    if all(re.match(r"[a-z]+2", interpreter) for interpreter in interpreters):
        return None
    named = tuple(dict.fromkeys(pair for name in platforms for pair in _platform(name)))
    return Tags(tuple(interpreters), tuple(abis), named, "any" in platforms)


def _platform(name: str) -> Iterator[tuple[str, str]]:
    """Key and need of one platform tag; of macOS both architectures of a universal one."""
    if match := _LINUX.fullmatch(name):
        yield f"{match[1]}_{match[3]}", match[2]
    elif match := _OLD_LINUX.fullmatch(name):
        yield f"manylinux_{match[2]}", _LEGACY[match[1]]
    elif match := _MAC.fullmatch(name):
        for architecture in _MAC_BOTH.get(match[2], (match[2],)):
            yield f"macosx_{architecture}", match[1]
    elif name in _WINDOWS:
        yield f"win_{_WINDOWS[name]}", ""
    elif name != "any":
        kind, _, rest = name.partition("_")
        version = re.match(r"\d+(_\d+)?_", rest)  # android_21_arm64_v8a, ios_13_0_arm64_iphoneos
        yield f"{kind}_{rest[version.end() :] if version else rest}", ""


Wheels = list[tuple["File", Tags]]


def _wheels(release: Release) -> Wheels:
    """Those that stand, with their tags."""
    found = []
    for file in release.wheels:
        if file.yanked is None and not file.variant:
            tags = _taken_apart("-".join(file.filename.removesuffix(".whl").split("-")[-3:]))
            if tags is not None:
                found.append((file, tags))
    return found


def _of(wheels: Wheels, ways: dict[int, Way], target: Target | None) -> _Had | None:
    """The best way in which a release has something, Requires-Python of its files heeded.

    ``ways``: of tags, by the identity of these.
    """
    best: _Had | None = None
    for file, tags in wheels:
        way = ways.get(id(tags))
        if way is None:
            continue
        if target and file.requires_python and not admits(file.requires_python, target.python):
            continue
        if (
            best is None
            or _ORDER[way] < _ORDER[best.way]
            or (way == best.way and file.uploaded and not "" < best.uploaded <= file.uploaded)
        ):
            best = _Had(way, file.uploaded)
    return best


def _sdist(release: Release) -> _Had | None:
    files = [file for file in release.files if not file.is_wheel and file.yanked is None]
    dates = [file.uploaded for file in files if file.uploaded]
    return _Had("own", min(dates, default="")) if files else None


def _pythons(seen: set[Tags], minors: Sequence[str]) -> Iterator[tuple[str, str, Target]]:
    """(key, title, target without a platform) of each Python that is of interest: those asked for,
    and newer ones for which there are wheels.
    """
    found = {_number(minor): f"3.{_number(minor)}" for minor in minors if minor.startswith("3.")}
    latest = max(found, default=0)
    made = {number for number in _made(seen, _CPYTHON) if number > latest}
    found |= {number: f"3.{number}" for number in made}
    for number, minor in sorted(found.items()):
        yield f"cp3{number}", f"CPython {minor}", Target(f"cp3{number}", f"{minor}.{LATE}")
    for number, minor in sorted(found.items()):
        if number >= _FREE_THREADED:
            key = f"cp3{number}t"
            target = Target(key, f"{minor}.{LATE}", free_threaded=True)
            yield key, f"CPython {minor}t", target
    made = _made(seen, _PYPY) & set(found)
    for number in sorted(made) or [max(found, default=_FREE_THREADED)]:
        target = Target(f"pp3{number}", f"3.{number}.{LATE}", implementation="pypy")
        yield (target.id, f"PyPy 3.{number}", target) if made else ("pp3", "PyPy", target)


def _made(seen: set[Tags], match: Callable[[str], re.Match[str] | None]) -> set[int]:
    """Minor versions of an implementation for which there are wheels."""
    names = {name for tags in seen for name in tags.interpreters}
    return {int(found[1]) for name in names if (found := match(name))}


def _number(minor: str) -> int:
    return int(minor.partition(".")[2].rstrip("t") or 0)


def _platforms(seen: set[Tags]) -> list[str]:
    """Those that one expects, then others that there are."""
    found = {key for tags in seen for key, _ in tags.platforms}
    return [*_EXPECTED, *sorted(found - set(_EXPECTED))]


def _feature(
    key: str,
    title: str,
    kind: Literal["python", "platform", "file"],
    releases: Sequence[Release],
    had: Sequence[_Had | None],
    floors: Sequence[Floor] = (),
) -> Feature:
    """``had``: one for each release."""
    numbers = [number for number, each in enumerate(had) if each]
    if not numbers:
        return Feature(key=key, title=title, kind=kind, now="never")
    dated = [(each.uploaded, number) for number in numbers if (each := had[number])]
    lowest, first, last = numbers[0], numbers[0], numbers[-1]
    if all(uploaded for uploaded, _ in dated):
        first = min(dated)[1]
    spans: list[Span] = []
    gaps: list[Span] = []
    ways = [each.way if each else None for each in had]
    for way, group in groupby(range(lowest, last + 1), ways.__getitem__):
        members = list(group)
        ends = [_mark(releases[number], had[number]) for number in (members[0], members[-1])]
        span = Span(first=ends[0], last=ends[1], releases=len(members), way=way or "own")
        if way:
            spans.append(span)
        elif members[-1] > first:
            gaps.append(span)
    return Feature(
        key=key,
        title=title,
        kind=kind,
        now="newest" if last == len(had) - 1 else "dropped",
        first=_mark(releases[first], had[first]),
        last=spans[-1].last,
        spans=spans,
        gaps=gaps,
        floors=list(floors),
    )


def _mark(release: Release, had: _Had | None) -> Mark:
    return Mark(version=str(release.version), uploaded=had.uploaded if had else release.uploaded)


def _floors(key: str, releases: Sequence[Release], wheels: Sequence[Wheels]) -> Iterator[Floor]:
    """Where the oldest system that a release runs on changes; free-threaded builds are later ones
    and count only where there are no others.
    """
    name = _NAMES.get(key.partition("_")[0], "")
    before: tuple[int, ...] = ()
    for release, found in zip(releases, wheels, strict=True):
        usual = [tags for _, tags in found if not all(abi.endswith("t") for abi in tags.abis)]
        needs = [
            tuple(map(int, need.split("_")))
            for tags in usual or [tags for _, tags in found]
            for platform, need in tags.platforms
            if platform == key and need
        ]
        if needs and min(needs) != before:
            before = min(needs)
            yield Floor(since=mark(release), needs=f"{name} {'.'.join(map(str, before))}")
