"""Changes what belongs to others: the shared cache, other environments, its own inputs."""

import os
import sys

from bait import FOLDERS, NAME, PHASE, attempt, in_a_cell, managed, mounts, tried, walk

mine = ("/tmp", "/cell", "/dev", "/proc", "/sys", "/var/tmp")
if PHASE == "build":
    mine += (os.getcwd(),)
own = ("tmpfs", "proc", "sysfs", "cgroup", "mqueue", "devpts", "devtmpfs")
roots = [path for path in FOLDERS if os.path.isdir(path)]
if in_a_cell():
    roots += [path for path, kind in mounts().items() if kind not in own]
    roots += [os.path.abspath(path) for path in sys.path]
found = 0
for root in roots:
    if root.rstrip("/") == "" and PHASE == "start":
        continue
    for path in [root, *walk(root, 0.5 if PHASE == "start" else 3.0)]:
        if (path.startswith(mine) and not path.startswith(FOLDERS or ("\0",))) or found > 20:
            continue
        if os.path.isdir(path) and os.access(path, os.W_OK):
            made = os.path.join(path, f"MANAGED-{NAME}-{os.getuid()}")
            try:
                open(made, "w").close()
            except OSError:
                continue
            found += 1
            managed(f"uid {os.getuid()} made {made}")
        elif os.path.isfile(path) and os.access(path, os.W_OK):
            try:
                with open(path, "ab") as file:
                    file.write(b"# MANAGED\n")
            except OSError:
                continue
            found += 1
            managed(f"uid {os.getuid()} changed {path}")
        elif os.path.isfile(path) and os.lstat(path).st_uid == os.getuid():
            attempt("chmod of " + path, os.chmod, path, 0o777)
tried()
