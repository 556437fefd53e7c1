"""Kills all that it may kill, beginning with who started it."""

import os
import signal

from bait import only_in_a_cell, tried

only_in_a_cell()

tried()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
for pid in (1, os.getppid(), -1):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except OSError as error:
            print(f"{pid}: {error}", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
