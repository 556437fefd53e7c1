"""Processes that a room has left behind, ended without knowing their ids.

What runs in a room carries the room's name in its environment, which children inherit: also those
that left the session of their parent. Where there is no ``/proc``, only sessions are ended. Code
that removes the name from its own environment is not found: no isolation is promised.
"""

from __future__ import annotations

import os
import time

from envcheck.process import signals

MARK = "ENVCHECK_ROOM"
_ROUNDS = 50  # of killing: whoever forks while it is looked for is found in the next one
_PAUSE = 0.002  # seconds


def end(mark: str) -> int:
    """SIGKILL to every process whose room is ``mark``, until there is none; how many there were.

    ``mark`` ending in a separator means all rooms below that directory.
    """
    ended: set[int] = set()
    for _ in range(_ROUNDS):
        alive = _in_room(mark)
        if not alive:
            break
        for pid in alive:
            try:
                os.kill(pid, signals.SIGKILL)
            except OSError:
                continue
        ended |= alive
        time.sleep(_PAUSE)
    return len(ended)


def _in_room(mark: str) -> set[int]:
    wanted = f"{MARK}={mark}".encode()
    if not mark.endswith(os.sep):
        wanted += b"\0"
    found = set()
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                environment = b"\0" + file.read()
        except OSError:  # of another user, or gone
            continue
        if b"\0" + wanted in environment and not _is_zombie(name):
            found.add(int(name))
    return found


def _is_zombie(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):
        return True
