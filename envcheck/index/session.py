"""What predictions ask of the indexes: pages, and facts of files, each got once, by threads.

    with IndexSession(cache, index) as session:
        session.want_listing("torch")           # in the background
        files = session.listing("torch").files  # waits for it
        facts = session.wheel(files[-1])

Facts are kept on disk by the file's hash; pages as the catalogue keeps them. Everything that a
session used can be recorded into one file (``recording.py``), from which it can be replayed.
"""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from envcheck.errors import IndexTrouble
from envcheck.index import kept, pages
from envcheck.index.local import path_of
from envcheck.index.recording import Listing, Recording
from envcheck.model.artifact import SdistFacts, WheelFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from envcheck.index.pages import File
    from envcheck.index.patience import Patience
    from envcheck.index.remote_elf import RemoteWheel, Wheels
    from envcheck.index.sources import Configuration, Sources
    from envcheck.model.matrix import Index

    Answer = TypeVar("Answer")
    Facts = TypeVar("Facts", WheelFacts, SdistFacts)

THREADS = 24  # what is waited for is latency
MOST = 5000  # projects; whoever lists more than that to one question makes them up


class IndexSession:
    """``index`` and ``default``: as the gateway's. ``offline``: only what is kept here, whatever
    its age. ``replayed``: a recording that answers instead of indexes and cache.
    """

    def __init__(
        self,
        cache: str,
        index: Index,
        default: Index | None = None,
        *,
        configured: Configuration | None = None,
        offline: bool = False,
        replayed: Recording | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.recording = replayed or Recording()
        self.offline = offline
        self.moved = 0  # bytes that came from indexes
        self._replayed = replayed is not None
        self._closed = False
        self._folder = os.path.join(cache, "facts-1")
        self._lock = threading.Lock()
        self._listings: dict[str, Future[Listing]] = {}
        self._facts: dict[str, Future[WheelFacts | SdistFacts]] = {}
        self._first: dict[tuple[str, ...], tuple[File, Future[Any]]] = {}  # of each kind of wheel
        self._pool: ThreadPoolExecutor | None = None
        self._wheels: Wheels | None = None
        self._sources: Sources | None = None
        self._files: tuple[str, ...] = ()  # of configuration
        self._day = index.exclude_newer or (default.exclude_newer if default else "")
        self._cache = cache
        self._local: set[str] = set()  # files of directories of this machine
        if replayed is None:
            if not os.path.isabs(cache):
                raise ValueError("a session keeps what it reads in an absolute directory")
            self._open(cache, index, default, configured, patience)

    def _open(
        self,
        cache: str,
        index: Index,
        default: Index | None,
        configured: Configuration | None,
        patience: Patience | None,
    ) -> None:
        from envcheck.index.catalogue import Catalogue
        from envcheck.index.client import Client
        from envcheck.index.patience import Patience
        from envcheck.index.sources import configuration, sources
        from envcheck.model.matrix import Index

        known = configured if configured is not None else configuration()
        self._files = known.files
        self._sources = sources(index, default or Index(), known)
        usual = Patience(attempts=3, read=10)  # somebody waits for the answer
        self._client = Client(self._sources.network, patience or usual)
        self._catalogue = Catalogue(cache, offline=self.offline, hashes=False)

    def __enter__(self) -> IndexSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return 0 if self._replayed else self._client.requests

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the configuration could not be read."""
        return self._sources.notes if self._sources else ()

    @property
    def exclude_newer(self) -> str:
        """The day before which files must have been uploaded, empty without one."""
        return self._sources.exclude_newer if self._sources else self._day

    @property
    def until(self) -> float:
        """Unix time for which what indexes said holds; what is kept here holds offline."""
        return float("inf") if self._replayed or self.offline else self._catalogue.until

    @property
    def consulted(self) -> set[str]:
        """Files and directories of this machine on which the answers rest."""
        if self._replayed:
            return set()
        kept = {self._catalogue.folder} if self.offline else set()
        return {*self._files, *self._catalogue.consulted, *self._local, *kept}

    def names(self) -> set[str]:
        """Names of projects that were met here: one that no index has may be misspelled."""
        if self._replayed:
            return {name for name, listing in self.recording.listings.items() if listing.found}
        from envcheck.index.known import projects

        return projects(self._cache)

    def listing(self, name: str) -> Listing:
        """All files of a project, of all indexes. Raises IndexTrouble."""
        return self.want_listing(name).result()

    def want_listing(self, name: str) -> Future[Listing]:
        """The same when it comes. ``name``: normalized."""
        with self._lock:
            if name not in self._listings:
                self._listings[name] = self._submit(self._get_listing, name)
            return self._listings[name]

    def wheel(self, file: File) -> WheelFacts:
        """Facts of a wheel. Raises IndexTrouble."""
        facts = self.want(file).result()
        assert isinstance(facts, WheelFacts)
        return facts

    def sdist(self, file: File) -> SdistFacts:
        """Facts of an sdist. Raises IndexTrouble."""
        facts = self.want(file).result()
        assert isinstance(facts, SdistFacts)
        return facts

    def want(self, file: File) -> Future[WheelFacts | SdistFacts]:
        """Facts of a file when they come."""
        key = _key(file)
        with self._lock:
            if key not in self._facts:
                self._facts[key] = self._wanted(file, key)
            return self._facts[key]

    def reader(self) -> Callable[[File], RemoteWheel]:
        """For members of wheels, within one budget of bytes for each time that this is called; what
        was read of a wheel before stays known. Raises IndexTrouble offline and where a recording
        answers: it has none of them.
        """
        from envcheck.index.remote_elf import Wheels

        if self._replayed or self.offline:
            raise IndexTrouble("trouble", "members of wheels are read from an index only")
        if self._wheels is None:
            self._wheels = Wheels(self._client, self.count)
        self._wheels.budget.renew()
        return self._wheels.open

    def recall(self, key: str, kind: type[Answer]) -> Answer | None:
        """What was worked out before under this key, None if nothing was."""
        raw = self.recording.answers.get(key)
        if raw is None and not self._replayed:
            found = kept.read(os.path.join(self._folder, key[:2], key))
            raw = msgspec.Raw(found) if found is not None else None
        try:
            answer = msgspec.msgpack.decode(raw, type=kind) if raw is not None else None
        except (ValueError, msgspec.MsgspecError):  # of another version of envcheck
            return None
        if raw is not None:
            self.recording.answers[key] = raw
        return answer

    def remember(self, key: str, answer: object) -> None:
        """Keep what was worked out of files whose hashes are in ``key``."""
        content = msgspec.msgpack.encode(answer)
        self.recording.answers[key] = msgspec.Raw(content)
        if not self._replayed:
            kept.write(os.path.join(self._folder, key[:2], key), content)

    def close(self) -> None:
        """Give up what is still asked for."""
        self._closed = True
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        if not self._replayed:
            self._client.close()

    def count(self, number: int) -> None:
        """``number`` bytes came from an index."""
        with self._lock:
            self.moved += number

    def _wanted(self, file: File, key: str) -> Future[Any]:
        """Of wheels that differ in their Python only, the others wait for the first: it tells what
        need not be read of them.
        """
        if not file.is_wheel:
            return self._submit(self._get_sdist, file, key)
        kind = _kind(file.filename)
        first = self._first.get(kind)
        if first is None or self._replayed:
            future = self._submit(self._get_wheel, file, key, None)
            self._first[kind] = (file, future)
            return future
        if first[1].done():
            return self._submit(self._get_wheel, file, key, first)
        later: Future[Any] = Future()
        first[1].add_done_callback(lambda _: self._go_on(later, file, key, first))
        return later

    def _go_on(
        self, later: Future[Any], file: File, key: str, first: tuple[File, Future[Any]]
    ) -> None:
        if self._closed:
            later.cancel()
        else:
            self._submit(self._follow, later, file, key, first)

    def _follow(
        self, later: Future[Any], file: File, key: str, first: tuple[File, Future[Any]]
    ) -> None:
        try:
            later.set_result(self._get_wheel(file, key, first))
        except BaseException as error:
            later.set_exception(error)

    def _submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="index")
        return self._pool.submit(function, *arguments)

    def _get_listing(self, name: str) -> Listing:
        if self._replayed:
            return self.recording.listing(name)
        assert self._sources is not None
        if len(self.recording.listings) >= MOST:
            raise IndexTrouble("budget", f"more than {MOST:,} projects would have to be looked at")
        if not self._sources.indexes and not self._sources.find_links:
            raise IndexTrouble("absent", "there is no index: none is configured")
        files: dict[str, File] = {}
        found = False
        for url in self._sources.indexes:
            page = self._catalogue.project(url, name, self._client, self.count)
            found = found or page.found
            for file in page.files:
                if file.project == name:
                    files.setdefault(file.filename, file)
        for url in self._sources.find_links:
            page = self._catalogue.links(url, self._client, self.count)
            for file in page.files:
                if file.project == name:
                    files.setdefault(file.filename, file)
        self._local |= {path_of(f.url) for f in files.values() if f.url.startswith("file:")}
        listing = Listing(files=list(files.values()), found=found or bool(files))
        self.recording.listings[name] = listing
        return listing

    def _get_wheel(
        self, file: File, key: str, first: tuple[File, Future[Any]] | None
    ) -> WheelFacts:
        if self._replayed:
            return self.recording.wheel(file.filename)
        facts = self._kept(key, WheelFacts)
        if facts is None:
            from envcheck.index.remote_wheel import inspect

            self._refuse_offline(file)
            facts = inspect(file, self._client, self.count, sibling=_sibling(first))
            self._keep(file, key, facts)
        self.recording.wheels[file.filename] = facts
        return facts

    def _get_sdist(self, file: File, key: str) -> SdistFacts:
        if self._replayed:
            return self.recording.sdist(file.filename)
        facts = self._kept(key, SdistFacts)
        if facts is None:
            from envcheck.index.remote_sdist import inspect

            self._refuse_offline(file)
            facts = inspect(file, self._client, self.count)
            self._keep(file, key, facts)
        self.recording.sdists[file.filename] = facts
        return facts

    def _refuse_offline(self, file: File) -> None:
        if self.offline and not file.url.startswith("file:"):
            what = f"{file.filename} was not looked at yet, and nothing is asked of an index"
            raise IndexTrouble("trouble", what, hint="without --offline it is")

    def _kept(self, key: str, kind: type[Facts]) -> Facts | None:
        content = kept.read(os.path.join(self._folder, key[:2], key))
        if content is None:
            return None
        try:
            return msgspec.msgpack.decode(content, type=kind)
        except (ValueError, msgspec.MsgspecError):  # of another version of envcheck
            return None

    def _keep(self, file: File, key: str, facts: WheelFacts | SdistFacts) -> None:
        if file.sha256 and not facts.problem:  # an address may hold something else another day
            content = msgspec.msgpack.encode(facts)
            kept.write(os.path.join(self._folder, key[:2], key), content)


def _sibling(first: tuple[File, Future[Any]] | None) -> tuple[File, WheelFacts] | None:
    """The wheel that was looked at first, if it could be."""
    if first is None or not first[1].done() or first[1].exception() is not None:
        return None
    facts = first[1].result()
    known = isinstance(facts, WheelFacts) and facts.contents and not facts.contents.estimated_from
    return (first[0], facts) if known else None


def _key(file: File) -> str:
    return file.sha256 or hashlib.sha256(file.url.encode()).hexdigest()


def _kind(filename: str) -> tuple[str, ...]:
    """Project, version and platform of a wheel: those of which only the Python differs."""
    parts = filename.split("-")
    return (pages.normalized(parts[0]), parts[1], parts[-1]) if len(parts) > 4 else (filename,)
