"""Does not end, whoever asks."""

import os
import signal
import time

from bait import tried

for number in range(1, 32):
    if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
tried()
while True:
    time.sleep(60)
