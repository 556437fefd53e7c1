"""Releases of a project, from the files that an index lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.index.pages import File


class Release(NamedTuple):
    """``uploaded``: when its first file was, ISO 8601, empty if not known; ``yanked``: all of it;
    ``requires_python``: of its wheels, else of its sdist.
    """

    version: str  # normalized
    uploaded: str
    yanked: bool
    requires_python: str
    files: tuple[File, ...]


def releases_of(files: Iterable[File]) -> list[Release]:
    """The releases that ``files`` of one project make, the oldest version first; files without a
    version as PEP 440 has it are left out. The first index that lists a file name holds.
    """
    written: dict[str, Version | None] = {}
    found: dict[Version, dict[str, File]] = {}
    for file in files:
        text = file.version
        if text not in written:
            written[text] = _version(text)
        version = written[text]
        if version is not None:
            found.setdefault(version, {}).setdefault(file.filename, file)
    return [_release(version, tuple(found[version].values())) for version in sorted(found)]


def _release(version: Version, files: tuple[File, ...]) -> Release:
    wheels_first = sorted(files, key=lambda file: not file.is_wheel)
    return Release(
        str(version),
        min((file.uploaded for file in files if file.uploaded), default=""),
        all(file.yanked is not None for file in files),
        next((file.requires_python for file in wheels_first if file.requires_python), ""),
        files,
    )


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
