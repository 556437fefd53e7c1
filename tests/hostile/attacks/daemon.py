"""Leaves a process behind that waits for what comes after."""

import os
import sys

from bait import FOLDERS, PHASE, TOKEN, attempt, contents, in_a_cell, managed, mounts, tried

CODE = """
import os, sys, time
end = time.time() + 300
while time.time() < end:
    for folder in sys.argv[2:]:
        try:
            open(folder + "/MANAGED-daemon", "w").close()
        except OSError:
            pass
    time.sleep(0.2)
"""
MARK = "daemon-" + TOKEN
for process in filter(str.isdigit, os.listdir("/proc")):
    words = attempt("", contents, f"/proc/{process}/cmdline") or b""
    if PHASE == "import" and MARK.encode() in words:
        managed("the daemon of before is alive")

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        os.closerange(3, 256)
        folders = list(FOLDERS)
        if in_a_cell():
            own = ("tmpfs", "proc", "sysfs", "cgroup")
            folders += [path for path, kind in mounts().items() if kind not in own]
            folders += [path for path in sys.path if not path.startswith((os.getcwd(), "/tmp"))]
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", CODE, MARK, *folders])
    os._exit(0)
os.wait()
tried()
