"""The way of a cell to the indexes: an HTTP server of this process that serves what they list.

    with Gateway(cache) as gateway, gateway.open(cell.index, unix=path) as door:
        options = door.index_options(base)  # for pip or uv, with the base URL as the cell sees it

Credentials, proxies and certificates stay in this process. A cell can ask for files that its
indexes list, and for nothing else; what it gets is what the index's hash says. Addresses are:

    /index/ID/PROJECT/                   a page (PEP 503, PEP 691)
    /index/ID/PROJECT/KEY/FILE           a file; KEY is its SHA-256 where the index tells it
    /index/ID/PROJECT/KEY/FILE.metadata  METADATA of a wheel (PEP 658)
    /links/ID/ …                         the same for find-links

ID stands for the index and the day before which files must have been uploaded, so that whoever
keeps pages by their addresses, as uv does, never takes one index for another.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from envcheck.errors import IndexTrouble
from envcheck.index import pages
from envcheck.index.bodies import ComingFile, StoredFile
from envcheck.index.catalogue import Catalogue
from envcheck.index.client import PATIENCE, Client, Patience
from envcheck.index.metadata import Metadata
from envcheck.index.meter import Meter
from envcheck.index.releases import releases_of
from envcheck.index.server import Reply, Request, Server
from envcheck.index.sources import configuration, sources
from envcheck.index.transfers import Transfers
from envcheck.index.views import View, Views, key_without_hash, place_of
from envcheck.index.wheels import WheelStore
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from envcheck.index.meter import Fault
    from envcheck.index.pages import File
    from envcheck.index.releases import Release
    from envcheck.index.sources import Configuration
    from envcheck.index.views import Place
    from envcheck.model.cell import Download

PORT = 8484
#: The base URL that every cell should see: uv keeps what it has by the index's URL.
BASE = f"http://127.0.0.1:{PORT}"
BUDGET = 64 << 30  # bytes that one door may have fetched
PAGES = 5_000  # that one door may ask for; the largest closures have some hundreds
#: For installers that use a door: it waits for the index and asks again, so they need not.
CLIENT_ENVIRONMENT = {
    "UV_HTTP_TIMEOUT": "300",
    "UV_HTTP_RETRIES": "1",
    "UV_CONCURRENT_DOWNLOADS": "16",  # connections; it is not they that hold up anything
    "PIP_DEFAULT_TIMEOUT": "300",
    "PIP_RETRIES": "1",
}
_STATUS = {"absent": 404, "denied": 403}  # others: 424, which no installer tries again
_PLAIN = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))


class IndexOptions(NamedTuple):
    """For an installer. ``index_url`` is empty if there is no index at all."""

    index_url: str
    extra_index_urls: tuple[str, ...]
    find_links: tuple[str, ...]


class Gateway:
    """What all cells of a run share. Made once; used by threads.

    ``cache``: directory that outlives runs and may be used by several processes at once.
    ``default``: what holds where a cell's index says nothing, before ``configured`` (which is what
    pip and uv are told here, if it is not given). Both may hold credentials.
    """

    def __init__(
        self,
        cache: str,
        default: Index | None = None,
        *,
        configured: Configuration | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._configured = configured if configured is not None else configuration()
        self._default = Index() if default is None else default
        self.client = Client(self._configured.network, patience)
        self.store = WheelStore(os.path.join(cache, "wheels"))
        self._catalogue = Catalogue(cache)
        self._metadata = Metadata(cache)
        self._views = Views(self._catalogue, self._metadata, self.client)
        self._transfers = Transfers(self.store, self._catalogue.learn)
        self._doors: list[Door] = []
        self._releases: dict[str, tuple[list[View], list[Release]]] = {}

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(
        self, index: Index, *, unix: str | None = None, budget: int = BUDGET, pages: int = PAGES
    ) -> Door:
        """A door to what ``index`` says: a Unix socket at the path ``unix``, else a TCP port.

        ``budget``, ``pages``: bytes that it may have fetched, pages that it may ask for. Raises
        UsageError if there is no index.
        """
        door = Door(self, self._places(index), unix, Meter(budget), pages)
        self._doors.append(door)
        return door

    def releases(self, index: Index, name: str) -> list[Release]:
        """Releases of a project, the oldest version first. Raises IndexTrouble.

        What no index has gives an empty list; one that cannot be read is not passed over.
        """
        views = [self._views.view(place, name, _uncounted) for place in self._places(index)]
        known = self._releases.get(name)
        if known is None or known[0] != views:  # views stay the same while their pages do
            project = pages.normalized(name)
            files = [file for view in views for file in view.files if file.project == project]
            known = self._releases[name] = (views, releases_of(files))
        return known[1]

    def known(self, sha256: str, name: str = "", index: Index | None = None) -> File | None:
        """The file of this hash, if an index has told of it; ``name`` and ``index``: where to look
        if it was not seen yet. Raises IndexTrouble if that cannot be read.
        """
        if index is not None and name and self._catalogue.by_hash(sha256) is None:
            for place in self._places(index):
                self._views.view(place, name, _uncounted)
        return self._catalogue.by_hash(sha256)

    def file(self, file: File, meter: Meter) -> str | ComingFile:
        """Path of a file that is here, else the file as it comes. Raises IndexTrouble."""
        if file.url.startswith("file:"):
            return self._catalogue.check_local(file)
        path = self._transfers.stored(file)
        if path:
            return path
        return ComingFile(self._transfers.get(file, self.client, meter.fetched), meter)

    def fetch(self, file: File, meter: Meter, *, anew: bool = False) -> str:
        """Path of a file, which is fetched if it is not here. ``anew``: also if that failed just
        now. Raises IndexTrouble.
        """
        if file.url.startswith("file:"):
            return self._catalogue.check_local(file)
        path = self._transfers.stored(file)
        if path:
            return path
        with meter.waiting():
            transfer = self._transfers.get(file, self.client, meter.fetched, anew=anew)
            return transfer.wait_for_all()

    def metadata(self, file: File, meter: Meter) -> bytes:
        """METADATA of a wheel. Raises IndexTrouble."""
        local = file.url.startswith("file:")
        path = self._catalogue.check_local(file) if local else self._transfers.stored(file)
        with meter.waiting():
            return self._metadata.get(
                file, path, self.client, meter.fetched, lambda: self.fetch(file, meter)
            )

    def view(self, place: Place, project: str, meter: Meter) -> View:
        """What a place lists. Raises IndexTrouble."""
        with meter.waiting():
            return self._views.view(place, project, meter.fetched)

    def notes_on(self, places: Sequence[Place]) -> list[str]:
        """What should be said about places, in sentences."""
        return [*self._configured.notes, *self._views.notes(places)]

    def close(self) -> None:
        """Close every door, and give up what is still being fetched."""
        for door in self._doors:
            door.close()
        self.client.close()

    def _places(self, index: Index) -> Sequence[Place]:
        given = sources(index, self._default, self._configured)
        before = given.exclude_newer
        learn = self.client.learn
        return [
            *(place_of("index", learn(url), before) for url in given.indexes),
            *(place_of("links", learn(url), before) for url in given.find_links),
        ]


class Door:
    """One cell's way to its indexes."""

    def __init__(
        self,
        gateway: Gateway,
        places: Sequence[Place],
        unix: str | None,
        meter: Meter,
        pages: int,
    ) -> None:
        self._gateway = gateway
        self._places = places
        self._meter = meter
        self._pages = pages
        self._asked: set[tuple[str, str]] = set()
        self._by_id = {place.id: place for place in places}
        self._token = "" if unix else secrets.token_urlsafe(16)
        self._proxy = f"Basic {_base64(f'x:{self._token}')}"
        self._server = Server(self._answer, self._meter.served, unix)
        self.unix = unix
        #: As seen by this process; empty for a Unix socket.
        self.base = "" if unix else f"http://127.0.0.1:{self._server.port}/{self._token}"

    def __enter__(self) -> Door:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def index_options(self, base: str) -> IndexOptions:
        """What an installer is to be told; ``base``: the door's URL as it sees it."""
        urls = [f"{base}/{place.kind}/{place.id}" for place in self._places]
        indexes = [u for u, place in zip(urls, self._places, strict=True) if place.kind == "index"]
        links = [f"{u}/" for u, p in zip(urls, self._places, strict=True) if p.kind == "links"]
        return IndexOptions(indexes[0] if indexes else "", tuple(indexes[1:]), tuple(links))

    def environment(self) -> dict[str, str]:
        """Variables with which an installer of this machine reaches the door as ``BASE``."""
        proxy = f"http://x:{self._token}@127.0.0.1:{self._server.port}"
        return {"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "", "no_proxy": ""}

    def fetch(self, sha256: str, name: str = "") -> str:
        """Path here of the file of this hash, of the project ``name``. Raises IndexTrouble:
        ``absent`` if no index of this door has told of it.
        """
        try:
            file = self._listed(sha256, name)
            try:
                return self._gateway.fetch(file, self._meter)
            except IndexTrouble as trouble:
                if trouble.kind != "hash":
                    raise
                return self._gateway.fetch(file, self._meter, anew=True)  # damaged on its way?
        except IndexTrouble as trouble:
            self._meter.fault(trouble)
            raise

    def traffic(self) -> Download:
        """What went through it so far."""
        return self._meter.traffic()

    def faults(self) -> list[Fault]:
        """What could not be had so far, each once."""
        return self._meter.faults()

    def notes(self) -> list[str]:
        """What should be said about the indexes, in sentences."""
        return self._gateway.notes_on(self._places)

    def close(self) -> None:
        """Stop listening, cut all connections. May be called twice."""
        self._server.close()

    def _listed(self, sha256: str, name: str) -> File:
        for place in self._places:
            if name or place.kind == "links":
                view = self._gateway.view(place, name, self._meter)
                learned = self._gateway.known(sha256)
                file = view.by_key(sha256) or (
                    view.by_key(key_without_hash(learned.url)) if learned else None
                )
                if file:
                    return file
        raise IndexTrouble("absent", f"no index here lists a file of SHA-256 {sha256}")

    def _answer(self, request: Request) -> Reply:
        try:
            return self._reply(request)
        except IndexTrouble as trouble:
            self._meter.fault(trouble)
            status = _STATUS.get(trouble.kind, 424)
            sentence = re.sub(r"\bhttps?://\S*/", "", trouble.message)  # no addresses for cells
            return Reply(status, sentence.encode(), _PLAIN, sentence)

    def _reply(self, request: Request) -> Reply:
        parts = self._parts(request)
        if parts is None:
            return Reply(403, b"this is no proxy", _PLAIN)
        kind, place, project, rest = _address(parts, self._by_id)
        if place is None or place.kind != kind:
            return Reply(404, b"there is nothing here", _PLAIN)
        self._asked.add((place.id, project))
        if len(self._asked) > self._pages:
            raise IndexTrouble("budget", f"one cell asked for more than {self._pages:,} pages")
        view = self._gateway.view(place, project, self._meter)
        if not rest:
            return _page(view, request)
        if len(rest) != 2:
            return Reply(404, b"there is nothing here", _PLAIN)
        file = view.by_key(rest[0])
        if file and rest[1] == f"{file.filename}.metadata" and file.is_wheel:
            return Reply(200, self._gateway.metadata(file, self._meter), _FOREVER)
        if not file or rest[1] != file.filename:
            return Reply(404, b"there is no such file", _PLAIN)
        self._meter.gave(rest[0])
        body = self._gateway.file(file, self._meter)
        return Reply(
            200, StoredFile(body, self._meter) if isinstance(body, str) else body, _FOREVER
        )

    def _parts(self, request: Request) -> list[str] | None:
        """The path's parts; None for what this door does not answer."""
        target, headers = request.target, request.headers
        allowed = not self._token
        if target.startswith("http://"):
            host, _, target = target.removeprefix("http://").partition("/")
            if host != BASE.removeprefix("http://"):
                return None
            target = f"/{target}"
            given = headers.get("proxy-authorization", "")
            allowed = allowed or secrets.compare_digest(given.encode(), self._proxy.encode())
        parts = [unquote(part) for part in target.partition("?")[0].split("/")[1:]]
        if (
            self._token
            and parts
            and secrets.compare_digest(parts[0].encode(), self._token.encode())
        ):
            allowed, parts = True, parts[1:]
        return parts if allowed else None


_FOREVER = (
    ("Content-Type", "application/octet-stream"),
    ("Cache-Control", "max-age=31536000, immutable"),
    ("Accept-Ranges", "bytes"),
)


def _address(
    parts: list[str], places: dict[str, Place]
) -> tuple[str, Place | None, str, list[str]]:
    """(kind, place, project, what is below its page) of a path."""
    if len(parts) < 3 or parts[0] not in ("index", "links"):
        return "", None, "", []
    if parts[0] == "links":
        return "links", places.get(parts[1]), "", [part for part in parts[2:] if part]
    if not parts[2]:
        return "", None, "", []
    return "index", places.get(parts[1]), parts[2], [part for part in parts[3:] if part]


def _page(view: View, request: Request) -> Reply:
    if not view.found:
        return Reply(404, b"there is no such project", _PLAIN)
    body, etag, content_type = view.rendered(request.headers.get("accept", ""))
    headers = (
        ("Content-Type", content_type),
        ("ETag", etag),
        ("Cache-Control", "no-cache"),
        ("Vary", "Accept"),
    )
    if request.headers.get("if-none-match") == etag:
        return Reply(304, headers=headers)
    return Reply(200, body, headers)


def _base64(text: str) -> str:
    from base64 import b64encode

    return b64encode(text.encode()).decode()


def _uncounted(_: int) -> None:
    """Bytes that come on behalf of nobody."""
