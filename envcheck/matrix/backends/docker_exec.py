"""Commands in a container, by the engine's exec: bounded output, a deadline.

The engine cannot end an exec, so whoever waits in vain has to end the container.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.targets import engine, remote

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from envcheck.process import Completed

LIMIT = 64 << 20  # bytes kept of each stream
_PIECE = 1 << 16


class Exec(NamedTuple):
    """A command for a container. ``user``: as ``10002:10002``; ``timeout`` in seconds."""

    words: Sequence[str]
    user: str
    folder: str
    env: Mapping[str, str]
    timeout: float


def run(api: Any, container: str, what: Exec) -> Completed | None:
    """Run it to its end; None if it is still there at the deadline. Raises TargetError."""
    started = time.monotonic()
    end = started + what.timeout
    out, err = bytearray(), bytearray()
    try:
        made = api.exec_create(
            container,
            list(what.words),
            user=what.user,
            workdir=what.folder,
            environment=dict(what.env),
        )["Id"]
        for number, data in frames(api.exec_start(made, socket=True), end):
            sink = err if number == 2 else out
            sink += data[: LIMIT - len(sink)]
        code = _exit_status(api, made, end)
    except TimeoutError:
        return None
    except Exception as error:  # of docker, of requests, of the socket
        raise engine.refused("run a command in the cell's container", error) from error
    return remote.completed(code, bytes(out), bytes(err), time.monotonic() - started)


def frames(answer: Any, end: float) -> Generator[tuple[int, bytes]]:
    """What a stream of the engine carries, in pieces: 1 or 2 (standard output or error), bytes.

    ``answer`` is what docker-py gives as a socket. Raises TimeoutError at ``end``.
    """
    response = answer._response
    # docker-py would read from the socket, past what has come along with the headers.
    file = response.raw._fp.fp
    socket = getattr(answer, "_sock", answer)
    try:
        while True:
            header = _read(file, socket, 8, end)
            if len(header) < 8:
                return
            left = int.from_bytes(header[4:], "big")
            while left:
                data = _read(file, socket, min(left, _PIECE), end)
                if not data:
                    return
                left -= len(data)
                yield header[0], data
    finally:
        response.close()


def _read(file: Any, socket: Any, size: int, end: float) -> bytes:
    """``size`` bytes, fewer only where the stream ends."""
    data = b""
    while len(data) < size:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        socket.settimeout(left)
        piece = file.read1(size - len(data))
        if not piece:
            break
        data += piece
    return data


def _exit_status(api: Any, made: str, end: float) -> int:
    """The engine may need a moment to know it after the stream has ended."""
    pause = 0.002
    while True:
        state = api.exec_inspect(made)
        if not state["Running"] and state["ExitCode"] is not None:
            return int(state["ExitCode"])
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(pause)
        pause = min(2 * pause, 0.2)
