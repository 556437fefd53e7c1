"""Files as a followed program asks for them: by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.predict.imports import standard
from envcheck.predict.imports.site import PREFIX

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from envcheck.predict.imports.site import Site
    from envcheck.predict.loading import Loader


class Files:
    """Of the environment, and libraries elsewhere. None: it is not known."""

    def __init__(self, site: Site, loader: Loader) -> None:
        self._site, self._loader = site, loader

    def relative(self, path: PurePosixPath) -> str | None:
        """As the site knows it; None if it lies outside of the environment."""
        if ".." in path.parts:
            return None
        if path.is_relative_to(standard.SITE):
            return path.relative_to(standard.SITE).as_posix()
        if path.is_relative_to(standard.ENVIRONMENT):
            return f"{PREFIX}/{path.relative_to(standard.ENVIRONMENT)}"
        return None

    def is_file(self, path: PurePosixPath) -> bool | None:
        """Whether there is a file."""
        inner = self.relative(path)
        if inner is None:
            name = path.name
            library = ".so" in name and path.is_absolute()
            return False if library and self._loader.library(name) is False else None
        if self._site.find(inner):
            return True
        return False if self._site.known(inner) else None

    def is_folder(self, path: PurePosixPath) -> bool | None:
        """Whether there is a folder."""
        inner = self.relative(path)
        if inner is None:
            return None
        if not inner or self._site.below(inner):
            return True
        return False if self._site.known(inner) else None

    def listing(self, path: PurePosixPath) -> list[str] | None:
        """Names in a folder."""
        inner = self.relative(path)
        if not inner or not self._site.known(inner):
            return None
        names = sorted(self._site.below(inner))
        return names if len(names) < 2000 else None
