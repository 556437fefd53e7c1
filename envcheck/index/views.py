"""What a door shows of an index: its files before a day, as pages whose links lead to the door."""

from __future__ import annotations

import hashlib
import re
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from envcheck.errors import IndexTrouble
from envcheck.index import page_writing, pages
from envcheck.index.addresses import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.index.catalogue import Catalogue, Page
    from envcheck.index.client import Client
    from envcheck.index.metadata import Metadata
    from envcheck.index.pages import File


_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,200}[A-Za-z0-9])?")


class Place(NamedTuple):
    """An index or a find-links place. ``before``: only what was uploaded before this day."""

    kind: str  # `index` or `links`, as in the door's addresses
    url: str
    before: str
    id: str


def place_of(kind: str, url: str, before: str) -> Place:
    """The place at ``url``, which is without credentials."""
    digest = hashlib.sha256(f"{url.rstrip('/')}\n{before}".encode()).hexdigest()
    return Place(kind, url, before, digest[:12])


class View:
    """One page of a place. ``unknown``: files that stay although their upload time is not known."""

    def __init__(
        self, project: str, page: Page, before: str, offers: Callable[[File], str]
    ) -> None:
        self.project = project
        self.found = page.found
        self.files, self.unknown = pages.before(page.files, before)
        self._offers = offers
        self._keys = {key_of(file): file for file in self.files}
        self._rendered: dict[bool, tuple[bytes, str, str]] = {}

    def by_key(self, key: str) -> File | None:
        """The file whose address has this key."""
        return self._keys.get(key)

    def rendered(self, accept: str) -> tuple[bytes, str, str]:
        """(body, ETag, content type) for who accepts that; find-links are HTML always."""
        as_json = bool(self.project) and pages.JSON in accept
        if as_json not in self._rendered:
            entries = [
                (page_writing.href(file, key), file, self._offers(file))
                for key, file in self._keys.items()
            ]
            write = page_writing.to_json if as_json else page_writing.to_html
            body = write(self.project or "links", entries)
            etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
            self._rendered[as_json] = (body, etag, pages.JSON if as_json else pages.HTML)
        return self._rendered[as_json]


class Views:
    """All views of a run, made once each."""

    def __init__(self, catalogue: Catalogue, metadata: Metadata, client: Client) -> None:
        self._catalogue = catalogue
        self._metadata = metadata
        self._client = client
        self._views: dict[tuple[str, str], tuple[Page, View]] = {}
        self._lock = threading.Lock()

    def view(self, place: Place, project: str, count: Callable[[int], None]) -> View:
        """A project's page of an index, the whole of a find-links place. Raises IndexTrouble."""
        if project and not _NAME.fullmatch(project):
            raise IndexTrouble("absent", "there is no project of such a name")
        project = pages.normalized(project) if place.kind == "index" else ""
        if place.kind == "index":
            page = self._catalogue.project(place.url, project, self._client, count)
        else:
            page = self._catalogue.links(place.url, self._client, count)
        with self._lock:
            old = self._views.get((place.id, project))
            if old and old[0] is page:
                return old[1]
            view = View(project, page, place.before, self._offerer())
            self._views[place.id, project] = (page, view)
            return view

    def notes(self, places: Sequence[Place]) -> list[str]:
        """Of which files the upload time is not known although it matters."""
        with self._lock:
            views = dict(self._views)
        notes = []
        for place in places:
            seen = [(p, v) for (i, p), (_, v) in views.items() if i == place.id and v.unknown]
            if place.before and seen:
                what = ", ".join(sorted(project or "all" for project, _ in seen)[:5])
                notes.append(
                    f"{shown(place.url)} does not tell when files were uploaded ({what}): those are"
                    f" kept, whether or not they are from before {place.before}"
                )
        return notes

    def _offerer(self) -> Callable[[File], str]:
        """What is offered of a file's METADATA; asks each server once whether it sends parts."""
        servers: dict[str, bool] = {}

        def offers(file: File) -> str:
            if not file.is_wheel:
                return ""
            if file.metadata:
                return file.metadata
            server = urlsplit(file.url).netloc
            if server not in servers:
                servers[server] = self._metadata.offered(file, self._client)
            return "true" if servers[server] else ""

        return offers


def key_of(file: File) -> str:
    """The part of a file's address that stands for it: its hash, where its index tells that."""
    return file.sha256 or key_without_hash(file.url)


def key_without_hash(url: str) -> str:
    """The same for a file at ``url`` whose hash its index does not tell."""
    return "u" + hashlib.sha256(url.encode()).hexdigest()[:40]
