"""Children where there is no fork: commands by subprocess, functions not at all."""

import subprocess
import time

from .protocol import Outcome


class WithoutFork:
    """As ``protocol.Child``. A function is not run in-process: what it asks stays unknown."""

    def __init__(self, argv, deadline, stdin=None):
        self.argv = argv
        self.stdin = subprocess.DEVNULL if stdin is None else stdin
        self.deadline = deadline

    def wait(self):
        start = time.monotonic()
        if self.argv is None:
            return Outcome("missing", None, b"", b"this platform cannot fork", 0.0)
        try:
            done = subprocess.run(
                self.argv,
                stdin=self.stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=self.deadline,
            )
        except subprocess.TimeoutExpired:
            return Outcome("timeout", None, b"", b"", time.monotonic() - start)
        except OSError as error:
            return Outcome("missing", None, b"", str(error).encode("utf-8", "replace"), 0.0)
        status = "exit" if done.returncode else "ok"
        seconds = time.monotonic() - start
        return Outcome(status, done.returncode, done.stdout, done.stderr, seconds)
