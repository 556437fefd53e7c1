"""The grammar of targets' names: ``3.13t-slim-bookworm-cc-aarch64`` and what its parts are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from envcheck.errors import UsageError, did_you_mean
from envcheck.predict import images, pythons
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from envcheck.model.target import Implementation

FORMS = (
    "3.12-slim, 3.12-alpine, 3.12-slim-bookworm, 3.12-alpine3.22, 3.12-slim-cc (with compilers), "
    "3.12 (the full image), 3.12.4-slim, 3.13t-slim, pypy3.11-slim, python:3.12-slim, "
    "3.12-glibc=2.17, 3.12-musl=1.2, 3.12-macos=14, 3.12-windows, each also with an architecture "
    "as in 3.12-slim-aarch64; here"
)
_ALIASES = {
    "x86_64": ("amd64", "x64"),
    "aarch64": ("arm64", "arm64v8"),
    "armv7l": ("armv7", "armhf", "arm32v7"),
    "i686": ("i386", "x86"),
    "ppc64le": ("ppc64el",),
    "s390x": (),
    "riscv64": (),
    "loongarch64": (),
}
#: every name of an architecture -> the one in wheel tags of Linux
ARCHITECTURES = {word: name for name, more in _ALIASES.items() for word in (name, *more)}

_LONGEST = 200
_REPOSITORY = re.compile(r"(?:(?:index\.)?docker\.io/)?(?:library/)?(python|pypy):")
_PYTHON = re.compile(
    r"(?:(python|cpython|pypy)-?)?(\d{1,2}\.\d{1,2})(\.\d{1,3}(?:(?:a|b|rc)\d{1,2})?)?(t?)(?=-|$)",
    re.ASCII,
)
_FLAGS = {"slim": "slim", "cc": "compilers", "rc": "candidate"}
_PLACES = (
    ("alpine", re.compile(r"alpine=?(\d+\.\d+)?", re.ASCII)),
    ("glibc", re.compile(r"glibc=?(2\.\d{1,2})", re.ASCII)),
    ("musl", re.compile(r"musl=?(1\.\d{1,2}(?:\.\d{1,2})?)", re.ASCII)),
    ("macos", re.compile(r"(?:macos|darwin|osx)=?(\d{1,2}(?:\.\d{1,2})?)?", re.ASCII)),
    ("windows", re.compile(r"win(?:dows)?()", re.ASCII)),
)


class Parts(NamedTuple):
    """A word taken apart. ``kind``: `debian`, `alpine`, `glibc`, `musl`, `macos` or `windows`."""

    implementation: Implementation
    minor: str
    patch: str  # the full version, where it is said
    free_threaded: bool
    kind: str = ""
    release: str = ""  # of what ``kind`` is: `bookworm`, `3.22`, `2.17`, `14`
    slim: bool = False
    compilers: bool = False
    candidate: bool = False  # `-rc`, as images of pre-releases are called
    architecture: str = ""

    @property
    def id(self) -> str:
        """In one spelling: the word that says the same."""
        name = "pypy" if self.implementation == "pypy" else ""
        python = f"{name}{self.patch or self.minor}{'t' if self.free_threaded else ''}"
        kind = "" if self.kind == "debian" else self.kind
        usual = "aarch64" if self.kind == "macos" else "x86_64"
        words = (
            python,
            "slim" if self.slim else "",
            f"{kind}{self.release}",
            "cc" if self.compilers else "",
            "" if self.architecture == usual else self.architecture,
        )
        return "-".join(word for word in words if word)


def parts(word: str) -> Parts:
    """The word taken apart. Raises UsageError for what has no meaning."""
    text = word.strip().lower()
    if len(text) > _LONGEST:
        refuse(word, "it is too long")
    repository = _REPOSITORY.match(text)
    rest = text[repository.end() :] if repository else text
    head = _PYTHON.match(rest)
    if not head or (repository and head[1]):
        refuse(word, near=did_you_mean(text, _examples()))
    names = (head[1], repository and repository[1])
    found = Parts("pypy" if "pypy" in names else "cpython", head[2], "", bool(head[4]))
    _check_python(found, word)
    if head[3]:
        found = found._replace(patch=f"{head[2]}{head[3]}")
    tail = rest[head.end() + 1 :]
    said: set[str] = set()
    for token in tail.split("-") if tail else []:
        fields = _fields(token, word)
        if said & fields.keys():
            refuse(word, f"`{printable(token)}` comes after another of its kind")
        said |= fields.keys()
        found = found._replace(**fields)  # type: ignore[arg-type]
    _check_place(found, word)
    return found


def refuse(word: str, why: str = "", near: str = "") -> NoReturn:
    """Raise UsageError about a word, with all the forms that there are."""
    shown = printable(word[:_LONGEST])
    reason = f": {why}" if why else ""
    raise UsageError(f"`{shown}` is no target{reason}{near}", hint=f"targets are called {FORMS}")


def _check_python(found: Parts, word: str) -> None:
    known = pythons.minors()
    if found.minor not in known:
        as_of = f"as of {pythons.known_until()}"
        refuse(word, f"Python {known[0]} to {known[-1]} are known ({as_of}), not {found.minor}")
    pypy = found.implementation == "pypy"
    if found.free_threaded and (pypy or int(found.minor.partition(".")[2]) < 13):
        refuse(word, "only CPython 3.13 and newer can be free-threaded")


def _fields(token: str, word: str) -> dict[str, str | bool]:
    """What one part of a word says, by the fields of Parts."""
    if token in _FLAGS:
        return {_FLAGS[token]: True}
    if token in ARCHITECTURES:
        return {"architecture": ARCHITECTURES[token]}
    if images.named("debian", token):
        return {"kind": "debian", "release": token}
    for kind, pattern in _PLACES:
        if match := pattern.fullmatch(token):
            return {"kind": kind, "release": match[1] or ""}
    tags = [one.tag for one in images.systems()]
    others = ("slim", "alpine", "cc", "macos", "windows", "glibc2.17", "musl1.2")
    near = did_you_mean(token, [*others, *tags, *ARCHITECTURES])
    refuse(word, f"`{printable(token)}` says nothing", near)


def _check_place(found: Parts, word: str) -> None:
    if found.slim and found.kind not in ("", "debian"):
        refuse(word, f"slim images are of Debian, this says {found.kind}")
    if found.kind == "alpine" and found.implementation == "pypy":
        refuse(
            word, "there are no images of PyPy on Alpine; a musl is said as in pypy3.11-musl=1.2"
        )
    if found.kind == "alpine" and found.release and not images.named("alpine", found.release):
        known = [one.release for one in images.systems() if one.family == "alpine"]
        refuse(word, f"Alpine {known[0]} to {known[-1]} are known, not {found.release}")
    if found.candidate and found.kind not in ("", "debian", "alpine"):
        refuse(word, "only images are called rc")


def _examples() -> list[str]:
    places = ("slim", "alpine", "slim-cc", "alpine-cc", "macos", "windows")
    return ["here", *(f"{minor}-{place}" for minor in pythons.minors() for place in places)]
