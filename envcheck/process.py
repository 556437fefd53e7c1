"""The only door through which host code starts a child: deadline, output, the session killed.

``os.posix_spawn`` and ``poll``, not ``subprocess``: importing that costs as much as starting
Python, and a doctor that has to be quick starts exactly one child.
"""

from __future__ import annotations

import atexit
import os
import select
import sys
import time

from envcheck.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import signal as signals
    from collections.abc import Mapping, Sequence
    from subprocess import Popen
else:
    try:
        import _signal as signals  # `signal` makes enums of its numbers: 1.5 ms
    except ImportError:
        import signal as signals

__all__ = ["Completed", "Process", "run", "signals"]

GRACE = 0.5  # seconds between SIGKILL and giving a child up
LIMIT = 64 << 20  # bytes kept of each stream
_SILENCE = 0.2  # seconds after which it is asked whether the child has ended


class Completed(NamedTuple):
    """How a child ended. ``status``: ``ok exit signal timeout abandoned missing``; ``code`` its
    exit status or signal number. ``seconds`` is wall time.
    """

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
            "abandoned": f"{what} did not answer within {self.seconds:.3g} s"
            " and could not be killed",
            "missing": f"{what} could not be started: {self.text_err()}",
        }
        return sentences[self.status]

    def text_err(self) -> str:
        """Standard error as text."""
        return self.stderr.decode("utf-8", "replace").strip()


class Process:
    """A child in a session of its own. Start it, do something else, then ``wait``.

    If this process ends or is interrupted first, the child's whole session is killed.
    """

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
        self._status: int | None = None
        self._stdin = memoryview(stdin)
        _occupy_standard_files()
        in_read, self._in = os.pipe()
        self._out, out_write = os.pipe()
        self._err, err_write = os.pipe()
        self._sinks = {self._out: bytearray(), self._err: bytearray()}
        self._reading = [self._out, self._err]
        files = (in_read, out_write, err_write)
        try:
            self.pid = _spawn(argv, files, os.environ if env is None else env)
            _alive.append(self.pid)
        except (OSError, ValueError) as error:
            self.pid = 0
            self._error = getattr(error, "strerror", None) or str(error)
        for fd in files:
            os.close(fd)
        if not stdin:
            self._end_of_input()

    def answers_within(self, seconds: float) -> bool:
        """Whether it says anything on standard output, or ends, within ``seconds`` of its start."""
        if self.pid == 0:
            return True
        end = self.started + min(seconds, self.timeout)
        while self._reading and not self._sinks[self._out]:
            if not self._exchange(end):
                return False
        return True

    def wait(self) -> Completed:
        """Feed and read until the output closes or the deadline passes, never much longer."""
        if self.pid == 0:
            self._close()
            return Completed("missing", 127, b"", self._error.encode(), 0.0)
        end = self.started + self.timeout
        try:
            while self._reading and self._exchange(end):
                pass
            patience = 0.0 if self._reading else max(end, time.monotonic() + GRACE)
            timed_out = not self._ended(patience)
            if timed_out or self._reading:
                self.kill()
        except BaseException:
            self.kill()
            raise
        self._close()
        return self._completed(timed_out)

    def kill(self) -> None:
        """SIGKILL to the whole session, and a short wait for the child to be gone."""
        if self.pid:
            _kill_session(self.pid)
            if not self._ended(time.monotonic() + GRACE):
                _forget(self.pid)  # stuck in the kernel: nothing more can be done about it

    def _completed(self, timed_out: bool) -> Completed:
        seconds = time.monotonic() - self.started
        out, err = (bytes(sink) for sink in self._sinks.values())
        status = self._status
        if status is None:
            return Completed("abandoned", 0, out, err, seconds)
        if timed_out:
            return Completed("timeout", 0, out, err, seconds)
        if os.WIFSIGNALED(status):
            return Completed("signal", os.WTERMSIG(status), out, err, seconds)
        code = os.WEXITSTATUS(status)
        return Completed("exit" if code else "ok", code, out, err, seconds)

    def _exchange(self, end: float) -> bool:
        """Read and write what is ready. False once ``end`` has passed, or once the child has ended
        and whoever else holds its output is silent.
        """
        left = end - time.monotonic()
        if left <= 0:
            return False
        poll = select.poll()
        for fd in self._reading:
            poll.register(fd, select.POLLIN)
        if self._in >= 0:
            poll.register(self._in, select.POLLOUT)
        ready = poll.poll(min(left, _SILENCE) * 1000)
        for fd, _ in ready:
            if fd == self._in:
                self._feed()
            else:
                self._read(fd)
        return bool(ready) or not self._ended(0.0)

    def _read(self, fd: int) -> None:
        chunk = os.read(fd, 1 << 18)
        if not chunk:
            self._reading.remove(fd)
        elif len(self._sinks[fd]) < LIMIT:
            self._sinks[fd] += chunk

    def _feed(self) -> None:
        """Write a piece: no more than a pipe surely takes without blocking."""
        try:
            self._stdin = self._stdin[os.write(self._in, self._stdin[:4096]) :]
        except OSError:  # nobody reads any more
            self._stdin = self._stdin[:0]
        if not self._stdin:
            self._end_of_input()

    def _end_of_input(self) -> None:
        os.close(self._in)
        self._in = -1

    def _ended(self, end: float) -> bool:
        """Whether the child ends before ``end``; then its ``_status`` is known."""
        while self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # SIGCHLD is ignored: the kernel has thrown it away
                pid, status = self.pid, 0
            if pid:
                _forget(pid)
                self._status = status
            elif time.monotonic() >= end:
                return False
            else:
                time.sleep(0.001)
        return True

    def _close(self) -> None:
        for fd in (self._in, self._out, self._err):
            if fd >= 0:
                os.close(fd)
        self._in = self._out = self._err = -1


class WindowsProcess:
    """The same by ``subprocess``, for where there is no ``posix_spawn``."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> None:
        import subprocess

        self.timeout = timeout
        self.started = time.monotonic()
        self._stdin = stdin
        self._error = ""
        self._process: Popen[bytes] | None = None
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                list(argv), stdin=pipe, stdout=pipe, stderr=pipe, env=env
            )
        except (OSError, ValueError) as error:
            self._error = str(error)

    def answers_within(self, seconds: float) -> bool:
        """Not told here: its whole time is its time to start."""
        return seconds > 0

    def wait(self) -> Completed:
        """Feed and read until it ends or the deadline passes."""
        import subprocess

        if self._process is None:
            return Completed("missing", 127, b"", self._error.encode(), 0.0)
        left = max(0.0, self.started + self.timeout - time.monotonic())
        status = ""
        try:
            out, err = self._process.communicate(self._stdin, timeout=left)
        except subprocess.TimeoutExpired:
            self.kill()
            out, err = self._process.communicate()
            status = "timeout"
        code = self._process.returncode
        status = status or ("signal" if code < 0 else "exit" if code else "ok")
        return Completed(status, abs(code), out, err, time.monotonic() - self.started)

    def kill(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()


def start(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> Process | WindowsProcess:
    """Start ``argv``, its program looked up on PATH. Raises nothing: ``wait`` tells."""
    kind = WindowsProcess if sys.platform == "win32" else Process
    return kind(argv, timeout=timeout, stdin=stdin, env=env)


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run ``argv`` to its end or deadline. Raises nothing: a missing program is a status."""
    return start(argv, timeout=timeout, stdin=stdin, env=env).wait()


#: Leaders of the sessions that were started and not yet reaped.
_alive: list[int] = []


def _forget(pid: int) -> None:
    if pid in _alive:  # one that took its time to die was forgotten before
        _alive.remove(pid)


def _kill_all() -> None:
    for pid in _alive:
        _kill_session(pid)


atexit.register(_kill_all)


def _occupy_standard_files() -> None:
    """Where 0, 1 or 2 is closed, the null device takes its place, lest a pipe does; where there is
    no such device, a directory, which can be neither read nor written.
    """
    while True:
        try:
            fd = os.open(os.devnull, os.O_RDWR)
        except OSError:
            fd = os.open(os.sep, os.O_RDONLY)
        if fd > 2:
            os.close(fd)
            return
        os.set_inheritable(fd, True)


def _spawn(argv: Sequence[str], files: tuple[int, int, int], env: Mapping[str, str]) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)]
    spawn = os.posix_spawn if os.sep in argv[0] else os.posix_spawnp
    defaults = [signals.SIGPIPE, signals.SIGINT, signals.SIGCHLD]
    words = list(argv)
    try:
        return spawn(words[0], words, env, file_actions=actions, setsid=True, setsigdef=defaults)
    except NotImplementedError:  # a libc without POSIX_SPAWN_SETSID
        return spawn(words[0], words, env, file_actions=actions, setpgroup=0, setsigdef=defaults)


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
            kill(pid, signals.SIGKILL)
        except OSError:
            continue


def _signal_name(number: int) -> str:
    try:
        import signal

        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
