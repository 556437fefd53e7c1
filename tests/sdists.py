"""Source distributions by their files alone: what a tool that builds them would find."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from typing import TYPE_CHECKING

from wheels import File

if TYPE_CHECKING:
    from collections.abc import Mapping

SETUPTOOLS = (
    '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n'
)


def pyproject(backend: str, *requires: str, more: str = "") -> str:
    """``pyproject.toml`` of a back-end."""
    listed = ", ".join(f'"{each}"' for each in requires)
    return f'[build-system]\nrequires = [{listed}]\nbuild-backend = "{backend}"\n{more}'


def tar(
    files: Mapping[str, str | bytes], root: str = "one-1.0", kind: int = tarfile.PAX_FORMAT
) -> bytes:
    """An archive of ``files`` in their order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
        for path, data in files.items():
            content = data.encode() if isinstance(data, str) else data
            entry = tarfile.TarInfo(f"{root}/{path}" if root else path)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def zipped(files: Mapping[str, str | bytes], root: str = "one-1.0") -> bytes:
    """The same as a zip file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(f"{root}/{path}", data)
    return stream.getvalue()


def packed(
    files: Mapping[str, str | bytes], ending: str = ".tar.gz", name: str = "one-1.0"
) -> File:
    """An sdist with exactly these files below its directory."""
    if ending == ".zip":
        data = zipped(files, name)
    else:
        pack = {".tar.bz2": bz2.compress, ".tar.xz": lzma.compress}.get(ending, gzip.compress)
        data = pack(tar(files, name))
    metadata = files.get("PKG-INFO", "")
    return File(
        f"{name}{ending}", data, metadata.encode() if isinstance(metadata, str) else metadata
    )
