"""What a command and all its descendants cost, measured by the small C program beside this file.

A Python parent cannot measure this: ``fork`` hands its own peak memory on to the child, which then
never reports less. The C program is compiled with the first C compiler found, once per process.
"""

from __future__ import annotations

import atexit
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launcher.c")


class Usage(NamedTuple):
    """Cost of one run. Times in seconds, memory in MiB.

    ``cpu``: user + system of the command and all its descendants. ``peak``: the largest single
    process. ``together``: the largest sum of proportional set sizes, 0 unless asked for.
    ``code``: exit status, negative for a signal. ``left``: descendants that outlived the command.
    """

    cpu: float
    wall: float
    peak: float
    together: float
    code: int
    left: int
    output: bytes
    timed_out: bool = False


@cache
def compiled() -> str:
    """Path of the launcher, compiled now if this process has not done so. Raises RuntimeError."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise RuntimeError("measuring needs a C compiler (cc, gcc or clang)")
    folder = tempfile.mkdtemp(prefix="envcheck-launcher-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = os.path.join(folder, "launcher")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"the launcher does not compile: {done.stderr.strip()}")
    return program


def measure(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None = None,
    timeout: float = 120.0,
    terminal: bool = False,
    memory: bool = False,
) -> Usage:
    """Run ``argv`` with its output in a pipe, or on a pseudo-terminal of 100 columns.

    After ``timeout`` seconds everything is killed and ``timed_out`` set.
    """
    report_read, report_write = os.pipe()
    read, write = os.openpty() if terminal else os.pipe()
    if terminal:
        _set_size(write, columns=100, rows=40)
    command = [compiled(), str(report_write), "memory" if memory else "time", *argv]
    process = subprocess.Popen(
        command,
        stdin=write if terminal else subprocess.DEVNULL,
        stdout=write,
        stderr=write,
        env=dict(env),
        cwd=cwd,
        pass_fds=[report_write],
        start_new_session=True,
    )
    os.close(write)
    os.close(report_write)
    output, timed_out = _drain(read, process, timeout)
    if timed_out:
        _kill(process)
    with os.fdopen(report_read, "rb") as stream:
        line = stream.read()
    process.wait()
    return _usage(line, output, timed_out, timeout)


def _usage(line: bytes, output: bytes, timed_out: bool, timeout: float) -> Usage:
    if not line:  # the launcher had to be killed too
        return Usage(0.0, timeout, 0.0, 0.0, -signal.SIGKILL, 1, output, timed_out)
    user, system, wall, peak, together, status, left = map(int, line.split())
    code = os.waitstatus_to_exitcode(status)
    cpu = (user + system) / 1e6
    return Usage(cpu, wall / 1e6, peak / 1024, together / 1024, code, left, output, timed_out)


def _drain(read: int, process: subprocess.Popen[bytes], timeout: float) -> tuple[bytes, bool]:
    """All output; True if ``timeout`` passed first."""
    end = time.monotonic() + timeout
    chunks: list[bytes] = []
    timed_out = False
    while True:
        left = end - time.monotonic()
        ready = select.select([read], [], [], max(0.0, min(left, 0.2)))[0]
        if ready:
            try:
                chunk = os.read(read, 1 << 16)
            except OSError:  # Linux answers EIO when the last terminal user is gone
                chunk = b""
            if not chunk:
                break
            chunks.append(chunk)
        elif process.poll() is not None:
            break
        if left <= 0:
            timed_out = True
            break
    os.close(read)
    return b"".join(chunks), timed_out


def _kill(launcher: subprocess.Popen[bytes]) -> None:
    """Everything below the launcher, sessions of their own included; it reaps them and ends.

    Again and again, for what was forked meanwhile; after three seconds the launcher is killed too.
    """
    end = time.monotonic() + 3
    while launcher.poll() is None and time.monotonic() < end:
        for pid in _descendants(launcher.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.02)
    launcher.kill()


def _descendants(root: int) -> list[int]:
    found = [root]
    for pid in found:
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                found += map(int, file.read().split())
        except OSError:
            continue
    return found[1:]


def _set_size(terminal: int, *, columns: int, rows: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
