"""A running Docker container: the agent comes as arguments of an ``exec`` and writes nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from envcheck.errors import TargetError
from envcheck.targets import engine, remote

if TYPE_CHECKING:
    from envcheck.model.facts import FactSheet
    from envcheck.process import Completed
    from envcheck.targets.base import AgentRequest


class RunningContainer:
    """The container with this name or id; ``python`` names the interpreter in it."""

    def __init__(self, reference: str, python: str = "") -> None:
        self.reference = reference
        self.python = python

    def start(self, request: AgentRequest) -> Running:
        """Find the container and the interpreter in it. Raises TargetError."""
        return Running(self, request)


class Running:
    """A container that is about to be examined."""

    def __init__(self, target: RunningContainer, request: AgentRequest) -> None:
        from docker.errors import APIError, NotFound

        self.target = target
        self.request = request
        self.agent = remote.payload(request)
        self.client = engine.connect(request.timeout + 2 * remote.SLACK)
        try:
            self.container = self.client.containers.get(target.reference)
        except NotFound as error:
            raise TargetError(
                f"the Docker engine has no container {target.reference}",
                hint="`docker ps` lists those that run; an image is examined with --image",
            ) from error
        except APIError as error:
            raise engine.refused(f"examine the container {target.reference}", error) from error
        if self.container.status != "running":
            wake = "unpause" if self.container.status == "paused" else "start"
            raise TargetError(
                f"the container {target.reference} does not run: it is {self.container.status}",
                hint=f"docker {wake} {target.reference}, or examine its image with --image",
            )
        config, place = self.container.attrs["Config"], f"the container {target.reference}"
        self.choice = engine.find_interpreter(self.container, config, target.python, place=place)

    def finish(self) -> FactSheet:
        """The sheet. Raises TargetError, AgentError."""
        target: dict[str, Any] = {
            "kind": "container",
            "name": self.target.reference,
            "chosen_by": self.choice.chosen_by,
            "id": self.container.id,
            "image": (self.container.attrs.get("Config") or {}).get("Image"),
        }
        name = f"{self.choice.path} in {self.target.reference}"
        return remote.examine_elsewhere(
            self._attempt, target, lambda first: remote.failure(name, first)
        )

    def _attempt(self, flags: tuple[str, ...]) -> Completed:
        api = self.client.api
        started = time.monotonic()
        words = [self.choice.path, *remote.words(self.request, flags, self.agent)]
        try:
            made = api.exec_create(self.container.id, words)
            out, err = api.exec_start(made["Id"], demux=True)
            code = api.exec_inspect(made["Id"])["ExitCode"]
        except Exception as error:  # of docker, of requests, of the socket
            raise engine.refused(f"run the agent in {self.target.reference}", error) from error
        seconds = time.monotonic() - started
        return remote.completed(code or 0, out or b"", err or b"", seconds)


def target(value: str, python: str = "") -> RunningContainer:
    """The container ``value``."""
    return RunningContainer(value, python)
