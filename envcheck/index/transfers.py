"""Files on their way from an index into the store: each comes once, whoever asks for it.

A ``Transfer`` can be read while it comes. Its last bytes are held back until its hash is known to
be right, so that nobody gets a whole file that is a wrong one.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from envcheck.errors import IndexTrouble
from envcheck.index.client import Again, check, pieces, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.index.client import Client
    from envcheck.index.pages import File
    from envcheck.index.wheels import Incoming, WheelStore

PARALLEL = 8  # files that come at once
HELD_BACK = 1 << 20
_GRUDGE = 2.0  # seconds for which a failure is remembered: clients ask again at once


class Transfer:
    """One file: coming, there, or failed. ``size`` is None as long as it is not known."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.size = file.size
        self.path = ""  # where it can be read from; renamed later, so open it at once
        self.sha256 = ""  # once it is complete
        self.error: IndexTrouble | None = None
        self.ended = 0.0
        self._have = 0
        self._changed = threading.Condition()

    @property
    def complete(self) -> bool:
        """Whether it is in the store."""
        return bool(self.sha256)

    def wait(self, position: int, timeout: float) -> int:
        """How far it can be read, once that is beyond ``position`` or it is complete; ``position``
        if that takes longer than ``timeout`` seconds. Raises IndexTrouble.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._readable() > position, timeout)
            if self.error:
                raise self.error
            return max(position, min(self._readable(), self._end()))

    def wait_for_size(self) -> int:
        """Its size, once its beginning can be read. Raises IndexTrouble."""
        with self._changed:
            self._changed.wait_for(lambda: self._readable() > 0)
            if self.error:
                raise self.error
            return self._end()

    def wait_for_all(self) -> str:
        """Its path in the store. Raises IndexTrouble."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self.error or self.sha256))
            if self.error:
                raise self.error
            return self.path

    def _end(self) -> int:
        return self._have if self.size is None else self.size

    def _readable(self) -> int:
        """As far as it may be read; beyond every end once it is complete or has failed."""
        if self.error or self.sha256:
            return 1 << 62
        if self.size is None:
            return 0
        return min(self._have, self.size - HELD_BACK)

    def _tell(self, **changes: object) -> None:
        with self._changed:
            for name, value in changes.items():
                setattr(self, name, value)
            self._changed.notify_all()


class Transfers:
    """All transfers of this process. ``learned`` is told the hash of each file that has come."""

    def __init__(self, store: WheelStore, learned: Callable[[File, str], None]) -> None:
        self.store = store
        self._learned = learned
        self._running: dict[str, Transfer] = {}
        self._sha256: dict[str, str] = {}  # of files whose index does not tell it: URL -> hash
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(PARALLEL)

    def sha256(self, file: File) -> str:
        """What is known of the file's hash, empty if nothing is."""
        return file.sha256 or self._sha256.get(file.url, "")

    def stored(self, file: File) -> str:
        """Path of the file in the store, empty if it is not there."""
        sha256 = self.sha256(file)
        return self.store.get(sha256) if sha256 else ""

    def get(
        self, file: File, client: Client, count: Callable[[int], None], *, anew: bool = False
    ) -> Transfer:
        """The transfer of a file that is not stored; started if it is not on its way.

        ``count`` is told of the bytes that come in, if it is started by this call; it may raise
        IndexTrouble to end it. ``anew``: also if it has failed just now.
        """
        key = self.sha256(file) or file.url
        with self._lock:
            transfer = self._running.get(key)
            patience = 0.0 if anew else _GRUDGE
            if transfer and not (transfer.ended and time.monotonic() - transfer.ended > patience):
                return transfer
            transfer = self._running[key] = Transfer(file)
        arguments = (key, transfer, client, count)
        threading.Thread(target=self._run, args=arguments, daemon=True).start()
        return transfer

    def _run(
        self, key: str, transfer: Transfer, client: Client, count: Callable[[int], None]
    ) -> None:
        file = transfer.file
        incoming: Incoming | None = None
        try:
            with self._places:
                incoming = self.store.create(file.size)
                incoming.expect([] if file.sha256 else list(file.hashes))
                transfer._tell(path=incoming.path)
                self._receive(transfer, incoming, client, count)
            sha256, path = incoming.keep()
            with self._lock:
                self._sha256[file.url] = sha256
                self._running.pop(key, None)
            self._learned(file, sha256)
            transfer._tell(sha256=sha256, path=path)
        except BaseException as error:
            if incoming:
                incoming.discard()
            if not isinstance(error, IndexTrouble):
                error = IndexTrouble(
                    "trouble", f"{shown(file.url)}: {type(error).__name__} {error}"
                )
            elif error.kind == "absent":
                error = IndexTrouble("trouble", f"{error.message}, though the index lists it")
            transfer._tell(error=error, ended=time.monotonic())

    def _receive(
        self,
        transfer: Transfer,
        incoming: Incoming,
        client: Client,
        count: Callable[[int], None],
    ) -> None:
        """Read it to its end, continuing where a connection was dropped; check what came."""
        file = transfer.file

        def attempt() -> None:
            self._attempt(transfer, incoming, client, count)

        client.insist(file.url, attempt)
        digests = incoming.digests()
        wanted = {"sha256": file.sha256} if file.sha256 else file.hashes
        for name, digest in wanted.items():
            if digests.get(name, digest) != digest:
                raise IndexTrouble(
                    "hash",
                    f"{shown(file.url)} is not what its index says: {name} {digests[name]}"
                    f" instead of {digest}",
                )

    @staticmethod
    def _attempt(
        transfer: Transfer, incoming: Incoming, client: Client, count: Callable[[int], None]
    ) -> None:
        start = incoming.size
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with client.open(transfer.file.url, headers=headers) as response:
            if response.status_code == 416 and start and start == transfer.size:
                return
            check(response)
            skip = 0 if _continues(response.headers.get("Content-Range", ""), start) else start
            length = response.headers.get("Content-Length", "")
            if length.isdigit():
                size = int(length) + start - skip
                if transfer.size not in (None, size):
                    raise IndexTrouble(
                        "hash",
                        f"{shown(transfer.file.url)} has {size:,} bytes and not {transfer.size:,}"
                        " as was said before",
                    )
                transfer._tell(size=size)
            for piece in pieces(response, client.patience):
                count(len(piece))
                if skip:
                    skip, piece = max(0, skip - len(piece)), piece[skip:]
                incoming.write(piece)
                with transfer._changed:
                    transfer._have = incoming.size
                    transfer._changed.notify_all()
        if transfer.size is not None and incoming.size < transfer.size:
            raise Again("the connection was dropped")


def _continues(content_range: str, start: int) -> bool:
    """Whether an answer begins at ``start``; one without Content-Range begins at 0."""
    return content_range.startswith(f"bytes {start}-") if start else True
