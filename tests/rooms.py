"""Rooms for tests of what runs in them: a directory of this machine, a container."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING
from uuid import uuid4

from envcheck import process
from envcheck.matrix.backends.base import Paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PACKAGE = 10002


class LocalRoom:
    """A directory of this machine."""

    image = image_id = ""
    isolated = False

    def __init__(self, folder: Path, base: str) -> None:
        self.folder = folder
        for name in ("scratch", "inputs"):
            (folder / name).mkdir()
        self.paths = Paths(
            base, str(folder / "env"), str(folder / "scratch"), str(folder / "inputs"), "", ""
        )
        self.ran: list[list[str]] = []

    def run(
        self,
        words: Sequence[str],
        *,
        who: str,
        timeout: float,
        env: Mapping[str, str] | None = None,
    ) -> process.Completed:
        self.ran.append(list(words))
        clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        return process.run(words, timeout=timeout, env={**clean, **(env or {})})

    def put(self, name: str, data: bytes) -> str:
        file = self.folder / "inputs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return str(file)

    def out_of_memory(self) -> bool:
        return False


class ContainerRoom:
    """A container as the matrix makes them: no network, no capability, limits, another user."""

    isolated = True

    def __init__(self, image: str, *, memory: str = "256m", processes: int = 100) -> None:
        self.image = self.image_id = image
        self.name = f"envcheck-test-{uuid4().hex[:12]}"
        self.paths = Paths("python3", "/cell/env", "/cell/scratch", "/inputs", "", "")
        limits = ["--memory", memory, "--memory-swap", memory, "--pids-limit", str(processes)]
        self._docker(
            "run", "-d", "--rm", "--name", self.name, "--network", "none", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges", "--read-only", *limits,
            "--tmpfs", "/cell:exec,mode=1777", "--tmpfs", "/tmp:exec,mode=1777",
            "--tmpfs", "/inputs:exec,mode=1777", image, "sleep", "600",
        )  # fmt: skip
        self._put: dict[str, bytes] = {}
        self._exec(["mkdir", "-p", "/cell/scratch"])

    def __enter__(self) -> ContainerRoom:
        return self

    def __exit__(self, *_: object) -> None:
        self._docker("kill", self.name)

    def _docker(self, *words: str, data: bytes = b"") -> bytes:
        return subprocess.run(
            ["docker", *words], input=data, capture_output=True, timeout=60, check=True
        ).stdout

    def _exec(self, words: Sequence[str]) -> bytes:
        return self._docker("exec", "-u", str(PACKAGE), self.name, *words)

    def run(
        self,
        words: Sequence[str],
        *,
        who: str,
        timeout: float,
        env: Mapping[str, str] | None = None,
    ) -> process.Completed:
        user = {"package": PACKAGE, "installer": 10001}[who]
        variables = [
            word for name, value in (env or {}).items() for word in ("-e", f"{name}={value}")
        ]
        return process.run(
            ["docker", "exec", "-u", str(user), *variables, self.name, *words], timeout=timeout
        )

    def put(self, name: str, data: bytes) -> str:
        if self._put.get(name) == data:
            return f"/inputs/{name}"
        self._put[name] = data
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
        self._docker(
            "exec", "-i", "-u", "10001", self.name, "tar", "-x", "-C", "/inputs",
            data=buffer.getvalue(),
        )  # fmt: skip
        return f"/inputs/{name}"

    def out_of_memory(self) -> bool:
        events = self._docker(
            "exec", self.name, "sh", "-c", "cat /sys/fs/cgroup/memory/memory.oom_control"
        )
        kills = int(dict(line.split() for line in events.decode().splitlines())["oom_kill"])
        before, self._kills = getattr(self, "_kills", 0), kills
        return kills > before

    def processes(self) -> list[str]:
        """Command lines of what is running, but for the one that waits."""
        listed = self._docker("top", self.name, "-eo", "pid,args").decode().splitlines()[1:]
        commands = [line.split(None, 1)[1] for line in listed]
        return [words for words in commands if words != "sleep 600"]
