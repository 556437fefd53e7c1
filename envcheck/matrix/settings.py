"""What the settings say about matrices: images, backend, store, index, each with its source."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envcheck.config import data_dir
from envcheck.errors import UsageError
from envcheck.model.matrix import Index
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envcheck.config import Settings

_OS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")
#: a reference of an image: registry and path, tag, digest, as in distribution's grammar
_REFERENCE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*"
    r"(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixSettings:
    """How matrices are run here. ``index`` may have credentials: it is for the gateway only, and
    belongs into no document.
    """

    backend: str  # auto, docker or interpreters
    jobs: int  # cells at once; 0: as many as the machine can take
    store: str  # a directory
    images: Mapping[str, str]  # os -> reference of its base image, with `{python}`
    index: Index
    sources: Mapping[str, str]  # of each, who said so

    def image(self, os_: str, python: str) -> str:
        """The image that stands for an os's own base, empty if none does."""
        return reference(self.images.get(os_, ""), python)


def of(settings: Settings, cwd: str) -> MatrixSettings:
    """The settings about matrices; paths are relative to ``cwd``. Raises UsageError."""
    images = dict(settings.images)
    for name, text in images.items():
        if problem := _image_problem(name, text):
            raise UsageError(f"{settings.source('images')}: {problem}")
    store = settings.matrix_store or os.path.join(data_dir(), "runs")
    index = Index(
        url=settings.matrix_index_url,
        extra_urls=list(settings.matrix_extra_index_url),
        find_links=[_absolute(place, cwd) for place in settings.matrix_find_links],
    )
    return MatrixSettings(
        backend=settings.matrix_backend,
        jobs=settings.matrix_jobs,
        store=os.path.join(cwd, os.path.expanduser(store)),
        images=images,
        index=index,
        sources={name: settings.source(f"matrix_{name}") for name in ("backend", "jobs", "store")}
        | {
            "images": settings.source("images"),
            "index": settings.source("matrix_index_url"),
        },
    )


def reference(template: str, python: str) -> str:
    """A reference with its ``{python}`` replaced."""
    return template.replace("{python}", python)


def _image_problem(name: str, text: str) -> str:
    if not _OS.match(name):
        return f"`{printable(name)}` is no name of an os such as slim"
    if not _REFERENCE.match(reference(text, "3.12")):
        return f"`{printable(text)}` is no reference of an image, such as python:{{python}}-slim"
    return ""


def _absolute(place: str, cwd: str) -> str:
    return place if "://" in place else os.path.join(cwd, os.path.expanduser(place))
