"""A fresh copy of an environment for one fault, at its own path, that costs nothing.

An overlay is mounted over the environment inside a private mount namespace: every path, shebang and
dist-info is as it was, what is damaged goes to a tmpfs, and all of it is gone with the process.
Needs root on Linux.
"""

from __future__ import annotations

import base64
import glob
import hashlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from benchmarks import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNNER = ("unshare", "--mount", "--propagation", "private")


class Sandbox:
    """What a fault is made with. ``variables`` is what the tools will see; ``cwd`` and ``home`` are
    empty directories of their own; ``tools`` is the first directory on PATH."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.bin = os.path.join(prefix, "bin")
        self.python = os.path.join(self.bin, "python")
        self.work = "/run/envcheck-faults"
        os.makedirs(self.work, exist_ok=True)
        mount("-t", "tmpfs", "tmpfs", self.work)
        for name in ("upper", "overlay", "cwd", "home", "tools", "lib", "cache", "tmp"):
            os.mkdir(os.path.join(self.work, name))
        self._overlay()
        self.site = glob.glob(os.path.join(prefix, "lib", "python3*", "site-packages"))[0]
        self.cwd, self.home, self.tools, self.lib = map(self.at, ("cwd", "home", "tools", "lib"))
        self.variables = environment.environ(
            HOME=self.home,
            PATH=f"{self.tools}:{self.bin}:{os.environ['PATH']}",
            COLUMNS="400",  # findings are compared as text: no line is to be wrapped
            TERM="dumb",
        )

    def _overlay(self) -> None:
        layers = f"lowerdir={self.prefix},upperdir={self.at('upper')},workdir={self.at('overlay')}"
        mount("-t", "overlay", "overlay", "-o", layers, self.prefix)

    def at(self, name: str) -> str:
        """A path in the sandbox's own directory."""
        return os.path.join(self.work, name)

    def inside(self, *parts: str) -> str:
        """A path below site-packages."""
        return os.path.join(self.site, *parts)

    def dist_info(self, name: str) -> str:
        """The dist-info directory of a distribution. Raises IndexError if there is none."""
        return glob.glob(self.inside(f"{name}-*.dist-info"))[0]

    def write(self, path: str, text: str | bytes, *, mode: int = 0o644) -> str:
        """A file, directories included; what was there is removed (a hard link or symlink too).

        Raises ValueError for a place that is not the sandbox's own.
        """
        own = (self.work, self.prefix, "/proc/driver", "/sys/module", "/dev")
        if not path.startswith(tuple(f"{root}/" for root in own)):
            raise ValueError(f"{path} is not in the sandbox")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        data = text.encode() if isinstance(text, str) else text
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def script(self, name: str, text: str) -> str:
        """An executable first on PATH."""
        return self.write(os.path.join(self.tools, name), text, mode=0o755)

    def library(self, name: str, source: str, *flags: str) -> str:
        """A shared object compiled from C text in ``lib``."""
        path = os.path.join(self.lib, name)
        command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", path, *flags]
        subprocess.run(command, input=source.encode(), check=True, timeout=60)
        return path

    def distribution(
        self,
        name: str,
        version: str,
        requires: Sequence[str] = (),
        *,
        tag: str = "py3-none-any",
        requires_python: str = "",
        files: Mapping[str, str | bytes] = {},
    ) -> str:
        """Install a small distribution by hand, its RECORD right; returns its dist-info."""
        folder = self.inside(f"{name.replace('-', '_')}-{version}.dist-info")
        meta = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        meta += [f"Requires-Python: {requires_python}"] if requires_python else []
        meta += [f"Requires-Dist: {line}" for line in requires]
        self.write(f"{folder}/METADATA", "\n".join(meta) + "\n\nText.\n")
        self.write(f"{folder}/WHEEL", f"Wheel-Version: 1.0\nGenerator: hand\nTag: {tag}\n")
        self.write(f"{folder}/INSTALLER", "pip\n")
        for path, data in files.items():
            self.write(self.inside(path), data)
        written = [f"{os.path.basename(folder)}/{n}" for n in ("METADATA", "WHEEL", "INSTALLER")]
        lines = [self.record_line(path) for path in (*files, *written)]
        self.write(
            f"{folder}/RECORD", "\n".join([*lines, f"{os.path.basename(folder)}/RECORD,,"]) + "\n"
        )
        return folder

    def record_line(self, path: str) -> str:
        """A RECORD entry for a file below site-packages as it is now."""
        with open(self.inside(path), "rb") as file:
            data = file.read()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(data)}"

    def edit(self, distribution: str, path: str, old: str, new: str) -> None:
        """Change a file as another build would have it: its RECORD entry follows."""
        full = self.inside(path)
        with open(full, encoding="utf-8") as file:
            text = file.read()
        if old not in text:
            raise ValueError(f"{path} does not hold {old!r}")
        self.write(full, text.replace(old, new, 1))
        self.amend_record(distribution, path)

    def amend_record(self, distribution: str, path: str) -> None:
        """Make the RECORD entry of ``path`` right, or add one."""
        record = f"{self.dist_info(distribution)}/RECORD"
        with open(record, encoding="utf-8") as file:
            kept = [line for line in file.read().splitlines() if not line.startswith(f"{path},")]
        self.write(record, "\n".join([*kept, self.record_line(path)]) + "\n")

    def rename_dist_info(self, name: str, old: str, new: str) -> None:
        """Another version of the same distribution: METADATA, directory and RECORD agree."""
        before, after = (
            self.inside(f"{name}-{old}.dist-info"),
            self.inside(f"{name}-{new}.dist-info"),
        )
        shutil.copytree(before, after)
        shutil.rmtree(before)
        for entry in ("METADATA", "RECORD"):
            with open(f"{after}/{entry}", encoding="utf-8") as file:
                text = file.read()
            text = text.replace(f"Version: {old}\n", f"Version: {new}\n", 1)
            self.write(
                f"{after}/{entry}",
                text.replace(f"{name}-{old}.dist-info", f"{name}-{new}.dist-info"),
            )
        self.amend_record(name, f"{name}-{new}.dist-info/METADATA")


def mount(*arguments: str) -> None:
    """Mount. Raises CalledProcessError with what it said on standard error."""
    subprocess.run(["mount", *arguments], check=True, timeout=30)
