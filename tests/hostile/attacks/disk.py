"""Writes until there is no room, everywhere."""

import errno
import os

from bait import PHASE, managed, mounts, only_in_a_cell

only_in_a_cell()

LIMIT = 3 << 30
folders = {
    os.getcwd(),
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    os.path.expanduser("~"),
    "/cell",
    "/envcheck/store",
    "/envcheck/in",
    "/",
}
folders |= {
    path for path, kind in mounts().items() if kind not in ("proc", "sysfs", "cgroup", "mqueue")
}
total = 0
for folder in sorted(folders):
    if not os.path.isdir(folder):
        continue
    try:
        with open(os.path.join(folder, f"filler-{os.getpid()}"), "wb", buffering=0) as file:
            while total < LIMIT:
                total += file.write(bytes(1 << 20))
    except OSError as error:
        print(f"{folder}: {error}", flush=True)
if total >= LIMIT:
    managed(f"wrote {total} bytes")
print(f"TRIED disk {PHASE}, {total} bytes", flush=True)
raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
