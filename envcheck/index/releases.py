"""Releases of a project, from the files that indexes list."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import InvalidVersion, Version

from envcheck.index.pages import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.index.pages import File

SDISTS = ENDINGS[1:]


class Release(NamedTuple):
    """One release. ``uploaded``: when its first file was, ISO 8601, empty if it is not known."""

    version: Version
    files: tuple[File, ...]
    yanked: str | None  # of all its files: the reason, empty without one; None if it is not
    uploaded: str

    @property
    def wheels(self) -> list[File]:
        """Those of its files that need not be built."""
        return [file for file in self.files if file.is_wheel]

    @property
    def sdist(self) -> File | None:
        """The one that installers prefer."""
        return sdist_of(self.files)

    @property
    def requires_python(self) -> str:
        """Of its wheels, else of its sdist."""
        said = [f.requires_python for f in (*self.wheels, *self.files) if f.requires_python]
        return next(iter(said), "")


def releases_of(files: Iterable[File]) -> list[Release]:
    """The releases that ``files`` of one project make, the oldest version first; files without a
    version as PEP 440 has it are left out. The first index that lists a file name holds.
    """
    found: dict[Version, dict[str, File]] = {}
    for file in files:
        version = version_of(file.version)
        if version is not None:
            found.setdefault(version, {}).setdefault(file.filename, file)
    return [_release(version, tuple(found[version].values())) for version in sorted(found)]


def sdist_of(files: Iterable[File]) -> File | None:
    """The sdist that installers prefer: the one that PEP 625 names."""
    sdists = [file for file in files if file.filename.endswith(SDISTS)]
    return next((f for f in sdists if f.filename.endswith(".tar.gz")), next(iter(sdists), None))


@lru_cache(maxsize=1 << 16)
def version_of(text: str) -> Version | None:
    """As PEP 440 has it, None if it does not."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _release(version: Version, files: tuple[File, ...]) -> Release:
    yanked = None
    if all(file.yanked is not None for file in files):
        yanked = next((file.yanked for file in files if file.yanked), "")
    uploaded = min((file.uploaded for file in files if file.uploaded), default="")
    return Release(version, files, yanked, uploaded)
