"""Runs jobs, each in forked processes of its own, from one process that has imported torch.

    python -m benchmarks.parity.worker JOBS.json     (``run`` below writes it and reads the answers)

A process of a job finds the environment that torchrun gives (RANK, WORLD_SIZE, MASTER_PORT …), a
working directory of its own and its script as ``__main__``. Its output goes to ``log.RANK``.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
#: library -> what stands in its import lines
LIBRARIES = {"ours": "envcheck.accelerator", "accelerate": "accelerate"}
HUNG = -1
#: Seconds for which a rank that is ready waits for others; one that waits for it does so in vain.
LINGER = 2.0


@dataclass(frozen=True)
class Job:
    """One program run by one library in ``world`` processes; ``after`` names a job to wait for.

    Jobs of the same ``folder`` share their working directory. ``text`` is the program if it is no
    file of ``scripts/``; ``script`` is then its name.
    """

    name: str
    library: str
    script: str
    arguments: tuple[str, ...] = ()
    world: int = 1
    folder: str = ""
    after: str = ""
    text: str = ""
    deadline: float = 60.0


@dataclass(frozen=True)
class Outcome:
    """Exit status of each rank (-1: killed at the deadline; else minus the signal), its output."""

    statuses: tuple[int, ...]
    logs: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Every rank ended with status 0."""
        return not any(self.statuses)

    def __str__(self) -> str:
        parts = [
            f"rank {rank} exit {status}\n{log[-3000:]}"
            for rank, (status, log) in enumerate(zip(self.statuses, self.logs, strict=True))
        ]
        return "\n".join(parts)


def run(jobs: Iterable[Job], folder: Path, python: str = sys.executable) -> dict[str, Outcome]:
    """Run all jobs, two at a time. Traces are at ``folder/JOB/trace.RANK``."""
    jobs = list(jobs)
    file = folder / "jobs.json"
    file.write_text(json.dumps([asdict(job) for job in jobs]))
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ACCELERATE_", "CUDA_VISIBLE"))
        and name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    }
    environment |= {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    environment["HOME"] = environment["HF_HOME"] = environment["XDG_CACHE_HOME"] = str(folder)
    argv = [python, "-m", "benchmarks.parity.worker", str(file)]
    deadline = 60 + sum(job.deadline for job in jobs)
    subprocess.run(argv, check=True, timeout=deadline, env=environment, cwd=ROOT)
    answers = json.loads((folder / "outcomes.json").read_text())
    outcomes = {}
    for job in jobs:
        logs = sorted((folder / job.name).glob("log.*"), key=lambda path: int(path.suffix[1:]))
        texts = tuple(path.read_text(errors="replace") for path in logs)
        outcomes[job.name] = Outcome(tuple(answers[job.name]), texts)
    return outcomes


def swapped(text: str, library: str) -> str:
    """The program with its import lines naming ``library``."""
    name = LIBRARIES[library]
    lines = [
        line.replace("from accelerate", f"from {name}", 1)
        if line.lstrip().startswith(("from accelerate import", "from accelerate."))
        else line
        for line in text.split("\n")
    ]
    return "\n".join(lines)


def main(path: str) -> int:
    import torch

    for name in ("numpy", "torch._dynamo"):  # what every child would import for itself
        importlib.import_module(name)

    torch.set_num_threads(1)
    file = Path(path)
    waiting = [
        Job(**{**job, "arguments": tuple(job["arguments"])}) for job in json.load(file.open())
    ]
    running: dict[int, tuple[Job, int, float]] = {}
    outcomes: dict[str, list[int]] = {job.name: [HUNG] * job.world for job in waiting}
    left = {job.name: job.world for job in waiting}
    while waiting or running:
        busy = {job.name for job, _, _ in running.values()}
        for job in list(waiting):
            if len(busy) >= 2:
                break
            if left.get(job.after, 0):
                continue
            waiting.remove(job)
            busy.add(job.name)
            port = free_port()
            for rank in range(job.world):
                pid = os.fork() or child(job, rank, port, file.parent)
                running[pid] = (job, rank, time.monotonic() + job.deadline)
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid in running:
            job, rank, _ = running.pop(pid)
            left[job.name] -= 1
            if outcomes[job.name][rank] == HUNG:
                outcomes[job.name][rank] = os.waitstatus_to_exitcode(status)
        else:
            time.sleep(0.005)
        for pid, (job, rank, end) in running.items():
            if time.monotonic() > end:
                os.killpg(pid, signal.SIGKILL)
                outcomes[job.name][rank] = -int(signal.SIGKILL)
    (file.parent / "outcomes.json").write_text(json.dumps(outcomes))
    return 0


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
        return port


def child(job: Job, rank: int, port: int, folder: Path) -> NoReturn:
    """Be rank ``rank`` of ``job``; never return."""
    status, own = 1, folder / job.name
    try:
        os.setsid()
        own.mkdir(exist_ok=True)
        output = os.open(own / f"log.{rank}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        work = folder / job.folder if job.folder else own
        work.mkdir(exist_ok=True)
        os.chdir(work)
        if job.world > 1:
            ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": job.world}
            ranks |= {"LOCAL_WORLD_SIZE": job.world, "MASTER_PORT": port}
            os.environ.update({name: str(value) for name, value in ranks.items()})
            os.environ["MASTER_ADDR"] = "127.0.0.1"
            os.environ["ACCELERATE_USE_CPU"] = "1"  # else Accelerate lets each run alone
        execute(job, own, rank)
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    linger(own, rank, job.world)
    os._exit(status)


def linger(own: Path, rank: int, world: int) -> None:
    """Wait for the other ranks, but not long: rank 0 has the store that they connect through."""
    (own / f"done.{rank}").touch()
    end = time.monotonic() + LINGER
    while time.monotonic() < end and len(list(own.glob("done.*"))) < world:
        time.sleep(0.01)


def execute(job: Job, own: Path, rank: int) -> None:
    """The script as ``__main__``, or the plain loop of that name."""
    from benchmarks.parity import plain
    from benchmarks.parity.problem import Knobs, Trace
    from benchmarks.parity.watch import watch

    trace = str(own / "trace")
    if job.library == "plain":
        result: Any = getattr(plain, job.script)
        knobs = Knobs.read(job.arguments[0])
        if len(job.arguments) > 1:
            for number, one in enumerate(result(knobs, int(job.arguments[1]))):
                os.environ["RANK"] = str(number)
                one.path = trace
                one.save()
            return
        one = Trace(trace)
        result(knobs, one)
        one.save()
        return
    text = job.text or (SCRIPTS / f"{job.script}.py").read_text()
    program = own / f"{job.script}.{rank}.py"
    program.write_text(swapped(text, job.library))
    sys.argv = [str(program), *job.arguments, trace]
    module = type(sys)("__main__")
    module.__file__ = str(program)
    sys.modules["__main__"] = module
    watched = Trace(trace)
    finish = watch(watched) if job.script == "quickstart" else None
    exec(compile(program.read_text(), str(program), "exec"), module.__dict__)
    if finish:
        finish()
        watched.save()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
