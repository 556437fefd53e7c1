"""A spinner for what is slow, on a terminal only, and only once it is slow."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 0.7  # seconds before saying anything


@contextmanager
def waiting(message: str) -> Iterator[None]:
    """Show ``message`` on standard error while the body takes longer than PATIENCE."""
    if not sys.stderr.isatty():
        yield
        return
    from threading import Event, Thread

    done = Event()
    thread = Thread(target=_spin, args=(message, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _spin(message: str, done: object) -> None:
    from threading import Event

    assert isinstance(done, Event)
    if done.wait(PATIENCE):
        return
    from rich.console import Console

    with Console(stderr=True).status(message):
        done.wait()
