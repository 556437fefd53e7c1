"""The engine as the docker backend uses it: a warm connection for each thread, what it can do."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from envcheck.errors import TargetError
from envcheck.targets import engine

if TYPE_CHECKING:
    from docker import DockerClient

TIMEOUT = 120.0  # seconds for a single answer: removing a container of a busy engine takes long
PATIENCE = 30.0  # seconds for an engine to come back


class Engine:
    """Connections to the engine that DOCKER_HOST or the current context names."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._lock = threading.Lock()
        self._clients: list[DockerClient] = []
        self._info: dict[str, Any] = {}
        self.reaches_sockets = False  # of this machine, from inside a container

    @property
    def client(self) -> DockerClient:
        """A connection of this thread. Raises TargetError where no engine answers."""
        found: DockerClient | None = getattr(self._own, "client", None)
        if found is None:
            found = self._own.client = engine.connect(TIMEOUT)
            with self._lock:
                self._clients.append(found)
        return found

    @property
    def api(self) -> Any:
        """The same, on the level of single requests, some of which have no types."""
        return self.client.api

    def wait(self) -> None:
        """Wait for an engine that is being started again. Raises TargetError.

        By a new connection, which this thread uses from now on: an engine that is ending still
        answers those that it has.
        """
        end = time.monotonic() + PATIENCE
        self._forget()
        while True:
            try:
                self.client.ping()
            except Exception as error:
                self._forget()
                if time.monotonic() > end:
                    raise engine.refused("reach the Docker engine", error) from error
                time.sleep(0.25)
            else:
                return

    def _forget(self) -> None:
        old: DockerClient | None = getattr(self._own, "client", None)
        self._own.client = None
        if old is not None:
            with self._lock:
                self._clients.remove(old)
            old.close()

    @property
    def info(self) -> dict[str, Any]:
        """What the engine says of itself, asked once. Raises TargetError."""
        if not self._info:
            try:
                self._info = self.api.info()
            except TargetError:
                raise
            except Exception as error:
                raise engine.refused("ask the Docker engine about itself", error) from error
        return self._info

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients:
                client.close()
            self._clients.clear()
        self._own = threading.local()
