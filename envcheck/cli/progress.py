"""A spinner for what is slow, on a terminal only, and only once it is slow."""

from __future__ import annotations

import sys

from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event, Thread

PATIENCE = 0.7  # seconds before saying anything


class waiting:  # noqa: N801 - reads as the function that it replaces, without contextlib
    """Show ``message`` on standard error while the body of the ``with`` outlasts PATIENCE."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._done: Event | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> None:
        if not sys.stderr.isatty():
            return
        from threading import Event, Thread

        self._done = Event()
        self._thread = Thread(target=_spin, args=(self._message, self._done), daemon=True)
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        if self._done is not None and self._thread is not None:
            self._done.set()
            self._thread.join()


def _spin(message: str, done: Event) -> None:
    if done.wait(PATIENCE):
        return
    from rich.console import Console

    with Console(stderr=True).status(message):
        done.wait()
