"""Waiting for processes of others to be gone."""

from __future__ import annotations

import time


def ends(pid: int, seconds: float = 20.0) -> bool:
    """Whether ``pid`` is gone, or a zombie that nobody reaps, within ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False
