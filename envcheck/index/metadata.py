"""METADATA of wheels (PEP 658), wherever it can be had with least reading."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from envcheck.errors import IndexTrouble
from envcheck.index import kept
from envcheck.index.client import check
from envcheck.index.remote_zip import METADATA_LIMIT, NoRangesError, RemoteFile, metadata_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.client import Client
    from envcheck.index.pages import File


class Metadata:
    """METADATA by the wheel's hash, kept below ``folder``; each is got once."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, "metadata")
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._ranges: dict[str, bool] = {}  # server -> whether it sends parts of files
        self._failed: dict[str, IndexTrouble] = {}

    def offered(self, file: File, client: Client) -> bool:
        """Whether METADATA of a wheel can be had without fetching it."""
        if not file.is_wheel:
            return False
        if file.metadata or file.url.startswith("file:"):
            return True
        server = urlsplit(file.url).netloc
        with self._lock:
            lock = self._locks.setdefault(f"//{server}", threading.Lock())
        with lock:
            if server not in self._ranges:
                self._ranges[server] = _has_ranges(file.url, client)
            return self._ranges[server]

    def get(
        self,
        file: File,
        path: str,
        client: Client,
        count: Callable[[int], None],
        fetch: Callable[[], str],
    ) -> bytes:
        """METADATA of ``file``, which lies at ``path`` if that is not empty; ``fetch`` gets the
        whole wheel, which is done if nothing else helps. Raises IndexTrouble.
        """
        key = file.sha256 or hashlib.sha256(file.url.encode()).hexdigest()
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            path_kept = os.path.join(self._folder, key[:2], key)
            data = kept.read(path_kept)
            if data is None:
                data = self._find(file, path, client, count, fetch)
                if file.sha256:  # an address may hold something else another day
                    kept.write(path_kept, data)
            return data

    def _find(
        self,
        file: File,
        path: str,
        client: Client,
        count: Callable[[int], None],
        fetch: Callable[[], str],
    ) -> bytes:
        if path:
            return _of_stored(path, file)
        if file.metadata:
            try:
                return _beside(file, client, count)
            except IndexTrouble as trouble:
                if trouble.kind not in ("absent", "hash"):
                    raise
        if self._ranges.get(urlsplit(file.url).netloc, True):
            try:
                return metadata_in(RemoteFile(file.url, client, count), file.filename)
            except NoRangesError:
                self._ranges[urlsplit(file.url).netloc] = False
            except IndexTrouble as trouble:
                if trouble.kind != "unfit":  # parts of a file prove nothing: they have no hash
                    raise
        return _of_stored(fetch(), file)


def _beside(file: File, client: Client, count: Callable[[int], None]) -> bytes:
    parts = urlsplit(file.url)
    url = parts._replace(path=f"{parts.path}.metadata").geturl()
    _, data = client.page(url, {})
    count(len(data))
    if len(data) > METADATA_LIMIT:
        raise IndexTrouble("unfit", f"{file.filename}: its METADATA is too long")
    if file.metadata not in ("true", hashlib.sha256(data).hexdigest()):
        raise IndexTrouble("hash", f"{file.filename}.metadata is not what its index says")
    return data


def _of_stored(path: str, file: File) -> bytes:
    with open(path, "rb") as stream:
        return metadata_in(stream, file.filename)


def _has_ranges(url: str, client: Client) -> bool:
    """Whether a server says that it sends parts of files: trying it could cost a whole file."""

    def attempt() -> bool:
        with client.open(url, headers={"Accept-Encoding": "identity"}, method="HEAD") as response:
            check(response)
            return response.headers.get("Accept-Ranges", "").lower() == "bytes"

    try:
        return client.insist(url, attempt)
    except IndexTrouble:
        return False
