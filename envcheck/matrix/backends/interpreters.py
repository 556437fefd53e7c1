"""Cells in the interpreters of this machine: a directory and a virtual environment each.

Nothing is isolated. Code of a package runs as the user who runs envcheck and can do what that user
can: read the home directory, use the network, change the installer's cache. What is done is order,
not safety: an environment of variables made anew (none of the user's ``PIP_*``, ``PYTHON*``,
``VIRTUAL_ENV``, proxies or credentials), a home and a temporary directory of the cell's own, and
every process ended that a step leaves behind. No limit is put on memory: ``RLIMIT_AS`` counts
address space, of which torch reserves many times what it uses.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from typing import TYPE_CHECKING

from envcheck.errors import TargetError
from envcheck.matrix import claims
from envcheck.matrix.backends import leftovers
from envcheck.matrix.backends.host_room import InterpreterRoom, forget_link, remove
from envcheck.targets import inventory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.matrix.backends.base import Surroundings
    from envcheck.model.matrix import Cell
    from envcheck.targets.inventory import Found, Inventory

WARNING = "nothing is isolated: code of the packages runs as this user, on this machine"

#: The axis ``os`` -> C library or platform of the interpreters that serve it.
SYSTEMS = {"slim": "glibc", "alpine": "musl", "macos": "darwin", "windows": "win32"}
COMPILER = "-cc"  # ends the name of an ``os`` that has a C compiler


class InterpretersBackend:
    """Hosts cells in virtual environments of the interpreters found here."""

    name = "interpreters"
    isolated = False

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._lock = threading.Lock()
        self._inventory: Inventory | None = None
        self._claim: claims.Claim | None = None
        self._number = 0

    def inventory(self) -> Inventory:
        """The interpreters of this machine, looked for once."""
        with self._lock:
            if self._inventory is None:
                self._inventory = inventory.take()
            return self._inventory

    def recorded(self, cell: Cell) -> None:
        """Cells are really run here."""

    def available(self, cell: Cell) -> str:
        """Why no interpreter here can host ``cell``, empty if one can."""
        one = self.choose(cell)
        return one if isinstance(one, str) else ""

    def choose(self, cell: Cell) -> Found | str:
        """The interpreter of ``cell``: the best of those that serve it; or why there is none."""
        system = cell.os.removesuffix(COMPILER)
        if system not in SYSTEMS:
            return f"no interpreter of this machine is `{system}`; use the docker backend"
        if system != cell.os and not _compiler():
            return f"`{cell.os}` has a C compiler, and there is none on PATH; install one"
        named = self.inventory().serving(cell.python)
        if not named:
            return f"this machine has no Python {cell.python}{_others(self.inventory())}"
        wanted = SYSTEMS[system]
        named = [one for one in named if wanted in (one.libc, one.platform)]
        if not named:
            kind = {"darwin": "Python for macOS", "win32": "Python for Windows"}
            what = kind.get(wanted, f"{wanted} Python")
            return f"this machine has no {what} {cell.python}; use the docker backend"
        processor = inventory.architecture(cell.axes.get("architecture", named[0].architecture))
        fitting = [one for one in named if one.architecture == processor]
        if not fitting:
            return f"this machine has no Python {cell.python} for {processor}"
        usable = [one for one in fitting if one.has_venv]
        if not usable and fitting[0].version.startswith("2."):
            return f"{fitting[0].executable} is Python 2, which has no environments"
        if not usable:
            return f"{fitting[0].executable} has no module venv (Debian: install python3-venv)"
        if cell.installer == "pip" and not any(one.has_pip for one in usable):
            return f"{usable[0].executable} has no pip; use the installer uv"
        return next((one for one in usable if one.has_pip or cell.installer != "pip"), usable[0])

    def prepare(self, cells: Sequence[Cell]) -> Mapping[str, str]:
        """Say which interpreter stands for which Python, and that nothing is isolated."""
        say = self.surroundings.say
        say(WARNING)
        said = set()
        for cell in cells:
            one = self.choose(cell)
            if not isinstance(one, str) and (cell.python, one.executable) not in said:
                said.add((cell.python, one.executable))
                say(f"{cell.python}: {one.executable}, {one.name}, {self._why(cell, one)}")
        return {}

    def _why(self, cell: Cell, one: Found) -> str:
        others = len(self.inventory().serving(cell.python)) - 1
        where = one.source if one.source == "runs envcheck" else f"found by {one.source}"
        return f"{where}; the best of {others + 1}" if others else where

    def open(self, cell: Cell) -> InterpreterRoom:
        """A room in a new directory. Raises TargetError."""
        one = self.choose(cell)
        if isinstance(one, str):
            raise TargetError(one)
        try:
            folder = self._folder(cell)
            uv = self.surroundings.uv(one.platform, one.architecture)
            room = InterpreterRoom(self.surroundings, cell, one, folder, uv)
        except OSError as error:
            raise TargetError(f"cannot make a place for {cell.id}: {error}") from error
        if not cell.os.endswith(COMPILER) and _compiler():
            room.notes.append(f"this machine has a C compiler: `{cell.os}` images have none")
        return room

    def _folder(self, cell: Cell) -> str:
        with self._lock:
            if self._claim is None:
                self._claim = claims.Claim(_claims(self.surroundings.cache), self.surroundings.run)
            self._number += 1
            name = f"{self._number}-{re.sub(r'[^A-Za-z0-9._+-]', '_', cell.id)[:40]}"
        folder = os.path.join(_rooms(self.surroundings.cache), self._claim.name, name)
        os.makedirs(folder, mode=0o700)
        return folder

    def reclaim(self) -> list[str]:
        """Remove rooms of runs that are dead, and end what still runs in them."""
        rooms, held = _rooms(self.surroundings.cache), _claims(self.surroundings.cache)
        removed = []
        with claims.of_the_dead(held) as dead:
            for name in sorted(os.listdir(rooms)) if os.path.isdir(rooms) else ():
                if name not in dead and claims.alive(held, name):
                    continue
                folder = os.path.join(rooms, name)
                ended = leftovers.end(folder + os.sep)
                made = os.listdir(folder) if os.path.isdir(folder) else []
                for room in made:
                    forget_link(os.path.join(folder, room, "tmp"))
                remove(folder)
                removed.append(f"{folder}: {len(made)} environments, {ended} processes")
        return removed

    def close(self) -> None:
        """Remove the run's directory."""
        if self._claim is not None:
            remove(os.path.join(_rooms(self.surroundings.cache), self._claim.name))
            self._claim.release()
            self._claim = None


def backend(surroundings: Surroundings) -> InterpretersBackend:
    """Backend of the interpreters found here."""
    return InterpretersBackend(surroundings)


def _others(found: Inventory) -> str:
    words = list(dict.fromkeys(one.word for one in found.found))
    return f"; it has {', '.join(words)}" if words else ""


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def _rooms(cache: str) -> str:
    return os.path.join(cache, "rooms")


def _claims(cache: str) -> str:
    """Of this backend: what is dead is forgotten when its rooms are removed."""
    return os.path.join(cache, "interpreters")
