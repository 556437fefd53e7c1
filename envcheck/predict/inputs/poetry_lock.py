"""``poetry.lock``: of Poetry 2, where each package has its groups and markers, and the older ones,
graphs whose roots stand in ``pyproject.toml``.
"""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from envcheck.index.pages import normalized
from envcheck.predict.inputs import poetry_constraints, project
from envcheck.predict.inputs.addresses import without_credentials
from envcheck.predict.inputs.asked import FAILS, Asked, Need, Pin, marker_problem, with_choice
from envcheck.predict.inputs.choice import Choice, choose
from envcheck.predict.inputs.document import Document, read_toml
from envcheck.predict.inputs.files import file_of, locked_elsewhere, project_in
from envcheck.predict.inputs.uv_settings import with_more
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.predict.inputs.asked import Source

KNOWN = ("1.0", "1.1", "2.0", "2.1")
MAIN = "main"
_NEVER = {"<empty>": FAILS}  # how Poetry writes a marker that cannot hold
_END_OF_NAME = re.compile(r"[\s(\[;<>=!~]")
_SOURCES: dict[str, Source] = {
    "": "index", "legacy": "index", "pypi": "index", "git": "git", "directory": "local",
    "file": "local", "url": "url",
}  # fmt: skip


class _Source(Struct, rename="kebab"):
    type: str = ""
    url: str = ""
    reference: str = ""


class _File(Struct):
    file: str
    hash: str = ""
    url: str = ""


class _Package(Struct, rename="kebab"):
    name: str
    version: str
    optional: bool = False
    category: str = ""
    groups: list[str] = field(default_factory=list)
    markers: str | dict[str, str] = ""
    python_versions: str = ""
    files: list[_File] = field(default_factory=list)
    dependencies: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, list[str]] = field(default_factory=dict)
    source: _Source = field(default_factory=_Source)


class _Metadata(Struct, rename="kebab"):
    lock_version: str = ""
    python_versions: str = ""
    files: dict[str, list[_File]] = field(default_factory=dict)


class _Lock(Struct):
    metadata: _Metadata
    package: list[_Package] = field(default_factory=list)
    extras: dict[str, list[str]] = field(default_factory=dict)


def read(path: str, shown: str, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Asked:
    """The lock, for the main group, ``extras`` and ``groups``. Raises DataError."""
    document = read_toml(path, shown)
    lock = document.convert(_Lock)
    version = lock.metadata.lock_version
    if version not in KNOWN:
        what = f"version `{printable(version)}` of the format is not known"
        document.refuse(
            f"{what}, only {', '.join(KNOWN)}", line=document.key("metadata", "lock-version"),
            hint="a newer envcheck may read it, or `poetry lock` of another version writes it",
        )  # fmt: skip
    flat = version >= "2.1"
    offered = {group for package in lock.package for group in package.groups} - {MAIN}
    own = None if flat else _project(path, shown, extras, groups)
    if own:
        wanted = Choice(own.extras, own.groups)
    else:
        wanted = choose(document.shown, extras, groups, lock.extras, offered)
    pins = [
        _pin(document, number, package, lock, wanted if flat else None)
        for number, package in enumerate(lock.package)
        if not flat or {MAIN, *wanted.groups}.intersection(map(normalized, package.groups))
    ]
    asked = Asked(
        kind="poetry.lock",
        path=document.shown,
        pins=pins,
        roots=None if flat else _roots(lock, own, wanted),
        locked=True,
        extras=wanted.extras,
        groups=wanted.groups,
        requires_python=_python(lock.metadata.python_versions),
        index=with_more(
            own.index if own else project.index_beside(path, shown), (pin.index for pin in pins)
        ),
    )
    if not flat and own is None:
        asked.notes.append(
            f"{document.shown}: there is no pyproject.toml beside it, and this format does not say"
            " what is required and what is for development: all that is not optional was taken"
        )
    asked.notes.extend(locked_elsewhere(document, "package", asked.selected(None)))
    return asked


def _project(path: str, shown: str, extras: Sequence[str], groups: Sequence[str]) -> Asked | None:
    """The project whose lock it is, None if it is not there."""
    found = project_in(os.path.dirname(path), os.path.dirname(shown))
    return project.read(*found, extras, groups) if found else None


def _roots(lock: _Lock, own: Asked | None, wanted: Choice) -> list[Need]:
    if own is None:
        names = {normalized(name) for extra in wanted.extras for name in lock.extras.get(extra, ())}
        return [
            Need(normalized(package.name))
            for package in lock.package
            if (not package.optional and package.category in ("", MAIN))
            or normalized(package.name) in names
        ]
    from packaging.requirements import Requirement

    found = [Requirement(text) for text in own.requirements]
    needs = [
        Need(
            normalized(one.name),
            _versions(lock, one.name, partial(one.specifier.contains, prereleases=True)),
            tuple(sorted(map(normalized, one.extras))),
            str(one.marker or ""),
        )
        for one in found
    ]
    return needs + [Need(pin.name, marker=pin.marker) for pin in own.pins]


def _versions(lock: _Lock, name: str, admits: Callable[[str], bool]) -> tuple[str, ...]:
    """The locked versions of a name that do; empty if all or none do."""
    locked = [one.version for one in lock.package if normalized(one.name) == normalized(name)]
    found = tuple(version for version in locked if admits(version))
    return found if len(found) < len(locked) else ()


def _pin(
    document: Document, number: int, package: _Package, lock: _Lock, wanted: Choice | None
) -> Pin:
    """``wanted``: of a lock without roots, else None."""
    source = package.source
    if source.type not in _SOURCES:
        document.refuse(
            f"`{printable(package.name)}` has a source that is not known",
            line=document.header(number, "package"),
        )
    needs, extra_needs = ([], []) if wanted else _needs(document, number, package, lock)
    marker = _marker(package, wanted) if wanted else ""
    if what := marker_problem(marker):
        document.refuse(
            f"`{printable(package.name)}`: no marker: {what}",
            line=document.header(number, "package"),
        )
    listed = package.files or lock.metadata.files.get(package.name, [])
    files = [file_of(one.file, one.url, one.hash) for one in listed]
    kind = _SOURCES[source.type]
    if kind == "url" and not files:
        files = [file_of("", source.url)]
    return Pin(
        normalized(package.name),
        package.version,
        marker,
        kind,
        without_credentials(source.url) if source.type == "legacy" else "",
        tuple(file for file in files if file),
        requires_python=_python(package.python_versions),
        place="" if kind == "index" else without_credentials(source.url),
        needs=tuple(needs),
        extra_needs=tuple((extra, tuple(several)) for extra, several in extra_needs),
        number=number,
    )


def _marker(package: _Package, wanted: Choice) -> str:
    """When one of the chosen groups takes the package."""
    if isinstance(package.markers, str):
        return _NEVER.get(package.markers, package.markers)
    chosen = {MAIN, *wanted.groups}
    groups = [group for group in package.groups if normalized(group) in chosen]
    if any(group not in package.markers for group in groups):
        return ""
    said = dict.fromkeys(package.markers[group] for group in groups)
    found = [_NEVER.get(one, one) for one in said]
    return found[0] if len(found) == 1 else " or ".join(f"({one})" for one in found)


def _needs(
    document: Document, number: int, package: _Package, lock: _Lock
) -> tuple[list[Need], list[tuple[str, list[Need]]]]:
    """(always, by extra) of an old lock's package."""
    always: list[Need] = []
    by_name: dict[str, list[Need]] = {}
    for name, said in package.dependencies.items():
        for one in said if isinstance(said, list) else [said]:
            try:
                need = _need(lock, name, one)
            except ValueError as error:
                line = document.header(number, "package")
                document.refuse(f"`{printable(package.name)}` needs {error}", line=line)
            by_name.setdefault(need.name, []).append(need)
            if not (isinstance(one, dict) and one.get("optional") is True):
                always.append(need)
    extras = []
    for extra, texts in package.extras.items():
        names = [normalized(_END_OF_NAME.split(text.strip(), maxsplit=1)[0]) for text in texts]
        needs = [need for name in names for need in by_name.get(name, ())]
        word = normalized(extra)
        extras.append(
            (word, [replace(one, marker=with_choice(one.marker, (word,), ())) for one in needs])
        )
    return always, extras


def _need(lock: _Lock, name: str, said: object) -> Need:
    """Raises ValueError."""
    table = said if isinstance(said, dict) else {"version": said}
    version, marker = table.get("version", "*"), table.get("markers", "")
    extras = table.get("extras", [])
    if not isinstance(version, str) or not isinstance(marker, str) or not isinstance(extras, list):
        raise ValueError(f"`{printable(name)}` in a way that is not known")
    if what := marker_problem(marker):
        raise ValueError(f"`{printable(name)}`, and its marker is none: {what}")
    poetry_constraints.alternatives(version)
    return Need(
        normalized(name),
        _versions(lock, name, lambda one: poetry_constraints.admits(version, one)),
        tuple(normalized(extra) for extra in extras if isinstance(extra, str)),
        marker,
    )


def _python(text: str) -> str:
    try:
        return poetry_constraints.specifier(text)[0]
    except ValueError:
        return ""
