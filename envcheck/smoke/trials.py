"""Runs trials one after the other: each has a verdict, a reason and a time, whatever happens."""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Record = dict[str, Any]

LONGEST_REASON = 500  # characters
EXHAUSTED = os.strerror(errno.EAGAIN)  # what the system says if it starts no process or thread
#: Beginnings of the variables by which launchers say which of several processes this is.
OF_A_LAUNCHER = (
    *("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE"),
    *("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_", "OMPI_COMM_WORLD_", "PMI_", "MV2_COMM_WORLD_"),
    "ACCELERATE_",
)


class Verdict(Exception):  # noqa: N818  (not an error: what a trial has found)
    """Ends a trial with this status; the argument is the reason."""

    status = "fail"


class Failed(Verdict):
    """Proven: training goes wrong here."""


class Skipped(Verdict):
    """Does not apply here."""

    status = "skip"


class Unknown(Verdict):
    """Could not be tried."""

    status = "unknown"


class Trials:
    """Where trials report to, and the time that is left for them."""

    def __init__(self, report: Callable[[Record], None], seconds: float) -> None:
        self._report = report
        self._end = time.monotonic() + seconds

    def run(self, parts: Sequence[tuple[str, str]]) -> None:
        """Run parts, pairs of a name and ``module:function``. Functions get this and the name."""
        with _alone():
            for name, place in parts:
                module, _, function = place.partition(":")
                try:
                    part = getattr(import_module(module), function)
                    part(self, name)
                except Exception as error:
                    self._report({"part": name, "status": "running"})
                    self._report({"part": name, "status": "fail", "reason": said(error)})

    def left(self) -> float:
        """Seconds of wall time."""
        return self._end - time.monotonic()

    def need(self, seconds: float = 0.0) -> None:
        """Raise Unknown if less than this is left."""
        if self.left() <= seconds:
            raise Unknown("too little time was left")

    def trial(self, work: Callable[[Record], None], **identity: Any) -> None:
        """Report ``work``, which adds to the record what it finds, and ends by raising if not well.

        ``identity``: ``part``, and ``device``, ``dtype``, ``model`` where there are several trials.
        """
        self._report({**identity, "status": "running"})
        record = {**identity, "status": "pass", "reason": None}
        started, used = time.perf_counter(), cpu_seconds()
        try:
            self.need()
            work(record)
        except Verdict as verdict:
            record.update(status=verdict.status, reason=str(verdict)[:LONGEST_REASON])
        except Exception as error:
            record.update(status="fail", reason=said(error))
        if EXHAUSTED in (record["reason"] or ""):
            record["status"] = "unknown"  # a limit of this user or container, met at this moment
        record["seconds"] = round(time.perf_counter() - started, 3)
        record["cpu_seconds"] = round(cpu_seconds() - used, 3)
        self._report(record)


def cpu_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def said(error: BaseException) -> str:
    """An exception in one line: of many lines the one that names an error, else the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = [line for line in lines if "error: " in line] or lines or [""]
    text = " ".join(lines[: 1 + lines[0].endswith(":")])
    return f"{type(error).__name__}: {text}".rstrip(": .")[:LONGEST_REASON]


@contextmanager
def _alone() -> Iterator[None]:
    """One process with one thread; afterwards threads, generators and variables as before.

    Who is started among others with torchrun or MPI trains alone here: nobody would answer. One
    thread is enough for models this small: more would wait busily, and the forks of a process in
    which OpenMP has started threads can hang.
    """
    threads = torch.get_num_threads()
    with variables_kept(), torch.random.fork_rng(devices=()):
        for name in list(os.environ):
            if name.startswith(OF_A_LAUNCHER):
                del os.environ[name]
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


@contextmanager
def variables_kept() -> Iterator[None]:
    """Afterwards the environment's variables are as before: torch sets some of its own."""
    kept = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(kept):
            del os.environ[name]
        os.environ.update(kept)
