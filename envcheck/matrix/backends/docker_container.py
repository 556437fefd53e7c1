"""The container of a cell: how it is made, what can be seen of it from outside, how it ends.

It has no network, no capabilities and no way to more of them; its root is read-only. What it may
write is in memory, within the limits, but for the cell's directory on the store, which only the
user who installs may write.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.errors import TargetError
from envcheck.index import gateway
from envcheck.matrix.backends import docker_exec
from envcheck.matrix.execution import island
from envcheck.model.matrix import size
from envcheck.targets import engine

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from envcheck.matrix.backends.docker_engine import Engine
    from envcheck.model.matrix import Limits

INPUTS, STORE, SCRATCH = "/envcheck/in", "/envcheck/store", "/cell"
INSTALLER, PACKAGE = 10001, 10002

SOCKET, DOOR, MARK = "index.sock", "door.py", "mark"

LISTENING = b"listening"
_START = 60.0  # seconds for the first process to say that it is ready
_END = 120.0  # seconds for it to remove the cell's directory
_PATIENCE = 2.0  # seconds for an engine to make a container that nobody waits for any more
#: What an image may set that is not the surroundings but the behaviour of installers.
_DROPPED = ("PIP_", "UV_")
_DROPPED_NAMES = {
    "VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE",
    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
}  # fmt: skip


class Make(NamedTuple):
    """What a container is made of. ``folder``: the host's directory that is its inputs;
    ``place``: the cell's directory on the store, as seen inside.
    """

    image: str
    image_env: tuple[str, ...]
    platform: str | None
    name: str
    labels: Mapping[str, str]
    volume: str
    folder: str
    place: str
    mark: str
    limits: Limits


def options(make: Make, about: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine is told. ``about``: what it says of itself."""
    limits = make.limits
    memory, scratch = size(limits.memory), scratch_size(limits)
    request = {
        "folder": make.place,
        "mark": f"{INPUTS}/{MARK}",
        "door": f"{INPUTS}/{DOOR}",
        "socket": f"{INPUTS}/{SOCKET}",
        "port": gateway.PORT,
    }
    host = {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": limits.processes,
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": int(min(limits.cpus, about.get("NCPU") or limits.cpus) * 10**9),
        "ShmSize": scratch,
        "Tmpfs": {
            "/tmp": f"rw,exec,nosuid,nodev,size={scratch},mode=1777",
            SCRATCH: f"rw,exec,nosuid,nodev,size={scratch},mode=0755,uid={PACKAGE},gid={PACKAGE}",
        },
        "Mounts": [
            {"Type": "bind", "Source": make.folder, "Target": INPUTS, "ReadOnly": True},
            {"Type": "volume", "Source": make.volume, "Target": STORE},
        ],
        "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        "LogConfig": {"Type": "none"},
        "Init": False,
        "IpcMode": "private",
        "RestartPolicy": {"Name": "no"},
    }
    return {
        "Image": make.image,
        "Entrypoint": ["python3"],
        "Cmd": [
            *("-I", "-S", "-X", f"pycache_prefix={bytecode(make.image)}"),
            *("-c", island("first"), json.dumps(request)),
        ],
        "User": f"{INSTALLER}:{INSTALLER}",
        "Env": [f"HOME={SCRATCH}", "TMPDIR=/tmp", *_without(make.image_env)],
        "Labels": dict(make.labels),
        "WorkingDir": "/",
        "Hostname": "cell",
        "Healthcheck": {"Test": ["NONE"]},
        "StopSignal": "SIGTERM",
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": host,
    }


def bytecode(image: str) -> str:
    """Where the installer keeps bytecode of the image's standard library: images have none."""
    return f"{STORE}/bytecode/{image.rpartition(':')[2][:12]}"


def scratch_size(limits: Limits) -> int:
    """Bytes of each of the three places in memory: full, they must leave room for processes."""
    return min(size(limits.scratch), size(limits.memory) // 4)


def _without(env: tuple[str, ...]) -> list[str]:
    """Names of an image's variables that a cell does not get, as the engine is told so."""
    names = [entry.partition("=")[0] for entry in env]
    return [name for name in names if name.startswith(_DROPPED) or name.upper() in _DROPPED_NAMES]


class Container:
    """A container that has been started. ``notes``: limits that this engine does not apply."""

    def __init__(self, engine_: Engine, make: Make) -> None:
        self.engine = engine_
        self.name = make.name
        self.mark = make.mark
        self.id = ""
        self.notes: list[str] = []
        self._about: dict[str, Any] = {}
        self._said: Generator[tuple[int, bytes]] | None = None
        self._answer: Any = None
        self._rest = bytearray()
        self._listens = False
        self._groups: dict[str, str] | None = None
        try:
            self._start(make)
        except BaseException as error:
            self.remove(0.0 if isinstance(error, Exception) else _PATIENCE)
            raise

    def _start(self, make: Make) -> None:
        api = self.engine.api
        try:
            made = api.create_container_from_config(
                options(make, self.engine.info), make.name, make.platform
            )
            self.id = made["Id"]
            self.notes = [*_weaknesses(self.engine.info), *(made.get("Warnings") or ())]
            if scratch_size(make.limits) < size(make.limits.scratch):
                self.notes.append("scratch space is in memory: it has a quarter of its limit")
            how = {"stdout": 1, "stderr": 1, "stream": 1}
            self._answer = api.attach_socket(self.id, how)
            self._said = docker_exec.frames(self._answer, time.monotonic() + _START)
            api.start(self.id)
        except TargetError:
            raise
        except Exception as error:
            raise _did_not_start(make, error) from error

    def ready(self) -> Mapping[str, Any]:
        """What its first process says of it, when that can be relied on. Raises TargetError."""
        while not self._about:
            line = self._line()
            if line != LISTENING:  # what comes before it was lost, and is said again
                self._about = _understood(line, self.mark)
        return self._about

    def listening(self) -> None:
        """Wait until it leads to the index. Raises TargetError."""
        self.ready()
        while not self._listens:
            self._listens = self._line() == LISTENING

    def _line(self) -> bytes:
        """The next line that the first process says."""
        out, err = self._rest, bytearray()
        try:
            for number, data in self._said or ():
                (err if number == 2 else out).extend(data)
                if b"\n" in out:
                    break
        except TimeoutError as error:
            raise TargetError(f"its container said nothing for {_START:.0f} s") from error
        except Exception as error:
            raise engine.refused("hear the cell's container", error) from error
        line, newline, self._rest = out.partition(b"\n")
        if not newline:
            lines = err.decode("utf-8", "replace").strip().splitlines()[-5:]
            raise TargetError("its container ended by itself", context=tuple(lines))
        return bytes(line)

    def processes(self) -> int:
        """How many there are in it. Raises TargetError."""
        path = self._group("pids", "cgroup.procs")
        try:
            if path:
                with open(path, encoding="ascii") as file:
                    return len(file.read().split())
            return len(self.engine.api.top(self.id)["Processes"])
        except Exception as error:
            raise engine.refused("look into the cell's container", error) from error

    def killed(self) -> int:
        """How many processes its memory limit has ended, so far."""
        path = self._group("memory", "memory.oom_control") or self._group("", "memory.events")
        with suppress(OSError, ValueError):
            if path:
                with open(path, encoding="ascii") as file:
                    words = [line.split() for line in file]
                return sum(int(word[1]) for word in words if word[0] == "oom_kill")
        with suppress(Exception):  # elsewhere the engine remembers its last few hundred events
            asked = {"container": self.id, "event": "oom"}
            events = self.engine.api.events(since=1, until=time.time(), filters=asked, decode=True)
            return sum(1 for _event in events)
        return 0

    def ended_for_memory(self) -> bool:
        """Whether it is no more because of its memory limit."""
        with suppress(Exception):
            state = self.engine.api.inspect_container(self.id)["State"]
            return bool(state["OOMKilled"]) and not state["Running"]
        return False

    def is_here(self) -> bool:
        """Whether the engine's processes are processes of this machine."""
        return bool(self._group("memory", "cgroup.procs") or self._group("", "cgroup.procs"))

    def _group(self, controller: str, name: str) -> str:
        """Path of a file of its control group, where this machine is the engine's; else empty."""
        if self._groups is None:
            self._groups = {}
            with suppress(Exception):
                pid = self.engine.api.inspect_container(self.id)["State"]["Pid"]
                self._groups = control_groups(pid, self.id)
        for one in (controller, ""):
            path = os.path.join(self._groups.get(one, ""), name)
            if one in self._groups and os.path.exists(path):
                return path
        return ""

    def end(self) -> bool:
        """Let its first process remove the cell's directory; False where it could not."""
        with suppress(Exception):
            self.ready()  # before that it does not hear a signal
            api = self.engine.api
            api.stop(self.id, timeout=int(_END))
            return bool(api.inspect_container(self.id)["State"]["ExitCode"] == 0)
        return False

    def remove(self, patience: float = 0.0) -> bool:
        """Remove it, killed if need be. False where the engine did not."""
        with suppress(ValueError):  # another thread listens to it
            if self._said is not None:
                self._said.close()
        with suppress(Exception):  # nobody has listened yet, so there is nothing that closes it
            if self._answer is not None:
                self._answer._response.close()
        with engine.uninterrupted(), suppress(Exception):
            engine.remove(self.engine.client, self.name, patience)
            return True
        return False


def control_groups(pid: int, container: str, root: str = "/") -> dict[str, str]:
    """Directories of a container's control groups: controller (empty: version 2) -> path."""
    found = {}
    with open(os.path.join(root, "proc", str(pid), "cgroup"), encoding="ascii") as file:
        for line in file:
            _, controllers, path = line.strip().split(":", 2)
            if container not in path:
                continue  # the engine is on another machine: that is another process
            for name in controllers.split(","):
                folder = os.path.join(root, "sys/fs/cgroup", name, path.lstrip("/"))
                if os.path.isdir(folder):
                    found[name] = folder
    return found


def _weaknesses(info: Mapping[str, Any]) -> list[str]:
    """What the engine does not do, in sentences. What it says itself comes with each container."""
    if any("seccomp" in option for option in info.get("SecurityOptions") or ()):
        return []
    return ["this engine filters no system calls: it has no seccomp"]


def _understood(line: bytes, mark: str) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise TargetError("its container says what nobody understands") from error
    if about["mark"] != mark:
        raise _elsewhere()
    if about["user"] != INSTALLER:
        raise TargetError(f"the engine does not start containers as the user {INSTALLER}")
    if about["store"] != INSTALLER or "error" in about:
        raise TargetError(
            f"{STORE} does not belong to the user {INSTALLER}",
            context=tuple(filter(None, (about.get("error", ""),))),
            hint=f"the Dockerfile must `mkdir {STORE}` and `chown {INSTALLER}` it",
        )
    return about


def _elsewhere() -> TargetError:
    return TargetError(
        "the Docker engine does not see the files of this machine",
        hint="cells need an engine on this machine that shares the cache directory with it"
        " (set ENVCHECK_CACHE_DIR to a directory that it shares)",
    )


def _did_not_start(make: Make, error: Exception) -> TargetError:
    text = str(getattr(error, "explanation", None) or error)
    if "bind source path does not exist" in text:
        return _elsewhere()
    refused = engine.refused("start the cell's container", error)
    if "exec format error" in text:
        refused.hint = f"this engine's processor cannot run an image for {make.platform}"
    elif "executable file not found" in text:
        refused.hint = "there is no python3 on the image's PATH"
    return refused
