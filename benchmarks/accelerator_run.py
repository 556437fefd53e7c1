"""Starts the processes of ``benchmarks/accelerator.py`` and lets them train in turns."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import environment
from benchmarks.accelerator_cases import ACCELERATE, OURS, PLAIN, SIZES, Case
from benchmarks.paired import order

if TYPE_CHECKING:
    from collections.abc import Sequence

DEADLINE = 180.0  # seconds for a start or an epoch
WARM = 2  # epochs that are not counted

#: One thread; freed memory stays with the process, because pages that come and go cost more than
#: what is compared and hit one process harder than another by chance.
CALM = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
}

#: Statement before, and statement whose processor time counts.
IMPORTS = {
    PLAIN: ("pass", "import torch"),
    OURS: ("import torch", "from envcheck.accelerator import Accelerator as A"),
    ACCELERATE: ("import torch", "from accelerate import Accelerator as A"),
    f"{OURS}, made": ("import torch", "from envcheck.accelerator import Accelerator as A; A()"),
    f"{ACCELERATE}, made": ("import torch", "from accelerate import Accelerator as A; A()"),
}


class Trained(NamedTuple):
    """Of one case. ``cpu`` and ``wall``: variant -> rounds -> epochs, seconds per step of one
    process. ``weights``: variant -> hash of them after the epochs that warm up."""

    cpu: dict[str, list[list[float]]]
    wall: dict[str, list[list[float]]]
    weights: dict[str, str]

    @classmethod
    def nothing(cls, variants: Sequence[str]) -> Trained:
        """Before the first round."""
        return cls({name: [] for name in variants}, {name: [] for name in variants}, {})


class Team:
    """One variant of one case: a process for each rank, idle until asked."""

    def __init__(self, variant: str, case: Case, device: str, folder: str) -> None:
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - until end()
        command = [sys.executable, "-m", "benchmarks.accelerator_worker"]
        port = _free_port()
        self.ranks = [
            subprocess.Popen(
                [*command, variant, case.title, device],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.said,
                env=environment.environ(**CALM, **_rank(rank, case.processes, port)),
                cwd=folder,
            )
            for rank in range(case.processes)
        ]

    def ask(self, question: str) -> list[dict[str, Any]]:
        """Send ``question`` to all ranks and wait for one answer of each."""
        for process in self.ranks:
            process.stdin.write(f"{question}\n".encode())
            process.stdin.flush()
        return self.listen()

    def listen(self) -> list[dict[str, Any]]:
        """The next line of each rank.

        Raises RuntimeError with what the processes said if one ended or is too slow.
        """
        answers = []
        for process in self.ranks:
            ready = select.select([process.stdout], [], [], DEADLINE)[0]
            line = process.stdout.readline() if ready else b""
            if not line:
                self.said.seek(0)
                raise RuntimeError(self.said.read().decode(errors="replace")[-4000:])
            answers.append(json.loads(line))
        return answers

    def end(self) -> None:
        """Let them leave, or kill them."""
        for process in self.ranks:
            with contextlib.suppress(OSError):
                process.stdin.close()
        for process in self.ranks:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        self.said.close()


def _rank(rank: int, processes: int, port: int) -> dict[str, str]:
    """What torchrun sets."""
    if processes == 1:
        return {}
    both = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return {"RANK": str(rank), "LOCAL_RANK": str(rank), **both, **place}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def snapshot(folder: str) -> None:
    """Copy what is measured: files that are edited meanwhile cannot change it between rounds."""
    for name in ("envcheck", "benchmarks"):
        source = os.path.join(environment.ROOT, name)
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, os.path.join(folder, name), ignore=skip)


def one_round(
    case: Case, variants: Sequence[str], device: str, folder: str, into: Trained
) -> dict[str, str]:
    """Fresh processes for every variant, then epochs in turns, added to ``into``.

    Returns what the first process says of torch and the device.
    """
    size = SIZES[case.size]
    teams: dict[str, Team] = {}
    try:
        for variant in variants:
            teams[variant] = Team(variant, case, device, folder)
        facts = [team.listen()[0] for team in teams.values()]
        for variant, team in teams.items():
            for _ in range(WARM):
                team.ask("epoch")
            into.weights[variant] = team.ask("weights")[0]["weights"]
            into.cpu[variant].append([])
            into.wall[variant].append([])
        for turn in range(size.epochs):
            for variant in order(variants, turn):
                answers = teams[variant].ask("epoch")
                cpu = sum(answer["cpu"] for answer in answers) / case.processes
                into.cpu[variant][-1].append(cpu / size.steps)
                wall = max(answer["wall"] for answer in answers)
                into.wall[variant][-1].append(wall / size.steps)
    finally:
        for team in teams.values():
            team.end()
    return facts[0]


def imports(variants: Sequence[str], rounds: int, folder: str) -> dict[str, list[float]]:
    """Seconds of processor time of the statements of ``IMPORTS``, each in ``rounds`` fresh
    processes. Taken inside: the difference of two whole processes drowns in torch's own second."""
    names = [name for name in IMPORTS if name.partition(",")[0] in variants]
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-1, rounds):  # the first one writes bytecode and is not counted
        for name in order(names, max(turn, 0)):
            before, counted = IMPORTS[name]
            clock = "time.process_time()"
            code = f"import time; {before}; t = {clock}; {counted}; print({clock} - t)"
            done = subprocess.run(
                [sys.executable, "-c", code],
                env=environment.environ(OMP_NUM_THREADS="1"),
                cwd=folder,
                capture_output=True,
                check=False,
                text=True,
                timeout=DEADLINE,
            )
            if done.returncode:
                raise RuntimeError(done.stderr[-4000:])
            if turn >= 0:
                found[name].append(float(done.stdout))
    return found
