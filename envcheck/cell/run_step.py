"""Runs commands inside a cell, one after the other, and tells how each ended.

``python -I -S -B run_step.py REQUEST``; REQUEST is JSON or the path of a file that holds it::

    {"commands": [{"words": [...], "cwd": "/", "env": {...}, "seconds": 60, "log_bytes": 262144,
                   "group": "a", "read": ["/cell/report.json"], "says": false}],
     "seconds": 300}

One line on standard output for each command that was run: the nonce from the variable
ENVCHECK_NONCE, then JSON. When a command does not end with status 0, those of its group that come
after it are left out; when ``seconds`` are over, all that come after are. ``env`` is added to this
process's own environment (null takes a name out).

- ``status``: ``exit`` or ``signal`` (how the command's own process ended), ``timeout``, ``missing``
  (it could not be started: ``error``).
- ``seconds``: wall time from just before the process was made to when it was seen to have ended.
- ``peak``: the largest resident set, in bytes, that one of its processes ever had, children that
  were waited for included; never less than this runner's own (about 10 MB).
- ``head``, ``tail``, ``cut``: standard output and standard error in the order in which they were
  written, each at most half of ``log_bytes``, and how many bytes between them are left out.
- ``index``: which of the commands this is. ``said``: what it wrote to file descriptor 3 (at most
  4 MiB), if it ``says`` something.
- ``files``: what is in each file to ``read`` afterwards; null: no regular file, or above 8 MiB.
- ``left``: processes that were still there 0.1 s after the command had ended, and were killed.
- ``escaped``: whether some could not be killed. ``guarded``: see below.

The command's processes may be hostile. They can neither write to this process's standard output
nor read its memory or the nonce (PR_SET_DUMPABLE); wherever they go, they stay its descendants
(PR_SET_CHILD_SUBREAPER), and none is left when the next command starts or this process ends. The
memory taken for their output is bounded, and no process or thread is made to end them. If who
started this process goes away, everything is ended at once.

Only modules written in C are imported: images of Python have no bytecode of the standard library,
where ``json`` alone would take longer than all else.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` makes enums
import binascii
import fcntl
import os
import resource
import select
import stat
import sys
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

GRACE = 2.0  # seconds from SIGTERM to SIGKILL
PATIENCE = 3.0  # seconds for processes to be gone after SIGKILL
LINGER = 0.1  # seconds for what the command started to end by itself
MOST_LOG = 2 << 20
MOST_SAID = 4 << 20
MOST_FILE = 8 << 20
PARENT = os.getppid()  # whoever waits for the answers
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36


def _prctl() -> Callable[..., int]:
    """The function ``prctl``; where there is none, one that says it failed."""
    try:
        import _ctypes

        function = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type]
        return lambda *arguments: _ctypes.call_function(function, arguments)
    except (ImportError, OSError, AttributeError, TypeError):
        return lambda *_arguments: -1


prctl = _prctl()


class Log:
    """The beginning and the end of what was written; what is between is counted."""

    def __init__(self, limit: int) -> None:
        self.half = max(min(limit, MOST_LOG) // 2, 1)
        self.head = bytearray()
        self.tail = bytearray()
        self.cut = 0

    def add(self, data: bytes) -> None:
        """Keep a piece, or drop older ones for it."""
        room = self.half - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > 2 * self.half:
            self.shorten()

    def shorten(self) -> None:
        """Bring the end to its size."""
        excess = max(len(self.tail) - self.half, 0)
        del self.tail[:excess]
        self.cut += excess


class Started:
    """A command's process: its ``pid`` (0: it could not be started, ``error``) and its pipes."""

    def __init__(self, command: dict[str, Any]) -> None:
        self.error = ""
        self.output, output = os.pipe()
        self.saying, saying = os.pipe()
        failed, failing = os.pipe()
        self.began = time.monotonic()
        try:
            self.pid = os.fork()
        except OSError as error:
            self.pid, self.error = 0, str(error)
        if self.pid == 0 and not self.error:
            _become(command, output, saying if command["says"] else -1, failing)
        for fd in (output, saying, failing):
            os.close(fd)
        if self.pid:
            self.error = os.read(failed, 1000).decode("utf-8", "replace")
            _first_to_be_killed(self.pid)
        os.close(failed)

    def close(self) -> None:
        """Close the pipes."""
        os.close(self.output)
        os.close(self.saying)


def _become(command: dict[str, Any], output: int, saying: int, failing: int) -> None:
    """In the new process: become the command. Never returns."""
    try:
        os.setpgid(0, 0)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.set_wakeup_fd(-1)
        for ignored in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):
            signal.signal(ignored, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        files = [failing, os.open(os.devnull, os.O_RDONLY), output, output]
        files += [saying] * (saying >= 0)  # copied up first, lest one is in the place of another
        failing, *moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 16) for fd in files]
        for number, fd in enumerate(moved):
            os.dup2(fd, number)
        os.closerange(len(moved), failing)
        os.closerange(failing + 1, 1024)
        env = {**os.environ, **command["env"]}
        env = {name: value for name, value in env.items() if value is not None}
        os.chdir(command["cwd"])
        os.execvpe(command["words"][0], command["words"], env)  # noqa: S606
    except BaseException as error:
        text = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        os.write(failing, text.encode("utf-8", "backslashreplace")[:1000])
    finally:
        os._exit(127)


def _first_to_be_killed(pid: int) -> None:
    """Where memory ends, the command is to be killed and not its runner."""
    try:
        with open(f"/proc/{pid}/oom_score_adj", "w") as file:
            file.write("500")
    except OSError:
        pass


def descendants() -> list[int]:
    """Processes below this one that have not ended; empty where there is no /proc."""
    parents: dict[int, int] = {}
    ended = set()
    own, session = os.getpid(), os.getsid(0)
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    words = file.read().rpartition(b")")[2].split()
                pid, parent = int(name), int(words[1])
            except (OSError, ValueError, IndexError):
                continue
            orphan = parent == 1 and int(words[3]) == session  # where there is no prctl
            parents[pid] = own if orphan and pid != own else parent
            if words[0] in (b"Z", b"X"):
                ended.add(pid)
    below = found = {own}
    while found:
        found = {pid for pid, parent in parents.items() if parent in below} - below
        below = below | found
    return list(below - ended - {own})


def send(number: int, pids: Iterable[int]) -> None:
    """A signal to each of these processes; a negative number is a group."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            continue


class Watch:
    """One command from its start until nothing of it is left."""

    def __init__(self, command: dict[str, Any], bell: int) -> None:
        self.bell = bell
        self.log = Log(command["log_bytes"])
        self.said = bytearray()
        self.status: int | None = None
        self.peak = 0
        self.timed_out = False
        self.ended = 0.0
        self.children = True
        self.started = Started(command)
        self.reading: dict[int, Callable[[bytes], None]] = {
            self.started.output: self.log.add,
            self.started.saying: self._say,
        }

    def _say(self, data: bytes) -> None:
        self.said += data[: MOST_SAID - len(self.said)]

    def until_ended(self, seconds: float) -> None:
        """Wait for the command; at the deadline ask it to end, then kill it."""
        if self.started.pid == 0:
            return
        if not self._wait(self.started.began + seconds):
            self.timed_out = True
            self._group(signal.SIGTERM)
            self._wait(time.monotonic() + GRACE)

    def _wait(self, end: float) -> bool:
        while self.status is None and self._turn(end):
            pass
        return self.status is not None

    def _turn(self, end: float) -> bool:
        """Read and reap for a while; False once ``end`` has passed or nobody waits for this."""
        left = end - time.monotonic()
        if left <= 0 or os.getppid() != PARENT:
            return False
        self._read(min(left, 1.0))
        self._reap()
        return True

    def _read(self, seconds: float) -> bool:
        """Read what is there or comes within ``seconds``; False if nothing did."""
        poll = select.poll()
        for fd in (self.bell, *self.reading):
            poll.register(fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(seconds * 1000 + bool(seconds))]
        for fd in ready:
            data = os.read(fd, 1 << 16)
            if not data:
                del self.reading[fd]
            elif fd != self.bell:
                self.reading[fd](data)
        return bool(ready)

    def _reap(self) -> None:
        while self.children:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.children = False
                return
            if pid == 0:
                return
            self.peak = max(self.peak, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
            if pid == self.started.pid:
                self.status = status
                self.ended = time.monotonic()

    def _group(self, number: int) -> None:
        if self.started.pid:
            send(number, [-self.started.pid])

    def clear(self) -> tuple[int, bool]:
        """End all that is left of the command; returns how many there were, and whether any is."""
        end = time.monotonic() + LINGER
        while self.children and self._turn(end):
            pass
        left = descendants() if self.children else []
        end = time.monotonic() + PATIENCE
        self._group(signal.SIGKILL)  # at once, whoever forks
        while self.children and time.monotonic() < end:
            self._stop_all()
            send(signal.SIGKILL, descendants())
            self._read(0.01)
            self._reap()
        end = time.monotonic() + LINGER
        while self.reading and self._read(0) and time.monotonic() < end:
            pass
        return len(left), bool(self.children and descendants())

    def _stop_all(self) -> None:
        """Stop them first: one that is stopped cannot start another while this looks elsewhere."""
        stopped: set[int] = set()
        for _ in range(20):
            new = set(descendants()) - stopped
            send(signal.SIGSTOP, new)
            stopped |= new
            if not new:
                break


def run(command: dict[str, Any], bell: int, guarded: bool) -> dict[str, Any]:
    """Run one command; returns its answer."""
    watch = Watch(command, bell)
    watch.until_ended(command["seconds"])
    left, escaped = watch.clear()
    watch.log.shorten()
    watch.started.close()
    answer = {
        "seconds": (watch.ended or time.monotonic()) - watch.started.began,
        "peak": watch.peak,
        "head": packed(watch.log.head),
        "tail": packed(watch.log.tail),
        "cut": watch.log.cut,
        "said": packed(watch.said),
        "files": [contents(path) for path in command["read"]],
        "left": left,
        "escaped": escaped,
        "guarded": guarded,
    }
    answer.update(_ending(watch))
    return answer


def _ending(watch: Watch) -> dict[str, Any]:
    if watch.started.error:
        return {"status": "missing", "exit": None, "signal": "", "error": watch.started.error}
    code, name = None, ""
    if watch.status is not None and os.WIFEXITED(watch.status):
        code = os.WEXITSTATUS(watch.status)
    elif watch.status is not None:
        number = os.WTERMSIG(watch.status)
        names = (name for name in sorted(dir(signal)) if getattr(signal, name) == number)
        name = next((name for name in names if name[3:].isalnum()), f"signal {number}")
    how = "timeout" if watch.timed_out else "signal" if name else "exit"
    return {"status": how, "exit": code, "signal": name, "error": ""}


def packed(data: bytes | bytearray) -> str:
    """Bytes as text, small."""
    return binascii.b2a_base64(zlib.compress(data, 1), newline=False).decode("ascii")


def json_of(value: object) -> str:
    """A value as JSON; in texts, what is no plain ASCII becomes ``?``."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join(f"{json_of(key)}: {json_of(value[key])}" for key in value)
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(json_of, value))
    if isinstance(value, str):
        plain = (mark if " " <= mark <= "~" and mark not in '"\\' else "?" for mark in value)
        return '"%s"' % "".join(plain)
    return {"None": "null", "True": "true", "False": "false"}.get(repr(value), repr(value))


def contents(path: str) -> str | None:
    """What a regular file holds, packed; None if it is none or too large."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb") as file:
            data = file.read(MOST_FILE + 1)
    except (OSError, ValueError):
        return None
    return packed(data) if len(data) <= MOST_FILE else None


def main(argument: str) -> None:
    """Run what the request says."""
    nonce = os.environ.pop("ENVCHECK_NONCE", "")
    guarded = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    guarded = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 and guarded
    if not argument.startswith("{"):
        with open(argument, encoding="utf-8") as file:
            argument = file.read()
    names = {"__builtins__": {}, "true": True, "false": False, "null": None}
    request = eval(argument, names)  # noqa: S307  # from who started this; JSON is Python
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(ring)
    end = time.monotonic() + request["seconds"]
    failed = set()
    for index, command in enumerate(request["commands"]):
        left = end - time.monotonic()
        if left > 0 and command["group"] not in failed:
            answer = run(dict(command, seconds=min(command["seconds"], left)), bell, guarded)
            if (answer["status"], answer["exit"]) != ("exit", 0):
                failed.add(command["group"])
            line = (nonce + json_of(dict(answer, index=index)) + "\n").encode("ascii")
            while line:
                line = line[os.write(1, line) :]


if __name__ == "__main__":
    main(sys.argv[1])
