"""The first process of a container: its only way out, to one Unix socket.

``door.py SOCKET PORT`` listens on 127.0.0.1:PORT and carries each connection to SOCKET. It says
``ready`` when it listens, reaps what is left without a parent, never ends by itself. Once nobody
listens at SOCKET, connections are closed at once: the container then has no network.

The kernel keeps the first process from signals that nobody handles, so that the code under test
cannot end its own container; Python handles one by itself, which is therefore ignored here.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

PIECE = 1 << 18


def main(arguments: list[str]) -> None:
    """Serve for ever."""
    path, port = arguments[0], int(arguments[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # before any thread is started
    listening = listen(port)
    threading.Thread(target=accept, args=(listening, path), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        signal.sigwait([signal.SIGCHLD])
        reap()


def listen(port: int) -> socket.socket:
    """A socket that listens inside of the container only."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(128)
    return listening


def reap() -> None:
    """Take the status of every child that has ended: orphans come to the first process."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except OSError:
            return


def accept(listening: socket.socket, path: str) -> None:
    """A thread for each connection."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            threading.Event().wait(0.05)  # no file descriptor is left, for example
            continue
        try:
            threading.Thread(target=carry, args=(connection, path), daemon=True).start()
        except RuntimeError:  # no process is left: the limit holds for threads too
            connection.close()


def carry(connection: socket.socket, path: str) -> None:
    """Carry bytes both ways until both sides have ended."""
    other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        other.connect(path)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        there = threading.Thread(target=pump, args=(connection, other), daemon=True)
        there.start()
        pump(other, connection)
        end(connection)  # whoever answers has gone: nothing that is still asked is of use
        there.join()
    except (OSError, RuntimeError):
        pass
    finally:
        connection.close()
        other.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy from one socket to the other until it ends; then say so to the other."""
    buffer = memoryview(bytearray(PIECE))
    try:
        while True:
            count = source.recv_into(buffer)
            if not count:
                break
            sink.sendall(buffer[:count])
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        end(source)
        end(sink)


def end(connection: socket.socket) -> None:
    """No more bytes either way."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


if __name__ == "__main__":
    main(sys.argv[1:])
