"""The only door through which host code starts a child: deadline, captured output, the group killed.

``os.posix_spawn`` and ``select``, not ``subprocess``: importing that costs as much as starting
Python, and a doctor that has to be quick starts exactly one child.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

GRACE = 0.5
LIMIT = 64 << 20


class Completed(NamedTuple):
    """How a child ended. ``status``: ``ok exit signal timeout abandoned missing``; ``code`` its exit
    status or signal number. ``seconds`` is wall time."""

    status: str
    code: int
    stdout: bytes
    stderr: bytes
    seconds: float

    def reason(self, what: str) -> str:
        """One sentence, empty if all went well."""
        sentences = {
            "ok": "",
            "exit": f"{what} exited with status {self.code}",
            "signal": f"{what} was killed by {_signal_name(self.code)}",
            "timeout": f"{what} did not answer within {self.seconds:.3g} s",
            "abandoned": f"{what} did not answer within {self.seconds:.3g} s and could not be killed",
            "missing": f"{what} could not be started: {self.stderr.decode('utf-8', 'replace')}",
        }
        return sentences[self.status]


class Process:
    """A child in a session of its own. Start it, do something else, then ``wait``."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.timeout = timeout
        self.started = time.monotonic()
        self._error = ""
        self._pipes: dict[int, bytearray] = {}
        self._stdin = memoryview(stdin)
        in_read, self._in = os.pipe()
        self._out, out_write = os.pipe()
        self._err, err_write = os.pipe()
        try:
            self.pid = _spawn(argv, (in_read, out_write, err_write), os.environ if env is None else env)
        except OSError as error:
            self.pid = 0
            self._error = error.strerror or str(error)
        for fd in (in_read, out_write, err_write):
            os.close(fd)

    def wait(self) -> Completed:
        """Feed and read until the output closes or the deadline passes, never much longer."""
        end = self.started + self.timeout
        out, err = bytearray(), bytearray()
        if self.pid == 0:
            self._close()
            return Completed("missing", 127, b"", self._error.encode(), 0.0)
        try:
            answered = self._exchange({self._out: out, self._err: err}, end)
            status = self._reap(time.monotonic() + GRACE) if answered else None
        finally:
            self._close()
        timed_out = not answered
        if status is None:
            _kill_session(self.pid)
            status = self._reap(time.monotonic() + GRACE)
        seconds = time.monotonic() - self.started
        if status is None:
            return Completed("abandoned", 0, bytes(out), bytes(err), seconds)
        if timed_out:
            return Completed("timeout", 0, bytes(out), bytes(err), seconds)
        if os.WIFSIGNALED(status):
            return Completed("signal", os.WTERMSIG(status), bytes(out), bytes(err), seconds)
        code = os.WEXITSTATUS(status)
        return Completed("exit" if code else "ok", code, bytes(out), bytes(err), seconds)

    def _exchange(self, sinks: dict[int, bytearray], end: float) -> bool:
        reading = list(sinks)
        writing = [self._in]
        if not self._stdin:
            os.close(self._in)
            self._in = -1
            writing = []
        while reading:
            left = end - time.monotonic()
            if left <= 0:
                return False
            readable, writable, _ = select.select(reading, writing, [], left)
            if writable and not self._feed():
                writing = []
            for fd in readable:
                chunk = os.read(fd, 1 << 18)
                if not chunk:
                    reading.remove(fd)
                elif len(sinks[fd]) < LIMIT:
                    sinks[fd] += chunk
        return True

    def _feed(self) -> bool:
        """Write a piece; False when there is nothing more to write."""
        try:
            self._stdin = self._stdin[os.write(self._in, self._stdin[:65536]) :]
        except BrokenPipeError:
            self._stdin = self._stdin[:0]
        if self._stdin:
            return True
        os.close(self._in)
        self._in = -1
        return False

    def _reap(self, end: float) -> int | None:
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status
            if time.monotonic() > end:
                return None
            time.sleep(0.001)

    def _close(self) -> None:
        for fd in (self._in, self._out, self._err):
            if fd >= 0:
                os.close(fd)
        self._in = -1


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run ``argv`` to its end or deadline. Raises nothing: a program that is missing is a status."""
    if sys.platform == "win32":
        return _run_windows(argv, timeout=timeout, stdin=stdin, env=env)
    return Process(argv, timeout=timeout, stdin=stdin, env=env).wait()


def _spawn(argv: Sequence[str], files: tuple[int, int, int], env: Mapping[str, str]) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)]
    spawn = os.posix_spawn if os.sep in argv[0] else os.posix_spawnp
    defaults = [signal.SIGPIPE, signal.SIGINT]
    try:
        return spawn(argv[0], list(argv), env, file_actions=actions, setsid=True, setsigdef=defaults)
    except NotImplementedError:  # a libc without POSIX_SPAWN_SETSID
        return spawn(argv[0], list(argv), env, file_actions=actions, setpgroup=0, setsigdef=defaults)


def _kill_session(leader: int) -> None:
    """SIGKILL to the child's group and, where /proc tells, to everything in its session."""
    targets = [leader]
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                session = int(file.read().rpartition(b")")[2].split()[3])
        except (OSError, ValueError, IndexError):
            continue
        if session == leader:
            targets.append(int(name))
    for kill, pid in [(os.killpg, leader), *((os.kill, pid) for pid in targets)]:
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            continue


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _run_windows(
    argv: Sequence[str], *, timeout: float, stdin: bytes, env: Mapping[str, str] | None
) -> Completed:
    import subprocess

    started = time.monotonic()
    try:
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, timeout=timeout, env=env, check=False
        )
    except subprocess.TimeoutExpired:
        return Completed("timeout", 0, b"", b"", time.monotonic() - started)
    except OSError as error:
        return Completed("missing", 127, b"", str(error).encode(), 0.0)
    status = "exit" if done.returncode else "ok"
    return Completed(status, done.returncode, done.stdout, done.stderr, time.monotonic() - started)
