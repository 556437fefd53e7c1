"""METADATA of wheels (PEP 658), wherever it can be had with least reading."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from envcheck.errors import IndexTrouble
from envcheck.index import kept, ranges, remote_wheel, stored_wheel

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
                self._ranges[server] = ranges.offered(file.url, client) is not None
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
            return stored_wheel.metadata(path, file.filename)
        if file.metadata:
            try:
                return remote_wheel.metadata_beside(file, client, count)
            except IndexTrouble as trouble:
                if trouble.kind not in ("absent", "hash"):
                    raise
        if self._ranges.get(urlsplit(file.url).netloc, True):
            try:
                data = remote_wheel.metadata_in(file, client, count)
            except IndexTrouble as trouble:
                if trouble.kind not in ("unfit", "hash"):  # the whole file tells
                    raise
            else:
                if data is not None:
                    return data
                self._ranges[urlsplit(file.url).netloc] = False
        return stored_wheel.metadata(fetch(), file.filename)
