"""A Docker engine beside that of this machine, to be ended and killed. Needs root.

It lies in network and mount namespaces of its own, so that it touches nothing of the first one's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class SecondEngine:
    """Lies in ``folder``; ``host`` is its DOCKER_HOST. Started by ``start``, ended by ``close``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self.log = open(folder / "log", "ab")  # noqa: SIM115
        self.process: subprocess.Popen[bytes] | None = None
        self.namespaces = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", "echo; exec sleep 600"],
            stdout=subprocess.PIPE,
        )
        self.namespaces.stdout.readline()

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {
            "host": self.host,
            "data-root": self.folder / "data",
            "exec-root": self.folder / "exec",
            "pidfile": self.folder / "pid",
        }
        words = ["nsenter", "--target", str(self.namespaces.pid), "--net", "--mount"]
        words += ["dockerd", "--bridge=none", "--iptables=false"]
        words += [f"--{name}={value}" for name, value in options.items()]
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while subprocess.run(["docker", "-H", self.host, "info"], capture_output=True).returncode:
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.1)

    def end(self, number: int) -> None:
        """Send a signal that ends it; containers that it had may go on for now."""
        self.process.send_signal(number)
        self.process.wait(60)
        (self.folder / "pid").unlink(missing_ok=True)
        if number == signal.SIGKILL:  # its containerd has gone too, to where nobody may reap it
            (self.folder / "exec" / "containerd" / "containerd.pid").unlink()

    def load(self, image: str) -> None:
        """Copy an image of the other engine."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
            words = ["docker", "-H", self.host, "load", "-q"]
            subprocess.run(words, stdin=save.stdout, check=True, timeout=120)
        assert save.returncode == 0

    def docker(self, *words: str) -> list[str]:
        """What ``docker`` prints, in words."""
        argv = ["docker", "-H", self.host, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def close(self) -> None:
        """End it, and what it may have left."""
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGTERM)
        containerd = self.folder / "exec" / "containerd" / "containerd.pid"
        if containerd.exists():  # one whose engine was killed may outlive it
            try:
                os.kill(int(containerd.read_text()), signal.SIGKILL)
            except (OSError, ValueError):
                pass
        self.namespaces.kill()
        self.namespaces.wait()
        self.namespaces.stdout.close()
        self.log.close()
