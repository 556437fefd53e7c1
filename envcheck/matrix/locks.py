"""What a resolver decided, as uv and pip write it down, and as an installer is told to follow it.

A lock is written in the cell by a process that may have run a package's code: it is data of a
stranger. Only names, versions and hashes are taken from it, and only hashes that the index itself
has told the gateway are installed.
"""

from __future__ import annotations

import json
import posixpath
import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envcheck.predict.tags import ranks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envcheck.model.target import Target

Kind = Literal["wheel", "sdist", "local"]
MOST = 5000  # distributions in one lock


class LockError(ValueError):
    """A lock that cannot be used, in one sentence."""


class Locked(NamedTuple):
    """One distribution. ``local``: made of the user's own files, ``file`` says of which."""

    name: str
    version: str
    kind: Kind
    file: str
    sha256: str = ""


def of_uv(text: str, target: Target | None = None) -> list[Locked]:
    """The ``pylock.toml`` that ``uv pip compile --python`` wrote. Raises LockError.

    For each package it names the wheels that fit, or else only the sdist. Of several wheels the one
    is taken that installers prefer on ``target``: one for any platform may be among them.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        packages = tomllib.loads(text).get("packages", [])
    except tomllib.TOMLDecodeError as error:
        raise LockError(f"the lock is not TOML: {error}") from error
    return [_of_pylock(package, target) for package in _bounded(packages)]


def _of_pylock(package: dict[str, Any], target: Target | None) -> Locked:
    name, version = _name(package.get("name")), _version(package.get("version", "0"))
    wheels = package.get("wheels")
    artifact = _best(wheels, target) if isinstance(wheels, list) and wheels else None
    artifact = artifact or package.get("sdist")
    if isinstance(artifact, dict):
        kind: Kind = "wheel" if wheels else "sdist"
        url = artifact.get("url") or artifact.get("path") or ""
        return Locked(name, version, kind, _file(url), _sha256(artifact.get("hashes")))
    for key in ("archive", "directory"):
        place = package.get(key)
        if isinstance(place, dict):
            return Locked(name, version, "local", str(place.get("path") or place.get("url") or ""))
    raise LockError(f"the lock says no file for {name} {version}")


def _best(wheels: list[Any], target: Target | None) -> Any:
    """The wheel that is preferred there, the first if that is not known."""
    if len(wheels) == 1 or target is None:
        return wheels[0]
    order = ranks(target)

    def rank(wheel: Any) -> tuple[bool, tuple[int, int]]:
        url = wheel.get("url") or wheel.get("path") if isinstance(wheel, dict) else ""
        found = order.rank(_file(url or ""))
        return found is None, found or (0, 0)

    return min(wheels, key=rank)


def of_pip(text: str) -> list[Locked]:
    """The report of ``pip install --dry-run --report``. Raises LockError."""
    try:
        items = json.loads(text)["install"]
    except (ValueError, KeyError, TypeError) as error:
        raise LockError(f"pip's report cannot be read: {error}") from error
    return [_of_report(item) for item in _bounded(items)]


def _of_report(item: dict[str, Any]) -> Locked:
    try:
        metadata, info = item["metadata"], item["download_info"]
        name, version = _name(metadata["name"]), _version(metadata["version"])
        url = str(info["url"])
        archive = info.get("archive_info") or {}
    except (KeyError, TypeError) as error:
        raise LockError(f"pip's report cannot be read: {error!r}") from error
    if url.startswith("file:"):
        return Locked(name, version, "local", unquote(urlsplit(url).path))
    file = _file(url)
    kind: Kind = "wheel" if file.endswith(".whl") else "sdist"
    hashes = archive.get("hashes") or {}
    plain = str(archive.get("hash") or "").partition("sha256=")[2]
    return Locked(name, version, kind, file, _sha256(hashes or {"sha256": plain}))


def requirements(locked: list[Locked], built: Mapping[str, str]) -> str:
    """A requirements file with hashes: wheels by version, and those that were built (path in the
    cell -> sha256) by path.
    """
    lines = [
        f"{one.name}=={one.version} --hash=sha256:{one.sha256}\n"
        for one in locked
        if one.kind == "wheel"
    ]
    for path, digest in built.items():
        name = posixpath.basename(path).partition("-")[0]
        lines.append(f"{canonical(name)} @ file://{quote(path)} --hash=sha256:{digest}\n")
    return "".join(lines)


def canonical(name: str) -> str:
    """As PEP 503 has it. Raises LockError for what is no name."""
    return _name(name)


def _bounded(items: object) -> list[dict[str, Any]]:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise LockError("the lock has no list of packages")
    if len(items) > MOST:
        raise LockError(f"the lock has {len(items)} packages; at most {MOST} are installed")
    return items


def _name(value: object) -> str:
    try:
        return canonicalize_name(str(value), validate=True)
    except InvalidName as error:
        raise LockError(f"the lock has something that is no name: {str(value)[:80]!r}") from error


def _version(value: object) -> str:
    try:
        return str(Version(str(value)))
    except InvalidVersion as error:
        raise LockError(f"the lock has a version that is none: {str(value)[:80]!r}") from error


def _sha256(hashes: object) -> str:
    digest = str(hashes.get("sha256") or "") if isinstance(hashes, dict) else ""
    if digest and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):
        raise LockError("the lock has a sha256 that is none")
    return digest


def _file(url: object) -> str:
    return unquote(urlsplit(str(url)).path).rpartition("/")[2]
