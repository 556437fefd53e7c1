"""A Docker image: the agent runs in a container of it that is removed whatever happens.

Nothing is mounted, copied or installed: the agent comes in the arguments. The container is as
``docker run`` would make it, but without a network unless the index is to be asked: its root is
writable, because a read-only one would be reported as the image's own.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import envcheck
from envcheck.errors import TargetError
from envcheck.targets import engine, remote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from docker.models.containers import Container

    from envcheck.model.facts import FactSheet
    from envcheck.process import Completed
    from envcheck.targets.base import AgentRequest

_PATIENCE = 2.0  # seconds for an engine to make a container that nobody waits for any more


class Image:
    """The image that the engine knows as ``reference``; ``python`` names the interpreter in it."""

    def __init__(self, reference: str, python: str = "") -> None:
        self.reference = reference
        self.python = python

    def start(self, request: AgentRequest) -> Running:
        """Find the image and the interpreter in it. Raises TargetError."""
        return Running(self, request)


class Running:
    """An image that is about to be examined."""

    def __init__(self, target: Image, request: AgentRequest) -> None:
        self.target = target
        self.request = request
        self.client = engine.connect(request.timeout + 2 * remote.SLACK)
        self.image = _local_image(self.client, target.reference)
        self.agent = remote.payload(request)
        self.choice = self._choose()

    def _choose(self) -> engine.Choice:
        config, place = self.image.attrs["Config"] or {}, f"the image {self.target.reference}"
        with self._container(["true"], []) as container:
            return engine.find_interpreter(container, config, self.target.python, place=place)

    def finish(self) -> FactSheet:
        """The sheet. Raises TargetError, AgentError."""
        target: dict[str, Any] = {
            "kind": "image",
            "name": self.target.reference,
            "chosen_by": self.choice.chosen_by,
            "id": self.image.id,
        }
        name = f"{self.choice.path} in {self.target.reference}"
        return remote.examine_elsewhere(
            self._attempt, target, lambda first: remote.failure(name, first)
        )

    def _attempt(self, flags: tuple[str, ...]) -> Completed:
        words = remote.words(self.request, flags, self.agent)
        started = time.monotonic()
        with self._container([self.choice.path], words) as container:
            try:
                container.start()
            except Exception as error:
                raise self._did_not_start(error) from error
            code = _wait(container, self.request.timeout + remote.SLACK)
            out = container.logs(stdout=True, stderr=False)
            err = container.logs(stdout=False, stderr=True)
        seconds = time.monotonic() - started
        if code is None:
            return remote.completed(0, out, err, seconds)._replace(status="timeout")
        return remote.completed(code, out, err, seconds)

    @contextmanager
    def _container(self, entrypoint: list[str], command: list[str]) -> Iterator[Container]:
        """A container that is gone afterwards, after an error or Ctrl-C too."""
        name = f"envcheck-{os.getpid()}-{os.urandom(4).hex()}"
        patience = 0.0
        try:
            try:
                container = self._create(name, entrypoint, command)
            except (KeyboardInterrupt, SystemExit):
                patience = _PATIENCE  # the engine has not answered yet and makes it nevertheless
                raise
            yield container
        finally:
            engine.remove(self.client, name, patience)

    def _create(self, name: str, entrypoint: list[str], command: list[str]) -> Container:
        from docker.types import LogConfig

        try:
            return self.client.containers.create(
                self.image.id,
                command=command,
                entrypoint=entrypoint,
                name=name,
                labels={"envcheck": envcheck.__version__},
                network_mode=None if self.request.online else "none",
                log_config=LogConfig(type=LogConfig.types.JSON),
                healthcheck={"test": ["NONE"]},
                device_requests=engine.devices(self.client),
            )
        except Exception as error:
            raise engine.refused(f"make a container of {self.target.reference}", error) from error

    def _did_not_start(self, error: Exception) -> TargetError:
        text = str(getattr(error, "explanation", None) or error)
        refused = engine.refused(f"start {self.choice.path} in {self.target.reference}", error)
        if "exec format error" in text:
            made_for = self.image.attrs.get("Architecture", "another architecture")
            refused.hint = f"the image is for {made_for}, this engine runs on another processor"
        return refused


def _local_image(client: DockerClient, reference: str) -> Any:
    from docker.errors import APIError, ImageNotFound

    try:
        return client.images.get(reference)
    except ImageNotFound as error:
        raise TargetError(
            f"the Docker engine has no image {reference}", hint=f"docker pull {reference}"
        ) from error
    except APIError as error:
        raise engine.refused(f"examine the image {reference}", error) from error


def _wait(container: Container, timeout: float) -> int | None:
    """Its exit status; None if it did not end in time."""
    from requests.exceptions import RequestException

    try:
        return int(container.wait(timeout=timeout)["StatusCode"])
    except RequestException:  # ReadTimeout, or ConnectionError that wraps it
        return None


def target(value: str, python: str = "") -> Image:
    """The image ``value``."""
    return Image(value, python)
