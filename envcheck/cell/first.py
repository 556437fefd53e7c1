"""The first process of a cell's container: keeps it alive, and leads to the index.

``python -I -S -B -c TEXT REQUEST``; REQUEST is JSON::

    {"folder": directory of this cell on the store, "mark": path of a file that the host has made,
     "door": path of door.py, "socket": where the host listens, "port": where to listen}

It makes the cell's directory and prints one line of JSON: which interpreter this is, who owns the
store, and what the mark says. Then it listens, and prints ``listening``. It runs as the installer,
so that code of a package, which is another user, can neither end it nor look into it. At SIGTERM it
removes the cell's directory and ends with status 0, with 1 where something of it could not be
removed. For a while it says both lines again each second: an engine may start a container before it
hears what it says, though it was asked to listen first.
"""

from __future__ import annotations

import json
import os
import signal
import sys

TYPE_CHECKING = False
REPEATED = 60

if TYPE_CHECKING:
    from typing import Any


def remove(folder: str) -> bool:
    """Remove a directory, whatever its modes are; False where something of it is left."""
    import shutil

    try:
        shutil.rmtree(folder)
    except OSError:
        for place, folders, _files in os.walk(folder):
            for name in folders:
                path = os.path.join(place, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
        shutil.rmtree(folder, ignore_errors=True)
    return not os.path.lexists(folder)


def ready(request: dict[str, Any]) -> dict[str, Any]:
    """What the host wants to know before it trusts this container."""
    try:
        with open(request["mark"], encoding="ascii") as file:
            mark = file.read(100)
    except (OSError, ValueError):
        mark = ""
    return {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "threaded": "t" in getattr(sys, "abiflags", ""),
        "executable": sys.executable,
        "machine": os.uname().machine,
        "user": os.getuid(),
        "mark": mark,
        "store": os.stat(os.path.dirname(os.path.dirname(request["folder"]))).st_uid,
    }


def make(folder: str) -> None:
    """Make the cell's directory. A package cannot see which other cells there are."""
    cells = os.path.dirname(folder)
    for path, mode in (
        (cells, 0o711),
        (os.path.join(os.path.dirname(cells), "uv"), 0o700),
        (folder, 0o755),
        (os.path.join(folder, "tmp"), 0o700),
    ):
        try:
            os.mkdir(path, mode)
        except FileExistsError:
            continue


def main(request: dict[str, Any]) -> None:
    """Run until SIGTERM."""
    awaited = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)  # before any thread is started
    answer = ready(request)
    try:
        make(request["folder"])
    except OSError as error:
        answer["error"] = error.strerror
    said = [json.dumps(answer).encode("ascii") + b"\n", b"listening\n"]
    os.write(1, said[0])
    import threading

    door: dict[str, Any] = {"__name__": "door"}
    with open(request["door"], encoding="utf-8") as file:
        exec(compile(file.read(), "door.py", "exec"), door)  # noqa: S102 - it is ours
    way = (door["listen"](request["port"]), request["socket"])
    threading.Thread(target=door["accept"], args=way, daemon=True).start()
    os.write(1, said[1])
    again = REPEATED
    while True:
        number = signal.sigtimedwait(awaited, 1.0 if again else 3600.0)
        if number is None and again:
            again -= 1
            os.writev(1, said)
        elif number is not None and number.si_signo == signal.SIGTERM:
            break
        door["reap"]()
    os._exit(0 if remove(request["folder"]) else 1)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
