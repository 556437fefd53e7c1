"""Files of distributions on this machine, by their SHA-256. Shared by processes; never half a file.

A file is written beside, hashed while it comes, and renamed when it is what it should be. Before a
process gives one out for the first time it reads it once more: a file that was damaged or exchanged
meanwhile is removed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING

from envcheck.errors import IndexTrouble

if TYPE_CHECKING:
    from io import FileIO

try:
    import fcntl
except ImportError:  # Windows: what is left over is known by its age alone
    fcntl = None  # type: ignore[assignment]

RESERVE = 512 << 20  # bytes that stay free on the disk
_PIECE = 1 << 20
_YOUNG, _OLD = 60.0, 86_400.0  # seconds


class WheelStore:
    """Files below ``folder``, as ``ab/abcd…``."""

    def __init__(self, folder: str, *, reserve: int = RESERVE) -> None:
        self.folder = folder
        self._reserve = reserve
        self._incoming = os.path.join(folder, "incoming")
        self._verified: dict[str, tuple[int, ...]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        try:
            os.makedirs(self._incoming, mode=0o700, exist_ok=True)
        except OSError as error:
            raise _disk(error, folder) from error
        self._remove_leftovers()

    def path(self, sha256: str) -> str:
        """Where the file of this hash is, or would be."""
        return os.path.join(self.folder, sha256[:2], sha256)

    def get(self, sha256: str) -> str:
        """Path of the file, its content verified; empty if there is none (or no good one)."""
        path = self.path(sha256)
        state: tuple[int, ...] = ()
        with self._lock:
            lock = self._locks.setdefault(sha256, threading.Lock())
        with lock:
            try:
                with open(path, "rb", buffering=0) as file:
                    state = _state(os.fstat(file.fileno()))
                    if self._verified.get(sha256) == state:
                        return path
                    digest = hash_of(file)
            except FileNotFoundError:
                return ""
            except OSError:
                digest = ""
            if digest != sha256:
                remove(path)
                return ""
            self._verified[sha256] = state
            return path

    def create(self, size: int | None) -> Incoming:
        """A new file to be written. Raises IndexTrouble(disk) if ``size`` bytes have no room."""
        free = _free(self._incoming)
        if free is not None and (size or 0) > free - self._reserve:
            raise IndexTrouble(
                "disk",
                f"no room for {size or 0:,} bytes in {self.folder}: {free:,} are free,"
                f" of which {self._reserve:,} stay free",
                hint="make room there, or set ENVCHECK_CACHE_DIR to a place with more",
            )
        return Incoming(self, os.path.join(self._incoming, f"{uuid.uuid4().hex}.part"))

    def adopt(self, incoming: str, sha256: str, state: tuple[int, ...]) -> str:
        """Take a complete file in. Only ``Incoming`` calls it."""
        path = self.path(sha256)
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            os.replace(incoming, path)
        except OSError as error:
            raise _disk(error, self.folder) from error
        self._verified[sha256] = state
        return path

    def _remove_leftovers(self) -> None:
        """What processes that were killed have left: nobody holds its lock."""
        for entry in os.scandir(self._incoming):
            try:
                age = time.time() - entry.stat().st_mtime
                if 0 <= age < _YOUNG or (fcntl is None and 0 <= age < _OLD):
                    continue
                with open(entry.path, "rb") as file:
                    if fcntl is not None:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(entry.path)
            except OSError:
                continue


class Incoming:
    """A file that comes in. ``write`` pieces, then ``keep`` or ``discard`` it."""

    def __init__(self, store: WheelStore, path: str) -> None:
        self.path = path
        self.size = 0
        self._store = store
        self._hashes = {"sha256": hashlib.sha256()}
        self._file: FileIO | None = None
        try:
            self._file = open(path, "xb", buffering=0)  # noqa: SIM115 - closed by keep or discard
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.discard()
            raise _disk(error, store.folder) from error

    def expect(self, algorithms: list[str]) -> None:
        """Hash with these too. Before anything is written."""
        for name in algorithms:
            if name in hashlib.algorithms_guaranteed and not name.startswith("shake"):
                self._hashes[name] = hashlib.new(name, usedforsecurity=False)

    def write(self, piece: bytes) -> None:
        """Append. Raises IndexTrouble(disk)."""
        assert self._file is not None
        view = memoryview(piece)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _disk(error, self._store.folder) from error
        self.size += len(piece)
        for digest in self._hashes.values():
            digest.update(piece)

    def digests(self) -> dict[str, str]:
        """Of what was written so far."""
        return {name: digest.hexdigest() for name, digest in self._hashes.items()}

    def keep(self) -> tuple[str, str]:
        """(SHA-256, path) of the file, which is now in the store."""
        assert self._file is not None
        sha256 = self._hashes["sha256"].hexdigest()
        state = _state(os.fstat(self._file.fileno()))
        if os.name == "nt":  # an open file cannot be renamed there
            self._close()
        path = self._store.adopt(self.path, sha256, state)
        self._close()
        return sha256, path

    def discard(self) -> None:
        """It is not wanted."""
        self._close()
        remove(self.path)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def hash_of(file: FileIO) -> str:
    """SHA-256 of an open file from where it stands."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_PIECE))
    while count := file.readinto(buffer):
        digest.update(buffer[:count])
    return digest.hexdigest()


def remove(path: str) -> None:
    """Remove a file if it is there and can be removed."""
    try:
        os.unlink(path)
    except OSError:
        pass


def _state(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _free(folder: str) -> int | None:
    import shutil

    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _disk(error: OSError, folder: str) -> IndexTrouble:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        message = f"the disk of {folder} is full"
    else:
        message = f"{folder}: {error.strerror or error}"
    hint = "make room there, or set ENVCHECK_CACHE_DIR to a place with more"
    return IndexTrouble("disk", message, hint=hint)
