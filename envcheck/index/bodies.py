"""Bodies that are files: one that lies in the store, and one that is still coming."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envcheck.errors import IndexTrouble

if TYPE_CHECKING:
    import socket
    from io import FileIO

    from envcheck.index.meter import Meter
    from envcheck.index.transfers import Transfer

_STEP = 4 << 20  # bytes between two words to the meter
_LOOK = 1.0  # seconds after which it is looked whether the client is still there


class StoredFile:
    """A file as it lies there."""

    def __init__(self, path: str, meter: Meter) -> None:
        self._path = path
        self._meter = meter
        self.size = os.stat(path).st_size

    def send(self, connection: socket.socket, start: int, end: int) -> None:
        """Send a part of it. Raises OSError."""
        with open(self._path, "rb", buffering=0) as file:
            while start < end:
                count = connection.sendfile(file, start, min(_STEP, end - start))
                if not count:
                    raise OSError(f"{self._path} is shorter than it was")
                self._meter.served(count)
                start += count


class ComingFile:
    """A file while it comes."""

    def __init__(self, transfer: Transfer, meter: Meter) -> None:
        self._transfer = transfer
        self._meter = meter
        with meter.waiting():
            self.size = transfer.wait_for_size()

    def send(self, connection: socket.socket, start: int, end: int) -> None:
        """Send a part of it as it comes. Raises OSError, too, if it does not come to its end."""
        try:
            with self._meter.waiting():
                have = self._transfer.wait(start, 0)
            with self._opened() as file:
                while start < end:
                    if have <= start:
                        with self._meter.waiting():
                            have = self._transfer.wait(start, _LOOK)
                        continue
                    count = connection.sendfile(file, start, min(_STEP, have - start, end - start))
                    self._meter.served(count)
                    start += count
        except IndexTrouble as trouble:
            self._meter.fault(trouble)
            raise OSError(trouble.message) from trouble

    def _opened(self) -> FileIO:
        try:
            return open(self._transfer.path, "rb", buffering=0)
        except FileNotFoundError:  # it is complete, and was renamed just now
            return open(self._transfer.wait_for_all(), "rb", buffering=0)
