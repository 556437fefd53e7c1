"""What indexes list: pages fetched once for a run, kept on disk, asked for again by ETag."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from envcheck.errors import IndexTrouble
from envcheck.index import kept, pages
from envcheck.index.addresses import shown
from envcheck.index.local import LocalFiles, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.client import Client, Response
    from envcheck.index.pages import File

LIFE = 600  # seconds for which a page holds if its index does not say
_LONGEST = 86_400  # … and if it says more


class Page(msgspec.Struct, frozen=True):
    """A page of an index. ``found``: whether the index has it. ``problem``: why it could not be
    read anew, if an older one is what is here.
    """

    url: str
    files: list[pages.File] = []
    found: bool = True
    etag: str = ""
    modified: str = ""
    fetched: float = 0.0
    life: float = LIFE


class Catalogue:
    """Pages by address. Each is read once in the life of this object, by whoever asks first.

    ``offline``: only those that are kept here, whatever their age. ``hashes``: whether files of
    this machine are read for their hash.
    """

    def __init__(self, folder: str, *, offline: bool = False, hashes: bool = True) -> None:
        self._offline = offline
        self.folder = os.path.join(folder, "pages")
        self._local = LocalFiles(os.path.join(folder, "local-files.json"), hashes=hashes)
        self._pages: dict[str, Page | IndexTrouble] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._by_hash: dict[str, File] = {}
        self.until = float("inf")  # Unix time for which all pages that were asked for hold
        self.consulted: set[str] = set()  # places of this machine that were asked

    def project(self, index: str, name: str, client: Client, count: Callable[[int], None]) -> Page:
        """The page of a project (``found`` is false if there is none). Raises IndexTrouble.

        ``count`` is told of the bytes that come in.
        """
        bare = client.learn(index)
        url = f"{bare.rstrip('/')}/{quote(name)}/"
        if bare.startswith("file:"):
            return self._once(url, lambda: self._here(url, lambda: self._local.project(bare, name)))
        return self._once(url, lambda: self._there(url, client, count))

    def links(self, place: str, client: Client, count: Callable[[int], None]) -> Page:
        """What a find-links page or directory lists. Raises IndexTrouble."""
        bare = client.learn(place)
        if bare.startswith("file:"):
            return self._once(bare, lambda: self._here(bare, lambda: self._local.listed(bare)))
        return self._once(bare, lambda: self._there(bare, client, count))

    def by_hash(self, sha256: str) -> File | None:
        """The file of this hash, if a page that was read here lists it."""
        return self._by_hash.get(sha256)

    def learn(self, file: File, sha256: str) -> None:
        """The hash of a file whose index did not tell it, now that it was fetched from there."""
        self._by_hash.setdefault(sha256, msgspec.structs.replace(file, sha256=sha256))

    def check_local(self, file: File) -> str:
        """Path of a file of a directory of this machine, still what it was. Raises IndexTrouble."""
        path = path_of(file.url)
        try:
            now = self._local.listed(file.url)
        except (OSError, ValueError) as error:
            raise IndexTrouble("trouble", f"{path}: {error}") from error
        if not now:
            raise IndexTrouble("trouble", f"{path} cannot be read")
        if file.sha256 and now[0].sha256 != file.sha256:
            raise IndexTrouble(
                "hash",
                f"{path} is not what its index says: sha256 {now[0].sha256}"
                f" instead of {file.sha256}",
            )
        return path

    def _once(self, url: str, read: Callable[[], Page]) -> Page:
        with self._lock:
            lock = self._locks.setdefault(url, threading.Lock())
        with lock:
            page = self._pages.get(url)
            if page is None or (isinstance(page, IndexTrouble) and _again(page)):
                try:
                    page = read()
                except IndexTrouble as trouble:
                    trouble.at = time.monotonic()  # type: ignore[attr-defined]
                    page = trouble
                else:
                    self.until = min(
                        self.until, page.fetched + page.life if page.fetched else self.until
                    )
                    self._by_hash.update({f.sha256: f for f in page.files if f.sha256})
                self._pages[url] = page
        if isinstance(page, IndexTrouble):
            raise page
        return page

    def _here(self, url: str, read: Callable[[], list[File] | None]) -> Page:
        self.consulted.add(path_of(url))
        try:
            files = read()
        except (OSError, ValueError) as error:
            raise IndexTrouble("trouble", f"{path_of(url)} cannot be read: {error}") from error
        return Page(url, files or [], found=files is not None)

    def _there(self, url: str, client: Client, count: Callable[[int], None]) -> Page:
        file = os.path.join(self.folder, hashlib.sha256(url.encode()).hexdigest()[:32])
        old = _read(file, url)
        now = time.time()
        if old and (self._offline or 0 <= now - old.fetched < old.life):
            return old
        if self._offline:
            raise IndexTrouble(
                "trouble",
                f"{shown(url)} was not read yet, and nothing is asked of an index",
                hint="without --offline it is",
            )
        headers = {"Accept": pages.ACCEPT}
        if old and old.etag:
            headers["If-None-Match"] = old.etag
        elif old and old.modified:
            headers["If-Modified-Since"] = old.modified
        try:
            response, body = client.page(url, headers)
        except IndexTrouble as trouble:
            if trouble.kind != "absent":
                raise
            self.until = min(self.until, now + LIFE)
            return Page(url, found=False)
        count(len(body))
        if response.status_code == 304 and old:
            page = msgspec.structs.replace(old, fetched=now, life=_life(response))
        else:
            page = _parsed(url, response, body, now)
        kept.write(file, msgspec.msgpack.encode(page))
        return page


def _parsed(url: str, response: Response, body: bytes, now: float) -> Page:
    try:
        content_type = response.headers.get("Content-Type", "")
        files = pages.parse(body, content_type, response.url or url)
    except ValueError as error:
        raise IndexTrouble("trouble", f"{shown(url)}: {error}") from error
    etag, modified = (response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    return Page(url, files, True, etag, modified, now, _life(response))


def _life(response: Response) -> float:
    said = response.headers.get("Cache-Control", "").lower()
    for word in said.replace(" ", "").split(","):
        if word in ("no-cache", "no-store"):
            return 0
        if word.startswith("max-age=") and word[8:].isdigit():
            return min(int(word[8:]), _LONGEST)
    return LIFE


def _read(file: str, url: str) -> Page | None:
    """A page of an earlier run; None if there is none, or none that can be read."""
    content = kept.read(file)
    if content is None:
        return None
    try:
        page = msgspec.msgpack.decode(content, type=Page)
    except (ValueError, msgspec.MsgspecError):  # of another version of envcheck
        return None
    return page if page.url == url else None


def _again(trouble: IndexTrouble) -> bool:
    """Whether a page that could not be read may be asked for again."""
    return time.monotonic() - getattr(trouble, "at", 0.0) > 2.0
