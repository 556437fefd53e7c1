"""``pdm.lock``: packages with groups and markers, or, without ``inherit_metadata``, a graph whose
roots stand in ``pyproject.toml``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement

from envcheck.index.pages import normalized
from envcheck.predict.inputs import project
from envcheck.predict.inputs.addresses import without_credentials
from envcheck.predict.inputs.asked import Asked, Need, Pin, marker_problem
from envcheck.predict.inputs.choice import Choice, choose
from envcheck.predict.inputs.document import Document, read_toml
from envcheck.predict.inputs.files import file_of, locked_elsewhere, project_in
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.predict.inputs.asked import Source

MAJOR = "4"
DEFAULT = "default"
#: what a target's platform begins with -> sys_platform
_SYSTEMS = {
    "linux": "linux", "manylinux": "linux", "musllinux": "linux", "alpine": "linux",
    "macos": "darwin", "windows": "win32",
}  # fmt: skip


class _File(Struct):
    file: str = ""
    url: str = ""
    hash: str = ""


class _Package(Struct):
    name: str
    version: str = ""
    requires_python: str = ""
    extras: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    marker: str = ""
    dependencies: list[str] = field(default_factory=list)
    files: list[_File] = field(default_factory=list)
    git: str = ""
    hg: str = ""
    path: str = ""
    url: str = ""


class _Target(Struct):
    requires_python: str = ""
    platform: str = ""


class _Metadata(Struct):
    lock_version: str = ""
    groups: list[str] = field(default_factory=list)
    strategy: list[str] = field(default_factory=list)
    targets: list[_Target] = field(default_factory=list)


class _Lock(Struct):
    metadata: _Metadata
    package: list[_Package] = field(default_factory=list)


def read(path: str, shown: str, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Asked:
    """The lock, for the default group, ``extras`` and ``groups``, which pdm keeps as one thing.

    Raises DataError.
    """
    document = read_toml(path, shown)
    lock = document.convert(_Lock)
    version = lock.metadata.lock_version
    if version.partition(".")[0] != MAJOR:
        document.refuse(
            f"version `{printable(version)}` of the format is not known, only {MAJOR}.x",
            line=document.key("metadata", "lock_version"),
            hint="`pdm lock --update-reuse` writes it anew",
        )
    offered = {normalized(group) for group in lock.metadata.groups} - {DEFAULT}
    wanted = choose(document.shown, extras, groups, offered, offered)
    chosen = {DEFAULT, *wanted.extras, *wanted.groups}
    flat = "inherit_metadata" in lock.metadata.strategy
    pins = [
        _pin(document, number, package)
        for number, package in enumerate(lock.package)
        if not flat or chosen.intersection(map(normalized, package.groups))
    ]
    own = None if flat else _project(path, shown, wanted)
    python, environments = _targets(lock.metadata.targets)
    asked = Asked(
        kind="pdm.lock",
        path=document.shown,
        pins=_distinct(pins) if flat else _merged(document, lock, pins),
        roots=None if flat or own is None else _roots(own),
        locked=True,
        extras=wanted.extras,
        groups=wanted.groups,
        requires_python=python,
        environments=environments,
        index=project.index_beside(path, shown) if own is None else own.index,
    )
    if not flat and own is None:
        asked.notes.append(
            f"{document.shown}: there is no pyproject.toml beside it, and it does not say what is"
            " required and what is for development: all of it was taken"
        )
    asked.notes.extend(locked_elsewhere(document, "package", asked.selected(None)))
    return asked


def _project(path: str, shown: str, wanted: Choice) -> Asked | None:
    found = project_in(os.path.dirname(path), os.path.dirname(shown))
    if found is None:
        return None
    everything = project.read(*found, [":all:"], [":all:"])
    words = {*wanted.extras, *wanted.groups}
    extras = [word for word in everything.extras if word in words]
    groups = [word for word in everything.groups if word in words]
    return project.read(*found, extras, groups)


def _targets(targets: list[_Target]) -> tuple[str, list[str]]:
    """What the lock was made for, as (requires-python, markers), as far as both can say it."""
    pythons = {one.requires_python for one in targets}
    names = {_SYSTEMS.get(one.platform.partition("_")[0], "") for one in targets}
    markers = [f"sys_platform == '{name}'" for name in sorted(names)] if "" not in names else []
    return pythons.pop() if len(pythons) == 1 else "", markers


def _pin(document: Document, number: int, package: _Package) -> Pin:
    if what := marker_problem(package.marker):
        line = document.header(number, "package")
        document.refuse(f"`{printable(package.name)}`: no marker: {what}", line=line)
    source: Source = "index"
    if package.git or package.hg:
        source = "git"
    elif package.path:
        source = "local"
    elif package.url:
        source = "url"
    listed = package.files or ([_File(url=package.url)] if package.url else [])
    files = [file_of(one.file, one.url, one.hash) for one in listed]
    return Pin(
        normalized(package.name),
        package.version,
        package.marker,
        source,
        files=tuple(file for file in files if file),
        extras=tuple(map(normalized, package.extras)),
        requires_python=package.requires_python,
        place=without_credentials(package.git or package.hg or package.path or package.url),
        number=number,
    )


def _distinct(pins: list[Pin]) -> list[Pin]:
    """One pin for a package that is there with extras too: either marker installs it."""
    found: dict[tuple[str, str], Pin] = {}
    for pin in pins:
        key = (pin.name, pin.version)
        first = found.get(key)
        if first is None:
            found[key] = pin
            continue
        both = first.marker and pin.marker and first.marker != pin.marker
        marker = f"({first.marker}) or ({pin.marker})" if both else first.marker and pin.marker
        extras = tuple(dict.fromkeys((*first.extras, *pin.extras)))
        found[key] = replace(first, marker=marker, extras=extras)
    return list(found.values())


def _merged(document: Document, lock: _Lock, pins: list[Pin]) -> list[Pin]:
    """The packages of a graph, with their needs: those with extras only add to them."""
    always: dict[tuple[str, str], list[Need]] = {}
    by_extra: dict[tuple[str, str], dict[str, list[Need]]] = {}
    for number, (package, pin) in enumerate(zip(lock.package, pins, strict=True)):
        needs = [_need(document, number, text, lock) for text in package.dependencies]
        key = (pin.name, pin.version)
        if not pin.extras:
            always.setdefault(key, []).extend(needs)
        for extra in pin.extras:
            by_extra.setdefault(key, {}).setdefault(extra, []).extend(needs)
    return [
        replace(
            pin,
            extras=(),
            needs=tuple(always.get((pin.name, pin.version), ())),
            extra_needs=tuple(
                (extra, tuple(needs))
                for extra, needs in by_extra.get((pin.name, pin.version), {}).items()
            ),
        )
        for pin in _distinct(pins)
    ]


def _need(document: Document, number: int, text: str, lock: _Lock) -> Need:
    try:
        return need_of(Requirement(text), [(one.name, one.version) for one in lock.package])
    except InvalidRequirement as error:
        document.refuse(
            f"`{printable(text)}` is no requirement: {str(error).splitlines()[0]}",
            line=document.header(number, "package"),
        )


def need_of(requirement: Requirement, locked: list[tuple[str, str]]) -> Need:
    """``locked``: (name, version) of all packages of the lock."""
    name = normalized(requirement.name)
    versions = [version for other, version in locked if normalized(other) == name]
    fits = [
        version for version in versions if requirement.specifier.contains(version, prereleases=True)
    ]
    return Need(
        name,
        tuple(fits) if len(fits) < len(versions) else (),
        tuple(sorted(map(normalized, requirement.extras))),
        str(requirement.marker or ""),
    )


def _roots(own: Asked) -> list[Need]:
    return [need_of(Requirement(text), []) for text in own.requirements] + [
        Need(pin.name, extras=pin.extras, marker=pin.marker) for pin in own.pins
    ]
