"""A cell's room in a container: commands by two users, inputs from here, one way to the index."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from envcheck.errors import TargetError
from envcheck.matrix.backends import docker_container as container
from envcheck.matrix.backends import docker_exec
from envcheck.matrix.backends.base import Paths
from envcheck.matrix.backends.docker_container import (
    DOOR,
    INPUTS,
    INSTALLER,
    PACKAGE,
    SCRATCH,
    SOCKET,
    STORE,
    Container,
    Make,
)
from envcheck.matrix.backends.docker_store import write
from envcheck.matrix.execution import island
from envcheck.process import Completed, signals
from envcheck.targets import engine, remote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envcheck.index.gateway import Door, Gateway
    from envcheck.matrix.backends.base import Who
    from envcheck.matrix.backends.docker_engine import Engine
    from envcheck.model.facts import FactSheet
    from envcheck.model.matrix import Cell
    from envcheck.targets.base import AgentRequest

_LONGEST = 95  # bytes of a directory in which a socket may lie: its path may have 107
_SETTLE = 0.5  # seconds for processes that were killed to be gone
#: How an exec ends that the engine could not start: there is no room for one more process, say.
_NOT_STARTED = b"OCI runtime exec failed"


class Image(NamedTuple):
    """The image of a cell, and the interpreter in it."""

    reference: str  # of the base
    id: str  # of what was built of it
    env: tuple[str, ...]
    platform: str | None
    python: str
    executable: str
    machine: str


class Place(NamedTuple):
    """Where a room is. ``name``: as ``5f3a9c1e-12``; ``folder``: the host's directory."""

    name: str
    folder: str
    volume: str
    labels: Mapping[str, str]
    uv: str
    env: Mapping[str, str]  # of the package's processes


class DockerRoom:
    """A container, replaced by another one when something in it does not end."""

    isolated = True

    def __init__(
        self,
        engine_: Engine,
        cell: Cell,
        image: Image,
        place: Place,
        gateway: Gateway,
        on_close: Callable[[DockerRoom, bool], None],
    ) -> None:
        self.engine = engine_
        self.cell = cell
        self.image = image.reference
        self.image_id = image.id
        self.name = place.name
        self.door: Door | None = None  # also when it is closed: it has counted
        self._gateway = gateway
        self._place = place
        self._made_of = image
        self._on_close = on_close
        self._closed = False
        self._closing = threading.Lock()
        self._folder_fd = -1
        self._index_open = False
        self._number = 0
        self._known_killed = 0
        self._killed = False  # in a container that was replaced
        self._mark = secrets.token_hex(8)
        self._home = f"{STORE}/cells/{place.name}"
        self.paths = Paths(
            base=image.executable,
            environment=f"{self._home}/env",
            scratch=SCRATCH,
            inputs=INPUTS,
            uv=f"{INPUTS}/uv",
            uv_cache=f"{STORE}/uv",
            bytecode=container.bytecode(image.id),
        )
        self._furnish()
        self._container = self._start()

    @property
    def notes(self) -> list[str]:
        """Limits that this engine does not apply."""
        return self._container.notes

    def _furnish(self) -> None:
        """Make the host's directory. Nobody else of this machine gets into the one above it."""
        try:
            os.makedirs(os.path.dirname(self._place.folder), mode=0o700, exist_ok=True)
            os.mkdir(self._place.folder)
            os.chmod(self._place.folder, 0o755)  # noqa: S103 - nobody gets there
            self.put(container.MARK, self._mark.encode())
            self.put(DOOR, island("door").encode())
            if self._place.uv:
                _link(self._place.uv, os.path.join(self._place.folder, "uv"))
        except OSError as error:
            raise TargetError(f"cannot write {self._place.folder}: {error.strerror}") from error

    def _start(self) -> Container:
        self._number += 1
        image = self._made_of
        return Container(
            self.engine,
            Make(
                image=image.id,
                image_env=image.env,
                platform=image.platform,
                name=f"envcheck-{self.name}-{self._number}",
                labels=self._place.labels,
                volume=self._place.volume,
                folder=self._place.folder,
                place=self._home,
                mark=self._mark,
                limits=self.cell.limits,
            ),
        )

    def ready(self) -> Mapping[str, object]:
        """What the container's first process says of it. Raises TargetError."""
        return self._container.ready()

    def run(
        self,
        words: Sequence[str],
        *,
        who: Who,
        timeout: float,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a command to its end or deadline; what it started is gone afterwards."""
        self._container.ready()
        user, own = self._user(who)
        what = docker_exec.Exec(words, user, "/", {**own, **(env or {})}, timeout)
        started = time.monotonic()
        try:
            done = docker_exec.run(self.engine.api, self._container.id, what)
            if done is not None and done.stdout.startswith(_NOT_STARTED):
                self.renew()
                done = docker_exec.run(self.engine.api, self._container.id, what)
            if done is not None:
                self._clear()
                return done
        except TargetError:
            if not self._container.ended_for_memory():
                raise
            self.renew()
            self._killed = True
            return Completed("signal", signals.SIGKILL, b"", b"", time.monotonic() - started)
        self.renew()
        return Completed("timeout", 0, b"", b"", time.monotonic() - started)

    def _user(self, who: Who) -> tuple[str, dict[str, str]]:
        if who == "package":
            env = {"HOME": SCRATCH, "TMPDIR": "/tmp", "USER": "package", "LOGNAME": "package"}
            return f"{PACKAGE}:{PACKAGE}", {**env, **self._place.env}
        own = f"{self._home}/tmp"  # not scratch: a wheel may be too large for it
        env = {"HOME": own, "TMPDIR": own, "USER": "installer", "LOGNAME": "installer"}
        return f"{INSTALLER}:{INSTALLER}", env

    def _clear(self) -> None:
        """See that only the first process is left."""
        end = time.monotonic() + _SETTLE
        while self._container.processes() > 1:
            if time.monotonic() > end:
                self.renew()
                return
            time.sleep(0.01)

    def put(self, name: str, data: bytes) -> str:
        """Make a file of ``inputs``; returns its path inside."""
        path = os.path.normpath(os.path.join(self._place.folder, name))
        if not path.startswith(self._place.folder + os.sep):
            raise ValueError(f"{name!r} is outside of the inputs")
        try:
            write(path, data, mode=0o644)
        except OSError as error:
            raise TargetError(f"cannot write {path}: {error.strerror}") from error
        return f"{INPUTS}/{os.path.relpath(path, self._place.folder)}"

    def open_index(self) -> str:
        """Listen in the host's directory; the first process leads there from the URL returned.

        What is open stays open: one door counts all that comes through it.
        """
        from envcheck.index import gateway

        self._container.listening()
        if self._index_open:
            return gateway.BASE
        folder = self._place.folder
        if len(os.fsencode(folder)) > _LONGEST:
            self._folder_fd = os.open(folder, os.O_RDONLY)
            folder = f"/proc/self/fd/{self._folder_fd}"
        path = os.path.join(folder, SOCKET)
        self.door = self._gateway.open(self.cell.index, unix=path)
        self._index_open = True
        os.chmod(path, 0o666)  # noqa: S103 - the directory above is closed to others here
        self._prove()
        return gateway.BASE

    def _prove(self) -> None:
        """An engine in a virtual machine may share directories, and not what listens in them."""
        if self.engine.reaches_sockets or self._container.is_here():
            return
        code = f"import socket; socket.socket(socket.AF_UNIX).connect('{INPUTS}/{SOCKET}')"
        done = self.run([self.paths.base, "-I", "-S", "-c", code], who="installer", timeout=30)
        if done.status != "ok":
            self.close_index()
            raise TargetError(
                "the Docker engine shares directories of this machine, but no sockets in them",
                hint="use an engine that runs on this machine itself, or the backend interpreters",
            )
        self.engine.reaches_sockets = True

    def close_index(self) -> None:
        """From now on the room has no network at all."""
        self._index_open = False
        if self.door is not None:
            self.door.close()
        if self._folder_fd >= 0:
            os.close(self._folder_fd)
            self._folder_fd = -1
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._place.folder, SOCKET))

    def renew(self) -> None:
        """A new container with the same environment and inputs; scratch is empty."""
        self._killed = self.out_of_memory()
        self._known_killed = 0
        self._container.remove()
        self._container = self._start()

    def out_of_memory(self) -> bool:
        """Whether the memory limit has ended a process since this was last asked."""
        killed, self._killed = self._killed, False
        now = self._container.killed()
        before, self._known_killed = self._known_killed, now
        return killed or now > before

    def target(self) -> CellTarget:
        """The environment, examined by the same agent as any other, as the package's user."""
        return CellTarget(self)

    def close(self) -> None:
        """Remove container, environment and directory."""
        with self._closing, engine.uninterrupted():  # whoever is second waits for the first
            if self._closed:
                return
            self._closed = True
            with suppress(Exception):
                self.close_index()
            cleared = self._container.end()
            cleared = self._container.remove() and cleared
            shutil.rmtree(self._place.folder, ignore_errors=True)
            self._on_close(self, cleared)

    @property
    def container_id(self) -> str:
        """Id of the container that there is now."""
        return self._container.id


class CellTarget:
    """A cell as a target of the doctor. Its interpreter is known, so nothing is looked for."""

    def __init__(self, room: DockerRoom) -> None:
        self.room = room

    def start(self, request: AgentRequest) -> CellTarget:
        """Nothing is started yet: the agent would compete with whatever the caller does."""
        self.request = request
        self._agent = remote.payload(request)
        return self

    def finish(self) -> FactSheet:
        """The sheet. Raises TargetError, AgentError."""
        room = self.room
        target = {
            "kind": "container",
            "name": room.name,
            "chosen_by": f"the matrix's cell {room.cell.id}",
            "id": room.container_id,
            "image": room.image,
        }
        name = f"{room.paths.python} in {room.name}"
        return remote.examine_elsewhere(
            self._attempt, target, lambda first: remote.failure(name, first)
        )

    def _attempt(self, flags: tuple[str, ...]) -> Completed:
        """As the package's user; with a deadline from outside, for what is examined may stop the
        agent's own.
        """
        words = [self.room.paths.python, *remote.words(self.request, flags, self._agent)]
        seconds = self.request.timeout + 2 * remote.SLACK
        return self.room.run(words, who="package", timeout=seconds)


def _link(program: str, path: str) -> None:
    try:
        os.link(program, path)
    except OSError:  # on another file system
        shutil.copyfile(program, path)
    if os.stat(path).st_mode & 0o555 != 0o555:
        os.chmod(path, 0o755)  # noqa: S103 - a program
