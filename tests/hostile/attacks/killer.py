"""Kills all that it may kill, beginning with who started it."""

import os
import signal

from bait import only_in_a_cell, tried

only_in_a_cell()

tried()
for pid in (os.getppid(), -1, 1):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError as error:
        print(f"{pid}: {error}", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
