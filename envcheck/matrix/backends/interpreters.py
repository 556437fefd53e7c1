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
import sys
import tempfile
import threading
from typing import TYPE_CHECKING

from envcheck import process
from envcheck.config import variable
from envcheck.errors import TargetError
from envcheck.matrix import claims
from envcheck.matrix.backends import leftovers
from envcheck.matrix.backends.base import Paths
from envcheck.targets import inventory
from envcheck.targets.interpreter import Interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.index.gateway import Door
    from envcheck.matrix.backends.base import Surroundings, Who
    from envcheck.model.matrix import Cell
    from envcheck.process import Completed
    from envcheck.targets.base import Target
    from envcheck.targets.inventory import Found, Inventory

WARNING = "nothing is isolated: code of the packages runs as this user, on this machine"

#: The axis ``os`` -> C library or platform of the interpreters that serve it.
SYSTEMS = {"slim": "glibc", "alpine": "musl", "macos": "darwin", "windows": "win32"}
COMPILER = "-cc"  # ends the name of an ``os`` that has a C compiler

#: Variables that go on as they are; nothing else of the user's environment does.
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM")
KEPT_ON_WINDOWS = ("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "WINDIR", "PROGRAMFILES")
_FOLDERS = {
    "HOME": "home",
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_DATA_HOME": "home/.local/share",
    "XDG_STATE_HOME": "home/.local/state",
}
_LONGEST = 70  # characters of a temporary directory in which sockets can be made: they have 107


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
        usable = [one for one in fitting if one.has_venv and one.version >= "3"]
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
            return InterpreterRoom(self.surroundings, cell, one, folder, uv)
        except OSError as error:
            raise TargetError(f"cannot make a place for {cell.id}: {error}") from error

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
                made = os.listdir(folder)
                for room in made:
                    _forget_link(os.path.join(folder, room, "tmp"))
                _remove(folder)
                removed.append(f"{folder}: {len(made)} environments, {ended} processes")
        return removed

    def close(self) -> None:
        """Remove the run's directory."""
        if self._claim is not None:
            _remove(os.path.join(_rooms(self.surroundings.cache), self._claim.name))
            self._claim.release()
            self._claim = None


class HostPaths(Paths):
    """Paths of a room that is a directory of this machine."""

    __slots__ = ()

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        if sys.platform == "win32":
            return os.path.join(self.environment, "Scripts", "python.exe")
        return os.path.join(self.environment, "bin", "python")


class InterpreterRoom:
    """A directory with the cell's environment, its inputs and its scratch space."""

    image = ""
    image_id = ""
    isolated = False

    def __init__(
        self, surroundings: Surroundings, cell: Cell, one: Found, folder: str, uv: str
    ) -> None:
        self.interpreter = one
        self.folder = folder
        self.paths: Paths = HostPaths(
            base=one.executable,
            environment=os.path.join(folder, "env"),
            scratch=os.path.join(folder, "scratch"),
            inputs=os.path.join(folder, "in"),
            uv=uv,
            uv_cache=os.path.join(surroundings.cache, "uv"),
        )
        os.makedirs(self.paths.inputs)
        self._surroundings = surroundings
        self._cell = cell
        self.door: Door | None = None  # also when it is closed: it has counted
        self._proxy: Mapping[str, str] = {}
        self._env = self._scratch()
        self._killed = killed_for_memory()
        self.notes: list[str] = []
        if not cell.os.endswith(COMPILER) and _compiler():
            self.notes.append(f"this machine has a C compiler: `{cell.os}` images have none")

    def run(
        self,
        words: Sequence[str],
        *,
        who: Who,  # noqa: ARG002  # one user does it all
        timeout: float,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a command to its end or deadline; what it started is gone afterwards."""
        done = process.run(words, timeout=timeout, env={**self._env, **self._proxy, **(env or {})})
        leftovers.end(self.folder)
        if done.status == "missing" and not os.path.isdir(self.folder):
            raise TargetError(f"{self.folder} is gone: somebody has removed it")
        return done

    def put(self, name: str, data: bytes) -> str:
        """Make a file of ``inputs``; returns its path."""
        path = os.path.normpath(os.path.join(self.paths.inputs, name))
        if not path.startswith(self.paths.inputs + os.sep):
            raise ValueError(f"{name!r} is outside of the inputs")
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        except OSError as error:
            raise TargetError(f"cannot write {path}: {error.strerror}") from error
        return path

    def open_index(self) -> str:
        """Open the way to the index; returns the gateway's base URL, the same for every cell and
        run, so that the installer's cache knows it. A proxy leads from there to this cell's door.
        """
        from envcheck.index import gateway

        self.close_index()
        self.door = self._surroundings.gateway.open(self._cell.index)
        self._proxy = self.door.environment()
        return gateway.BASE

    def close_index(self) -> None:
        """Close the cell's door. The machine's network stays: nothing is isolated."""
        if self.door is not None:
            self.door.close()
        self._proxy = {}

    def renew(self) -> None:
        """End what still runs, and empty the scratch space, as in a fresh container."""
        leftovers.end(self.folder)
        self._forget_scratch()
        self._env = self._scratch()

    def out_of_memory(self) -> bool:
        """Whether the kernel has ended a process for want of memory since this was last asked: in
        envcheck's control group where it counts that, else on the machine.
        """
        before, self._killed = self._killed, killed_for_memory()
        return None not in (before, self._killed) and self._killed != before

    def target(self) -> Target:
        """The environment, examined with the variables that the package's processes have."""
        return Interpreter(
            self.paths.python,
            chosen_by=f"the matrix's cell {self._cell.id}",
            kind="venv",
            environment=self.paths.environment,
            env=self._env,
        )

    def close(self) -> None:
        """Remove it all."""
        self.close_index()
        leftovers.end(self.folder)
        self._forget_scratch()
        _remove(self.folder)

    def _scratch(self) -> dict[str, str]:
        """Make the scratch space; variables of whatever runs in the room."""
        scratch = self.paths.scratch
        folders = {
            name: os.path.join(scratch, *folder.split("/")) for name, folder in _FOLDERS.items()
        }
        self._temporary = os.path.join(scratch, "tmp")
        for folder in (*folders.values(), self._temporary):
            os.makedirs(folder, exist_ok=True)
        if len(self._temporary) > _LONGEST and os.name == "posix":
            self._temporary = tempfile.mkdtemp(prefix="envcheck-")
            os.symlink(self._temporary, os.path.join(self.folder, "tmp"))
        return {
            **{name: variable(name) for name in KEPT if variable(name)},
            **(self._on_windows(folders["HOME"]) if sys.platform == "win32" else {}),
            **folders,
            "TMPDIR": self._temporary,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            **self._surroundings.environment,
            leftovers.MARK: self.folder,
        }

    def _on_windows(self, home: str) -> dict[str, str]:
        kept = {name: variable(name) for name in KEPT_ON_WINDOWS if variable(name)}
        places = {"TEMP": self._temporary, "TMP": self._temporary, "USERPROFILE": home}
        return {**kept, **places, "APPDATA": home, "LOCALAPPDATA": home}

    def _forget_scratch(self) -> None:
        _remove(self.paths.scratch)
        _forget_link(os.path.join(self.folder, "tmp"))


def backend(surroundings: Surroundings) -> InterpretersBackend:
    """Backend of the interpreters found here."""
    return InterpretersBackend(surroundings)


def killed_for_memory() -> int | None:
    """How many processes the kernel has ended for want of memory, None where it does not tell."""
    for path, word in ((_memory_events(), "oom_kill "), ("/proc/vmstat", "oom_kill ")):
        try:
            with open(path, encoding="ascii") as file:
                for line in file:
                    if line.startswith(word):
                        return int(line.split()[1])
        except (OSError, ValueError):
            continue
    return None


def _memory_events() -> str:
    """The file in which this process's control group (version 2) counts; empty if there is none."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            for line in file:
                if line.startswith("0::"):
                    return f"/sys/fs/cgroup{line[3:].strip().rstrip('/')}/memory.events"
    except OSError:
        pass
    return ""


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


def _remove(folder: str) -> None:
    """Remove a room, a run's rooms or scratch space: also what its code made unwritable."""
    if not os.path.lexists(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        for parent, _, _ in os.walk(folder):
            try:
                os.chmod(parent, 0o700)
            except OSError:
                continue
        shutil.rmtree(folder, ignore_errors=True)


def _forget_link(link: str) -> None:
    """Remove a temporary directory outside of the room, which its link names; and the link."""
    if not os.path.islink(link):
        return
    there = os.readlink(link)
    ours = os.path.basename(there).startswith("envcheck-") and not os.path.islink(there)
    if ours and os.stat(there).st_uid == os.getuid():
        _remove(there)
    os.unlink(link)
