"""How long an index is waited for, and what may go well another time."""

from __future__ import annotations

from typing import NamedTuple


class Patience(NamedTuple):
    """How long an index is waited for, in seconds, and how often it is asked again.

    ``read``: until its answer begins, and between two pieces of what follows. Whoever sends less
    than ``slowest`` bytes per second on average over ``window`` has stalled. A page must be there
    within ``whole``, all attempts together, and one of more than ``page`` bytes is none (the
    largest known has 40 MB). ``connections``: at once with one host; half of the files of a large
    index take it 0.1 s to begin with, so fewer make a thousand small requests slow.
    """

    connect: float = 10.0
    read: float = 20.0
    attempts: int = 5
    backoff: float = 0.25  # doubled each time
    longest: float = 8.0  # that an index may ask us to wait
    window: float = 20.0
    slowest: float = 1024.0
    whole: float = 180.0
    page: int = 96 << 20
    connections: int = 32


PATIENCE = Patience()


class Again(Exception):  # noqa: N818 - a request to try again, no error of its own
    """It may go well another time; ``after``: seconds that the index asks to wait."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
