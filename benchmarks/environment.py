"""The environment that is measured: torch, its friends, and enough others to be like a real one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: Installed first and alone: where a CPU wheel is at hand (``PIP_FIND_LINKS``), that one is taken.
TORCH = ("torch==2.13.0",)
#: What people install beside it.
LIBRARIES = ("transformers", "accelerate", "datasets", "peft", "evaluate", "trl", "diffusers")
#: Much of it pure Python with many dependencies: together above 150 distributions.
COMPANY = ("jupyterlab", "scikit-learn", "matplotlib", "seaborn", "tensorboard")
PEERS = ("pip", "uv", "env-doctor==0.3.5", "cuda-doctor==0.2.0")
ENOUGH = 150

_DESCRIBE = """
import importlib.metadata as m, json, platform, sys
found = {}
files = 0
for d in m.distributions():
    found[d.metadata["Name"].lower().replace("_", "-")] = d.version
    record = d.read_text("RECORD") or ""
    files += record.count("\\n")
print(json.dumps({"python": platform.python_version(), "versions": found, "files": files}))
"""


class Environment(NamedTuple):
    """``versions``: normalised distribution name -> version. ``files``: lines of all RECORDs."""

    python: str
    python_version: str
    versions: dict[str, str]
    files: int

    @property
    def bin(self) -> str:
        """Where its commands are."""
        return os.path.dirname(self.python)


def describe(python: str) -> Environment:
    """What is installed there. Raises CalledProcessError if that interpreter does not work."""
    command = [python, "-I", "-c", _DESCRIBE]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True, env=environ())
    data = json.loads(done.stdout)
    return Environment(os.path.abspath(python), data["python"], data["versions"], data["files"])


def environ(**more: str) -> dict[str, str]:
    """The variables of every candidate: bytecode is kept as it is for users, output is not coloured
    by force, nothing of this shell's Python leaks in."""
    unwanted = ("PYTHON", "ENVCHECK_", "VIRTUAL_ENV", "FORCE_COLOR", "NO_COLOR", "CLICOLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, **more}


def make(folder: str, base: str = sys.executable) -> str:
    """Create it in ``folder`` with ``base`` and install everything; returns its interpreter."""
    run([base, "-m", "venv", folder])
    python = os.path.join(folder, "bin", "python")
    for wanted in (TORCH, (*LIBRARIES, *COMPANY), PEERS):
        run([python, "-m", "pip", "install", "-q", "-U", *wanted])
    install_checkout(python)
    count = len(describe(python).versions)
    if count < ENOUGH:
        raise SystemExit(f"only {count} distributions: {ENOUGH} are needed, add to COMPANY")
    return python


def make_tools(folder: str, base: str = sys.executable) -> str:
    """An environment with the doctors and without torch; returns its interpreter."""
    run([base, "-m", "venv", folder])
    python = os.path.join(folder, "bin", "python")
    run([python, "-m", "pip", "install", "-q", "-U", *PEERS])
    install_checkout(python)
    return python


def install_checkout(python: str) -> None:
    """Install this checkout as users install it: a wheel with bytecode, asked for by its name.

    By name, because an installation from a path leaves a ``direct_url.json`` behind. Built from a
    copy, so nothing that is edited meanwhile can make half a package.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "envcheck")
        skip = shutil.ignore_patterns(".git", "reports", "tests", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, copy, ignore=skip)
        wheels = os.path.join(folder, "wheels")
        run([python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, copy])
        (wheel,) = os.listdir(wheels)
        wanted = "==".join(wheel.split("-")[:2]).replace("_", "-")
        install = [python, "-m", "pip", "install", "-q", "--find-links", wheels, wanted]
        run(install)
        run([*install, "--no-deps", "--force-reinstall"])


def run(argv: Sequence[str]) -> None:
    """A step of the preparation; what it prints goes to standard error."""
    print("+", " ".join(argv), file=sys.stderr)
    subprocess.run(list(argv), check=True, stdout=sys.stderr, env=environ(), timeout=3600)
