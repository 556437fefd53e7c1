"""What an image of a FROM line is: the word of a target, or why none can be said.

``knowledge/base_images.json`` and ``knowledge/images.json`` are dated. An image that neither knows
is unknown: nothing is guessed from its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.knowledge import table
from envcheck.predict import images
from envcheck.predict.words import ARCHITECTURES
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_HUBS = ("docker.io/", "index.docker.io/", "registry-1.docker.io/", "registry.hub.docker.com/")
_LIBRARY = re.compile(r"(?:.*/)?library/([a-z0-9]+)$")
_ARCHITECTURE = re.compile(r"(amd64|arm64v8|arm32v7|i386|ppc64le|s390x|riscv64)/([a-z0-9]+)$")
_OFFICIAL = re.compile(
    r"(?P<python>\d+\.\d+(?:\.\d+(?:(?:a|b|rc)\d+)?)?)(?:-rc)?"
    r"(?P<place>(?:-slim)?(?:-(?:alpine[\d.]*|bullseye|bookworm|trixie|buster))?)$"
)
#: images made from the official ones, with the same system: pattern of the tag
_DERIVED = {
    "ghcr.io/astral-sh/uv": re.compile(
        r"(?:[\d.]+-)?python(?P<python>3\.\d+)-(?:(?P<debian>bullseye|bookworm|trixie)"
        r"(?P<slim>-slim)?|(?P<alpine>alpine[\d.]*))$"
    ),
    "mcr.microsoft.com/devcontainers/python": re.compile(
        r"(?:[\d.]+-)?(?P<python>3\.\d+)-(?P<debian>bullseye|bookworm|trixie)$"
    ),
    "mcr.microsoft.com/vscode/devcontainers/python": re.compile(
        r"(?:[\d.]+-)?(?P<python>3\.\d+)-(?P<debian>bullseye|bookworm|trixie)$"
    ),
}  # fmt: skip
_UV = re.compile(r"(?:[\d.]+-)?(?:(?P<debian>bullseye|bookworm|trixie)(?P<slim>-slim)?"
                 r"|(?P<alpine>alpine[\d.]+))$")  # fmt: skip
_CUDA = re.compile(r"[\d.]+.*?-(?:base|runtime|devel).*?-(?P<system>[a-z]+)(?P<release>[\d.]+)$")
_UBI = r"registry\.(?:access\.)?redhat\.(?:com|io)/ubi(\d+)(?:/.*)?"
_C = frozenset({"c", "c++"})


class Base(NamedTuple):
    """``place``: the end of a target's word, as ``-slim-bookworm`` or ``-glibc2.35``; empty, with
    ``official`` false: not known, and ``unknown`` says why. ``python``: the one that is there, or
    with ``installed`` false the one that its package manager would install; empty if not known.
    ``family``: of package managers: ``debian``, ``alpine`` …. ``compilers``: as of Image.
    """

    place: str = ""
    python: str = ""
    official: bool = False
    installed: bool = False
    implementation: str = ""
    family: str = ""
    distribution: str = ""
    architecture: str = ""
    compilers: frozenset[str] | None = frozenset()
    unknown: str = ""
    note: str = ""

    def word(self, python: str, architecture: str) -> str:
        """The target with this Python, empty if it cannot be said."""
        if self.unknown or not python:
            return ""
        name = "pypy" if self.implementation == "pypy" else ""
        end = architecture or self.architecture
        return f"{name}{python}{self.place}{f'-{end}' if end else ''}"


def base(reference: str) -> Base:
    """What is known of ``registry/name:tag@digest``."""
    name, tag = _split(reference)
    name, architecture = _plain(name)
    if name in ("python", "pypy"):
        return _official(name, tag, architecture, reference)
    if name in ("scratch", "busybox"):
        return Base(unknown=f"the image {printable(reference)} has no Python")
    if found := _derived(name, tag, reference):
        return found
    for row in _rows(name, tag):
        found = _of_row(row, architecture or _suffix(tag))
        if match := re.search(r"/python-3(\d+)(?:-minimal)?$", name):  # of Red Hat
            minor = f"3.{match[1]}"
            found = found._replace(python=minor, installed=True, compilers=None)
        release = tag.partition("-")[0]
        if _of_the_day(name, release):
            day = table("images")["date"]
            found = found._replace(note=f"{printable(reference)} as of {day}")
        return found
    return Base(
        architecture=architecture,
        compilers=None,
        unknown=f"what the image {printable(reference)} is made of is not known",
    )


def _split(reference: str) -> tuple[str, str]:
    """(name, tag) without digest; ``latest`` without a tag."""
    plain = reference.partition("@")[0]
    name, colon, tag = plain.rpartition(":")
    if not colon or "/" in tag:
        name, tag = plain, "latest"
    return name.lower(), tag.lower()


def _plain(name: str) -> tuple[str, str]:
    """(an official image's name without its registry, the architecture that it says)."""
    for hub in _HUBS:
        name = name.removeprefix(hub)
    if match := _LIBRARY.match(name):
        return match[1], ""
    if match := _ARCHITECTURE.match(name):
        return match[2], ARCHITECTURES.get(match[1], "")
    return name, ""


def _official(name: str, tag: str, architecture: str, reference: str) -> Base:
    family = "alpine" if "alpine" in tag else "debian"
    note = ""
    if name == "python" and (match := re.match(r"(?:latest|3)(-.*)?$|(slim.*|alpine.*)$", tag)):
        newest, day = _newest()
        rest = match[1] or (f"-{match[2]}" if match[2] else "")
        note = f"{printable(reference)} is Python {newest}, as of {day}"
        tag = f"{newest}{rest}"
    match = _OFFICIAL.match(tag)
    if match is None:
        return Base(
            official=True, family=family, architecture=architecture,
            unknown=f"which Python {printable(reference)} has depends on the day, or is not known",
        )  # fmt: skip
    return Base(
        match["place"], match["python"], official=True, installed=True, implementation=name,
        family=family, distribution=family, architecture=architecture, note=note,
    )  # fmt: skip


def _newest() -> tuple[str, str]:
    """(the newest Python that is released, the day that this is said of)."""
    known = table("python_releases")
    day = str(known["date"])
    return next(row["python"] for row in reversed(known["rows"]) if row["released"] <= day[:7]), day


def _derived(name: str, tag: str, reference: str) -> Base | None:
    """Of images that are made from official ones."""
    if name == "nvidia/cuda" or name.endswith("/nvidia/cuda"):
        return _cuda(tag, reference)
    pattern = _DERIVED.get(name)
    if name == "astral/uv":
        pattern = _DERIVED["ghcr.io/astral-sh/uv"]
    if pattern is None:
        return None
    if match := pattern.match(tag):
        groups = match.groupdict()
        family = "alpine" if groups.get("alpine") else "debian"
        place = f"{groups.get('slim') or ''}-{groups.get('alpine') or groups.get('debian')}"
        return Base(place, match["python"], official=True, installed=True, family=family,
                    distribution=family)  # fmt: skip
    if "uv" in name and (match := _UV.match(tag)):  # Debian or Alpine, and no Python
        system = "alpine" if match["alpine"] else "debian"
        release = (match["alpine"] or match["debian"]).removeprefix("alpine")
        for row in _rows(system, release):
            full = system == "debian" and not match["slim"]
            return _of_row(row, "")._replace(python="", compilers=_C if full else frozenset())
    return Base(compilers=None, unknown=f"which system {printable(reference)} is, is not known")


def _cuda(tag: str, reference: str) -> Base:
    """NVIDIA's images say their system at the end; ``devel`` has nvcc, which depends on gcc."""
    systems = {"ubi": "ubi", "rockylinux": "rockylinux", "ubuntu": "ubuntu", "centos": "centos"}
    if (match := _CUDA.match(tag)) and match["system"] in systems:
        for row in _rows(systems[match["system"]], match["release"]):
            devel = "-devel" in tag
            return _of_row(row, "")._replace(compilers=_C | {"cuda"} if devel else frozenset())
    return Base(compilers=None, unknown=f"which system {printable(reference)} is, is not known")


def _rows(name: str, tag: str) -> Iterator[dict[str, Any]]:
    """The row of an image, by the release in its tag."""
    if match := re.fullmatch(_UBI, name):
        name, tag = "ubi", match[1]
    release = tag.partition("-")[0]
    words = {tag, release, re.sub(r"^(\d+)\.\d+.*$", r"\1", release)}
    short = re.match(r"(\d+\.\d+)\.\d+$", release)
    words |= {short[1]} if short else set()
    if day := _of_the_day(name, release):
        words.add(day)
    found = False
    for row in table("base_images")["rows"]:
        if name in row["images"] and ("*" in row["tags"] or words.intersection(row["tags"])):
            found = True
            yield row
    if name == "alpine" and not found:  # a release of which only the C library is known
        for word in sorted(words):
            if system := images.named("alpine", word):
                yield {"images": [name], "libc": system.libc, "python": "", "family": name}


def _suffix(tag: str) -> str:
    """The architecture at the end of a tag."""
    return ARCHITECTURES.get(tag.rpartition("-")[2], "")


def _of_the_day(name: str, release: str) -> str:
    """What ``latest`` is of Debian and Alpine, for which the day of a change is known."""
    words = {"debian": ("latest", "stable"), "alpine": ("latest", "3")}
    if release not in words.get(name, ()):
        return ""
    found = images.default("debian" if name == "debian" else "alpine", images.known_until())
    return found.release if found else ""


def _of_row(row: dict[str, Any], architecture: str) -> Base:
    name = row["images"][0]
    return Base(
        f"-{row['libc'].replace(' ', '')}",
        row["python"],
        installed=row.get("installed", False),
        family=row["family"],
        distribution=name if "/" not in name else "",
        architecture=architecture or row.get("architecture", ""),
        compilers=frozenset(row.get("compilers", ())),
    )
