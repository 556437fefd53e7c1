"""Wheel directories and indexes that are directories of this machine."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote
from urllib.request import pathname2url, url2pathname

import msgspec

from envcheck.index import kept, pages
from envcheck.index.wheels import hash_of

if TYPE_CHECKING:
    from envcheck.index.pages import File


def path_of(url: str) -> str:
    """The path that a ``file:`` URL names."""
    rest = url.removeprefix("file:")
    if os.name != "nt" and rest.startswith("//"):
        rest = "/" + rest[2:].partition("/")[2]
    return url2pathname(rest)


def url_of(path: str) -> str:
    """The URL of a path."""
    return "file:" + pathname2url(path) if os.name == "nt" else "file://" + quote(path)


class LocalFiles:
    """What lies in directories, with hashes: those are kept in ``memory``, a file, by what is known
    of a file without reading it. ``hashes``: whether files whose hash is not known yet are read.
    """

    def __init__(self, memory: str, *, hashes: bool = True) -> None:
        self._hashes = hashes
        self._memory = memory
        self._lock = threading.Lock()
        self._known: dict[str, str] | None = None

    def listed(self, url: str) -> list[File]:
        """Files of a directory, or that a page links to. Raises ValueError, OSError."""
        path = path_of(url)
        if os.path.isfile(path) and not path.endswith(pages.ENDINGS):
            return self._page(path)
        names = [path] if os.path.isfile(path) else sorted(os.listdir(path))
        files = [self._file(os.path.join(path, n)) for n in names if n.endswith(pages.ENDINGS)]
        self._remember()
        return [file for file in files if file]

    def project(self, url: str, name: str) -> list[File] | None:
        """Files of a project in an index; None if it has no such project. Raises as ``listed``."""
        folder = path_of(url)
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"{folder} is no directory")
        below = os.path.join(folder, name)
        if not os.path.isdir(below):
            same = [e for e in os.listdir(folder) if pages.normalized(e) == name]
            if not same:
                return None
            below = os.path.join(folder, same[0])
        page = os.path.join(below, "index.html")
        if os.path.isfile(page):
            return self._page(page)
        return self.listed(url_of(below))

    def _page(self, path: str) -> list[File]:
        with open(path, "rb") as file:
            found = pages.parse(file.read(), "text/html", url_of(path))
        files = []
        for entry in found:
            if entry.url.startswith("file:"):
                here = self._file(path_of(entry.url), entry)
                files += [here] if here else []
            else:
                files.append(entry)
        self._remember()
        return files

    def _file(self, path: str, said: File | None = None) -> File | None:
        """What is known of one file; None if it cannot be read."""
        try:
            stat = os.stat(path)
            key = f"{path}\0{stat.st_ino}\0{stat.st_size}\0{stat.st_mtime_ns}"
            with self._lock:
                sha256 = self._load().get(key, "")
            if not sha256 and self._hashes:
                with open(path, "rb", buffering=0) as file:
                    sha256 = hash_of(file)
                with self._lock:
                    self._load()[key] = sha256
        except OSError:
            return None
        if said is None:
            name = os.path.basename(path)
            return pages.File(filename=name, url=url_of(path), sha256=sha256, size=stat.st_size)
        if sha256 and said.sha256 not in ("", sha256):
            return said  # its index says something else: whoever fetches it is told so
        return msgspec.structs.replace(said, sha256=sha256 or said.sha256, size=stat.st_size)

    def _load(self) -> dict[str, str]:
        if self._known is None:
            try:
                content = kept.read(self._memory) or b"{}"
                self._known = msgspec.json.decode(content, type=dict[str, str])
            except ValueError:
                self._known = {}
        return self._known

    def _remember(self) -> None:
        if not self._hashes:
            return
        with self._lock:
            content = msgspec.json.encode(dict(list(self._load().items())[-10_000:]))
        kept.write(self._memory, content)
