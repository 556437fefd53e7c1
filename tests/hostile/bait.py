"""What attacks share. A package carries it with the first lines filled in, see ``hostile.text``."""

import os
import sys
import time

NAME, PHASE, TOKEN = "", "", ""
FILES, FOLDERS, LISTENERS = (), (), ()
# -- filled in


def managed(what):
    line = f"MANAGED {PHASE}: {NAME} {what}\n"
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.write(line)
            stream.flush()
        except Exception:
            pass


def tried():
    print(f"TRIED {NAME} {PHASE}", flush=True)


def in_a_cell():
    """Whether this is none of the machines that somebody needs."""
    return os.getuid() != 0 and os.path.isdir("/envcheck")


def only_in_a_cell():
    """End here where harm could be done."""
    if not in_a_cell():
        sys.exit(f"{NAME} would do harm here")


def attempt(what, function, *arguments):
    """What the function returns, None if it could not; ``what``: said if it could."""
    try:
        result = function(*arguments)
    except Exception:
        return None
    if what:
        managed(f"{what}: {ascii(result)[:300]}")
    return result


def contents(path, size=1 << 20):
    with open(path, "rb") as file:
        return file.read(size)


def mounts():
    """Mount point -> type of file system."""
    found = {}
    for line in contents("/proc/self/mountinfo").decode().splitlines():
        left, _, right = line.partition(" - ")
        found[left.split()[4].encode().decode("unicode_escape")] = right.split()[0]
    return found


def walk(root, seconds=4.0):
    """Paths below ``root`` on its own file system, as far as time allows."""
    end = time.time() + seconds
    try:
        device = os.stat(root).st_dev
    except OSError:
        return
    pending = [root]
    while pending and time.time() < end:
        folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            yield entry.path
            try:
                if entry.is_dir(follow_symlinks=False) and entry.stat().st_dev == device:
                    pending.append(entry.path)
            except OSError:
                continue
