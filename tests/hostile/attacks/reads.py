"""Looks for the host's secrets in files, variables and other processes."""

import os

from bait import FILES, TOKEN, attempt, contents, managed, mounts, tried, walk

for root in (
    "",
    "/proc/1/root",
    "/proc/self/root",
    f"/proc/{os.getppid()}/root",
    "/host",
    "/mnt",
):
    for path in FILES:
        if attempt("", contents, root + path) is not None:
            managed("read " + root + path)

for name, value in os.environ.items():
    if TOKEN in value:
        managed("variable " + name)

for process in filter(str.isdigit, os.listdir("/proc")):
    for part in ("environ", "cmdline"):
        if TOKEN.encode() in (attempt("", contents, f"/proc/{process}/{part}") or b""):
            managed(f"{part} of another process")

roots = {os.path.expanduser("~"), "/root", "/home", "/etc", "/run", "/var/run", "/envcheck"}
roots |= {path for path, kind in mounts().items() if kind not in ("proc", "sysfs", "cgroup")}
for root in sorted(roots - {"/"}):
    for path in walk(root, 1.0):
        if path.endswith((".py", ".pyc", ".tar.gz", ".whl", ".c")) or "/hostile" in path:
            continue  # its own
        small = os.path.isfile(path) and os.path.getsize(path) < 1 << 20
        if small and TOKEN.encode() in (attempt("", contents, path) or b""):
            managed("found it in " + path)

for path in (
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
):
    if os.path.exists(path):
        managed("sees " + path)
tried()
