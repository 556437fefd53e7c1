"""Runs a function in forks of this process and collects what each returns, with a deadline."""

from __future__ import annotations

import json
import os
import select
import signal
import time
import warnings
from typing import TYPE_CHECKING, Any

from envcheck.smoke.trials import Failed, Unknown, said

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE = 4.0  # seconds that the others have to answer when one has failed


def in_forks(function: Callable[[int], Any], count: int, seconds: float) -> list[Any]:
    """What ``function(rank)`` returns in each of ``count`` forks: plain JSON values.

    Raises Unknown if there can be no forks, and Failed with the rank of the one that was killed,
    ended, raised or did not answer within ``seconds``. None is left when this returns.
    """
    forks: list[_Fork] = []
    try:
        for rank in range(count):
            forks.append(_Fork(function, rank))
        _listen(forks, time.monotonic() + seconds)
    except OSError as error:
        raise Unknown(f"a second process cannot be started: {error}") from error
    finally:
        for fork in forks:
            fork.end()
    # who was killed is the cause of what the others raise, and of their waiting
    for problems in zip(*(fork.problems(seconds) for fork in forks)):
        if any(problems):
            raise Failed("; ".join(filter(None, problems)))
    return [json.loads(fork.answer)["value"] for fork in forks]


def _listen(forks: list[_Fork], end: float) -> None:
    """Read answers until all have ended or it is time; a failure shortens that."""
    running = {fork.pipe: fork for fork in forks}
    while running:
        ready, _, _ = select.select(list(running), [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return
        for pipe in ready:
            fork = running[pipe]
            if not fork.read():
                del running[pipe]
                if fork.error is not None:
                    end = min(end, time.monotonic() + GRACE)


class _Fork:
    """One fork. ``answer``, when ``closed``, is a line: ``{"value": …}`` or ``{"error": …}``.

    Without the line's end it is that of a process that was killed as it answered.
    """

    def __init__(self, function: Callable[[int], Any], rank: int) -> None:
        self.rank = rank
        self.answer = b""
        self.closed = False
        self.status = 0
        self.pipe, write = os.pipe()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of other threads, NumPy's: they do no harm here
                self.pid = os.fork()
        except OSError:
            os.close(self.pipe)
            os.close(write)
            raise
        if self.pid == 0:
            _answer(function, rank, write)
        os.close(write)

    def read(self) -> bool:
        """Whether there may be more."""
        data = os.read(self.pipe, 65536)
        self.answer += data
        self.closed = not data
        return not self.closed

    @property
    def error(self) -> str | None:
        """What it raised; empty if it ended without an answer, None if it has not failed."""
        if not self.closed:
            return None
        if not self.answer.endswith(b"\n"):
            return ""
        return json.loads(self.answer).get("error")

    def end(self) -> None:
        """Wait for it if it is about to end, kill it if not."""
        if not self.closed:
            os.kill(self.pid, signal.SIGKILL)
        try:
            _, self.status = os.waitpid(self.pid, 0)
        except ChildProcessError:  # who started this process lets nobody wait: SIGCHLD is ignored
            pass
        os.close(self.pipe)

    def problems(self, seconds: float) -> tuple[str, str, str]:
        """That it was killed, what it raised, that it was late: one of these, or none."""
        if not self.closed:
            return "", "", f"rank {self.rank} did not answer within {seconds:.3g} s"
        if self.error is None:
            return "", "", ""
        if self.error:
            return "", f"rank {self.rank}: {self.error}", ""
        if os.WIFSIGNALED(self.status):
            name = signal.Signals(os.WTERMSIG(self.status)).name
            return f"rank {self.rank} was killed by {name}", "", ""
        code = os.WEXITSTATUS(self.status)
        return f"rank {self.rank} ended with status {code} and no answer", "", ""


def _answer(function: Callable[[int], Any], rank: int, write: int) -> None:
    """In the fork: write the answer and end, without what Python does at its end."""
    code, raised = 1, []
    try:
        try:
            answer = {"value": function(rank)}
        except Exception as error:
            raised.append(error)  # and with it, until the end, what its frames refer to
            answer = {"error": said(error)}
        with os.fdopen(write, "wb") as pipe:
            pipe.write(json.dumps(answer).encode() + b"\n")
        code = 0
    finally:
        os._exit(code)
