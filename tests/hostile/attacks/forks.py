"""Forks without end. Only where processes are limited."""

import os
import signal
import time

from bait import attempt, only_in_a_cell, tried

only_in_a_cell()

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
tried()
while True:
    try:
        if os.fork() == 0:
            attempt("", os.setsid)
    except OSError:
        time.sleep(0.05)
