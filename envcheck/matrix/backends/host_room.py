"""A cell's room on this machine: a directory with its environment, its inputs and scratch space."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

from envcheck import process
from envcheck.config import variable
from envcheck.errors import TargetError
from envcheck.matrix.backends import leftovers
from envcheck.matrix.backends.base import Paths
from envcheck.targets.interpreter import Interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.index.gateway import Door
    from envcheck.matrix.backends.base import Surroundings, Who
    from envcheck.model.matrix import Cell
    from envcheck.process import Completed
    from envcheck.targets.base import Target
    from envcheck.targets.inventory import Found

#: Variables that go on as they are; nothing else of the user's environment does.
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM")
KEPT_ON_WINDOWS = ("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "WINDIR", "PROGRAMFILES")
_FOLDERS = {
    "HOME": "",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
}
_LONGEST = 70  # characters of a temporary directory in which sockets can be made: they have 107
_OUTSIDE = "envcheck-"  # begins the name of one that is not in the room


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
        self._make_scratch()
        self._killed = killed_for_memory()
        self.notes: list[str] = []

    def run(
        self,
        words: Sequence[str],
        *,
        who: Who,  # one user does it all, with different homes
        timeout: float,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a command to its end or deadline; what it started is gone afterwards."""
        done = process.run(
            words, timeout=timeout, env={**self._env[who], **self._proxy, **(env or {})}
        )
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

        if self.door is None or not self._proxy:
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
        self._make_scratch()

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
            env=self._env["package"],
        )

    def close(self) -> None:
        """Remove it all."""
        self.close_index()
        leftovers.end(self.folder)
        self._forget_scratch()
        remove(self.folder)

    def _make_scratch(self) -> None:
        """Homes and temporary directories: the package's in the scratch space, the installer's
        apart, where no package is expected to leave it a configuration.
        """
        self._temporary = os.path.join(self.folder, "tmp")
        if len(self._temporary) > _LONGEST and os.name == "posix":
            outside = tempfile.mkdtemp(prefix=_OUTSIDE)
            os.symlink(outside, self._temporary)
            self._temporary = outside
        self._env: dict[Who, dict[str, str]] = {
            "package": self._variables(self.paths.scratch, self._temporary),
            "installer": self._variables(
                os.path.join(self.folder, "own"), os.path.join(self.folder, "own", "tmp")
            ),
        }

    def _variables(self, home: str, temporary: str) -> dict[str, str]:
        folders = {
            name: os.path.normpath(os.path.join(home, place)) for name, place in _FOLDERS.items()
        }
        for folder in (*folders.values(), temporary):
            os.makedirs(folder, exist_ok=True)
        windows = _on_windows(home, temporary) if sys.platform == "win32" else {}
        return {
            **{name: variable(name) for name in KEPT if variable(name)},
            **windows,
            **folders,
            "TMPDIR": temporary,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            **self._surroundings.environment,
            leftovers.MARK: self.folder,
        }

    def _forget_scratch(self) -> None:
        remove(self.paths.scratch)
        forget_link(os.path.join(self.folder, "tmp"))
        remove(os.path.join(self.folder, "tmp"))


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


def _on_windows(home: str, temporary: str) -> dict[str, str]:
    kept = {name: variable(name) for name in KEPT_ON_WINDOWS if variable(name)}
    places = {"TEMP": temporary, "TMP": temporary, "USERPROFILE": home}
    return {**kept, **places, "APPDATA": home, "LOCALAPPDATA": home}


def remove(folder: str) -> None:
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


def forget_link(link: str) -> None:
    """Remove a temporary directory outside of the room, which its link names; and the link."""
    if not os.path.islink(link):
        return
    there = os.readlink(link)
    if os.path.basename(there).startswith(_OUTSIDE) and os.path.isdir(there):
        remove(there)
    os.unlink(link)
