"""The first process of a container, as an ordinary one: what it carries, and for how long."""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

DOOR = Path(__file__).parents[3] / "envcheck" / "cell" / "door.py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Echo:
    """Says back what it hears until the other side ends, then how much that was."""

    def __init__(self, path: Path) -> None:
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen(100)
        self.ended: list[int] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        count = 0
        with connection, contextlib.suppress(OSError):
            while piece := connection.recv(1 << 20):
                count += len(piece)
                connection.sendall(piece)
            connection.sendall(b"%d" % count)
        self.ended.append(count)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    made = Echo(tmp_path / "s")
    yield made
    try:
        made.close()
    except OSError:
        pass


@pytest.fixture(params=["here", "oldest"])
def port(request, tmp_path: Path, interpreters) -> Iterator[int]:
    """Of a door to ``tmp_path/s``, by this Python and by the oldest."""
    able = {tuple(map(int, version.split("."))): path for version, path in interpreters.items()}
    oldest = able[min(version for version in able if version >= (3, 7))]
    python = sys.executable if request.param == "here" else oldest
    number = free_port()
    door = subprocess.Popen(
        [python, "-I", "-S", str(DOOR), str(tmp_path / "s"), str(number)], stdout=subprocess.PIPE
    )
    assert door.stdout
    assert door.stdout.readline() == b"ready\n"
    yield number
    assert door.poll() is None  # it never ends by itself
    door.kill()
    door.communicate()


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.settimeout(10)
    return connection


def all_of(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(1 << 20):
        answer += piece
    return answer


def test_bytes_go_both_ways_and_ends_too(echo, port):
    data = os.urandom(3_000_000)
    with connect(port) as connection:
        sender = threading.Thread(
            target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR))
        )
        sender.start()
        assert all_of(connection) == data + b"3000000"
        sender.join()


def test_many_at_once(echo, port):
    several = [connect(port) for _ in range(50)]
    for number, connection in enumerate(several):
        connection.sendall(b"%d" % number)
    for number, connection in reversed(list(enumerate(several))):
        assert connection.recv(100) == b"%d" % number
        connection.close()
    end = time.monotonic() + 10
    while len(echo.ended) < 50 and time.monotonic() < end:
        time.sleep(0.01)
    assert len(echo.ended) == 50


def test_nobody_listens_any_more(echo, port, tmp_path):
    with connect(port) as before:
        before.sendall(b"x")
        assert before.recv(10) == b"x"
        echo.close()
        (tmp_path / "s").unlink()
        with connect(port) as after:
            try:
                assert after.recv(10) == b""
            except ConnectionError:
                pass
    Echo(tmp_path / "s")
    with connect(port) as again:
        again.sendall(b"x")
        assert again.recv(10) == b"x"


def test_a_client_that_goes_takes_nothing_with_it(echo, port):
    for _ in range(20):
        connection = connect(port)
        connection.sendall(b"x" * 1_000_000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    with connect(port) as connection:
        connection.sendall(b"still there")
        assert connection.recv(100) == b"still there"


@pytest.mark.root
def test_as_the_first_process_it_reaps_and_cannot_be_ended_from_inside(tmp_path):
    script = """
import os, signal, subprocess, sys, time
for _ in range(5):
    subprocess.Popen(["sh", "-c", "sleep 0.1 & exec true"]).wait()
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL, signal.SIGUSR1):
    os.kill(1, number)
time.sleep(0.6)
states = [open("/proc/%s/stat" % p).read().rpartition(")")[2].split()[0]
          for p in os.listdir("/proc") if p.isdigit()]
print(states.count("Z"), os.path.exists("/proc/1"), flush=True)
os._exit(0)
"""
    (tmp_path / "inside.py").write_text(script)
    shell = (
        f"{sys.executable} -I -S {tmp_path}/inside.py & "
        f"exec {sys.executable} -I -S {DOOR} {tmp_path}/s {free_port()}"
    )
    words = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "sh", "-c", shell]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert running.stdout
    lines = sorted(running.stdout.readline() for _ in range(2))
    assert lines == ["0 True\n", "ready\n"]
    assert running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.communicate()


def test_it_is_written_for_python_3_7():
    ast.parse(DOOR.read_text(), feature_version=(3, 7))
