"""``pylock.toml`` (PyPA specification "pylock.toml", PEP 751): packages with markers and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from envcheck.index.pages import normalized
from envcheck.model.matrix import Index
from envcheck.predict.inputs.addresses import without_credentials
from envcheck.predict.inputs.asked import Asked, Pin, marker_problem
from envcheck.predict.inputs.choice import choose
from envcheck.predict.inputs.document import Document, read_toml
from envcheck.predict.inputs.files import file_of, locked_elsewhere
from envcheck.predict.inputs.uv_settings import with_more
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.predict.inputs.asked import Source

MAJOR = "1"


class _File(Struct, rename="kebab"):
    name: str = ""
    url: str = ""
    path: str = ""
    size: int | None = None
    upload_time: Any = None
    hashes: dict[str, str] = field(default_factory=dict)


class _Place(Struct):
    url: str = ""
    path: str = ""


class _Package(Struct, rename="kebab"):
    name: str
    version: str = ""
    marker: str = ""
    requires_python: str = ""
    index: str = ""
    sdist: _File | None = None
    wheels: list[_File] = field(default_factory=list)
    archive: _File | None = None
    directory: _Place | None = None
    vcs: _Place | None = None


class _Lock(Struct, rename="kebab"):
    lock_version: str
    requires_python: str = ""
    environments: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    dependency_groups: list[str] = field(default_factory=list)
    default_groups: list[str] = field(default_factory=list)
    packages: list[_Package] = field(default_factory=list)


def read(path: str, shown: str, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Asked:
    """The lock, with its default groups, ``extras`` and ``groups``. Raises DataError."""
    document = read_toml(path, shown)
    lock = document.convert(_Lock)
    if lock.lock_version.partition(".")[0] != MAJOR:
        document.refuse(
            f"version `{printable(lock.lock_version)}` of the format is not known, only {MAJOR}.x",
            line=document.key("lock-version"),
            hint="a newer envcheck may read it",
        )
    wanted = choose(document.shown, extras, groups, lock.extras, lock.dependency_groups)
    for marker in lock.environments:
        if what := marker_problem(marker):
            document.refuse(f"no marker: {what}", line=document.key("environments"))
    indexes = {without_credentials(one.index).rstrip("/") for one in lock.packages if one.index}
    main = indexes.pop() if len(indexes) == 1 else _main(lock)
    pins = [_pin(document, number, one, main) for number, one in enumerate(lock.packages)]
    defaults = tuple(map(normalized, lock.default_groups))
    return Asked(
        kind="pylock.toml",
        path=document.shown,
        pins=pins,
        locked=True,
        extras=wanted.extras,
        groups=tuple(dict.fromkeys((*defaults, *wanted.groups))),
        requires_python=lock.requires_python,
        environments=lock.environments,
        index=with_more(Index(), (pin.index for pin in pins)),
        notes=locked_elsewhere(document, "packages", pins),
    )


def _main(lock: _Lock) -> str:
    """The index of most packages: a lock does not say which one is the default."""
    from collections import Counter

    counted = Counter(without_credentials(one.index).rstrip("/") for one in lock.packages)
    counted.pop("", None)
    return counted.most_common(1)[0][0] if counted else ""


def _pin(document: Document, number: int, package: _Package, main: str) -> Pin:
    if what := marker_problem(package.marker):
        document.refuse(
            f"`{printable(package.name)}`: no marker: {what}",
            line=document.header(number, "packages"),
        )
    source: Source = "index"
    place = ""
    listed = [*package.wheels, *([package.sdist] if package.sdist else [])]
    if package.vcs:
        source, place = "git", package.vcs.url or package.vcs.path
    elif package.directory:
        source, place = "local", package.directory.path
    elif package.archive:
        source = "local" if package.archive.path and not package.archive.url else "url"
        place = package.archive.url or package.archive.path
        listed = [package.archive]
    files = [
        file_of(one.name, one.url or one.path, one.hashes, size=one.size, uploaded=one.upload_time)
        for one in listed
    ]
    index = without_credentials(package.index)
    return Pin(
        normalized(package.name),
        package.version,
        package.marker,
        source,
        "" if index.rstrip("/") == main else index,
        tuple(file for file in files if file),
        requires_python=package.requires_python,
        place=without_credentials(place),
        number=number,
    )
