"""What control groups (version 1 and 2) allow this process: the least over the group and all its
ancestors that can be seen.

Every function takes ``root``, below which ``proc`` and the mounts lie, so that a fixture tree can
stand for another machine.
"""

import os

from .mounts import unescape
from .protocol import read_text

NO_LIMIT = 1 << 60  # version 1 writes 2**63 rounded down to a page for "none"


def groups(controller, root="/"):
    """Directories of ``controller``'s group and its ancestors, nearest first: (version, path)."""
    own = _own_groups(read_text(_below(root, "/proc/self/cgroup")) or "", controller)
    found = []
    for line in (read_text(_below(root, "/proc/self/mountinfo"), 1 << 22) or "").splitlines():
        if " - cgroup" not in line:
            continue
        left, _, right = line.partition(" - ")
        fields, system = left.split(" "), right.split(" ")
        version = 2 if system[0] == "cgroup2" else 1
        if len(fields) < 5 or version not in own or len(system) < 3:
            continue
        if version == 1 and controller not in system[2].split(","):
            continue
        found += [
            (version, folder)
            for folder in _ancestors(unescape(fields[4]), unescape(fields[3]), own[version], root)
        ]
    return found


def _own_groups(text, controller):
    """Version -> path of this process's group, out of /proc/self/cgroup."""
    own = {}
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            own[2] = path
        elif controller in controllers.split(","):
            own[1] = path
    return own


def _ancestors(mount, mount_root, path, root):
    """From the group's directory up to the mount point."""
    relative = path
    if mount_root != "/":  # a container sees its own group mounted as the root
        relative = path[len(mount_root) :] if path.startswith(mount_root) else ""
    parts = [part for part in relative.split("/") if part]
    if ".." in parts:
        parts = []
    for length in range(len(parts), -1, -1):
        yield _below(root, os.path.join(mount, *parts[:length]))


def memory_limit(root="/"):
    """(bytes, where it was read); (None, "") without a limit."""
    least = None, ""
    for index, (version, folder) in enumerate(groups("memory", root)):
        file = os.path.join(folder, "memory.max" if version == 2 else "memory.limit_in_bytes")
        least = _least(least, _number(file), file)
        if version == 1 and index == 0:
            # ancestors beyond what a container sees still show in the group's own statistics
            file = os.path.join(folder, "memory.stat")
            least = _least(least, _statistic(file, "hierarchical_memory_limit"), file)
    return least


def memory_available(root="/"):
    """Bytes that may still be taken before a group's limit is hit; None without a limit.

    The page cache that can be dropped (``inactive_file``) does not count as used.
    """
    least = None
    for version, folder in groups("memory", root):
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        if version == 2:
            names = ("memory.max", "memory.current")
        limit, used = (_number(os.path.join(folder, name)) for name in names)
        if limit is None or used is None:
            continue
        key = "inactive_file" if version == 2 else "total_inactive_file"
        cached = _statistic(os.path.join(folder, "memory.stat"), key) or 0
        left = max(0, limit - max(0, used - cached))
        least = left if least is None else min(least, left)
    return least


def cpu_quota(root="/"):
    """(processors' worth of time, where it was read); (None, "") without a quota."""
    least = None, ""
    for version, folder in groups("cpu", root):
        if version == 2:
            file = os.path.join(folder, "cpu.max")
            words = (read_text(file, 128) or "").split()
        else:
            file = os.path.join(folder, "cpu.cfs_quota_us")
            period = read_text(os.path.join(folder, "cpu.cfs_period_us"), 64) or ""
            words = [read_text(file, 64) or "", period]
        try:
            quota, period = (int(word) for word in words)
        except ValueError:  # "max", or no such file
            continue
        if quota > 0 and period > 0:
            least = _least(least, round(quota / period, 3), file)
    return least


def process_limit(root="/"):
    """(number of processes and threads, where it was read); (None, "") without a limit."""
    least = None, ""
    for _, folder in groups("pids", root):
        file = os.path.join(folder, "pids.max")
        least = _least(least, _number(file), file)
    return least


def _least(least, value, source):
    if value is None or (least[0] is not None and least[0] <= value):
        return least
    return value, source


def _number(file):
    """The number in a one-line file; None for "no limit" of either version, and if unreadable."""
    text = (read_text(file, 64) or "").strip()
    if not text.isdigit():
        return None
    value = int(text)
    return value if value < NO_LIMIT else None


def _statistic(file, key):
    for line in (read_text(file, 1 << 16) or "").splitlines():
        name, _, value = line.partition(" ")
        if name == key and value.strip().isdigit():
            number = int(value)
            return number if number < NO_LIMIT else None
    return None


def _below(root, path):
    return path if root == "/" else os.path.join(root, path.lstrip("/"))
