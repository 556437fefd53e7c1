"""Which runs still live: what a run makes on this machine is *claimed*, and the claim is a lock.

A claim is a file below ``<cache>/claims`` that its process holds locked (``flock``) until it ends,
however it ends. So nobody need ask whether a process id is the same process, or what the clock
says: a claim that can be locked by somebody else belongs to a run that is dead. Ids of runs are
unique in one store only; names of claims are unique in a cache, and a random part makes them unique
among caches that use one engine.
"""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator


class Claim:
    """Held until ``release`` or the end of the process. ``name``: as ``accelerate-7.5f3a9c1e``."""

    def __init__(self, cache: str, run: str) -> None:
        folder = _folder(cache)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        while True:
            self.name = f"{run}.{secrets.token_hex(4)}"
            self._path = os.path.join(folder, self.name)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            if _lock(self._fd) and _is(self._path, self._fd):
                return
            os.close(self._fd)  # somebody took it for a dead run's between the two lines

    def release(self) -> None:
        """Everything that was made under it is gone. May be called twice."""
        if self._fd >= 0:
            _remove(self._path)
            os.close(self._fd)
            self._fd = -1


def alive(cache: str, name: str) -> bool:
    """Whether the run with this claim lives, here; one that is not known here is not."""
    try:
        fd = os.open(os.path.join(_folder(cache), name), os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(fd)
    finally:
        os.close(fd)


@contextmanager
def of_the_dead(cache: str) -> Iterator[list[str]]:
    """Names of claims of runs that are dead, held meanwhile: no other process gets the same ones.
    Afterwards they are forgotten, unless the block raises.
    """
    folder = _folder(cache)
    held: dict[str, int] = {}
    try:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            try:
                fd = os.open(os.path.join(folder, name), os.O_RDWR)
            except OSError:
                continue
            if _lock(fd) and _is(os.path.join(folder, name), fd):
                held[name] = fd
            else:
                os.close(fd)
        yield list(held)
        for name in held:
            _remove(os.path.join(folder, name))
    finally:
        for fd in held.values():
            os.close(fd)


def _folder(cache: str) -> str:
    return os.path.join(cache, "claims")


def _is(path: str, fd: int) -> bool:
    """Whether the open file is still the one with this name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except OSError:
        return False


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # Windows: while it is open; it is found dead and removed later
        pass


def _lock(fd: int) -> bool:
    """Lock the file, without waiting. False if another process (or claim) holds it."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
