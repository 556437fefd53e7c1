"""What every target does, and the reading of the agent's answer."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol

from envcheck.errors import AgentError
from envcheck.model.facts import SCHEMA, FactSheet


class AgentRequest(NamedTuple):
    """What to ask of the agent; see ``agent/protocol.py: Request`` for what each means."""

    deep: bool = False
    online: bool = False
    versions: bool = False
    timeout: float = 30.0
    paths: tuple[tuple[str, str], ...] = ()
    modules: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    def argv(self) -> list[str]:
        """The agent's arguments."""
        words = [f"--{name}" for name in ("deep", "online", "versions") if getattr(self, name)]
        words += ["--timeout", str(self.timeout)]
        for label, path in self.paths:
            words += ["--path", f"{label}={path}"]
        for module in self.modules:
            words += ["--module", module]
        for variable in self.variables:
            words += ["--variable", variable]
        return words


class Collection(Protocol):
    """A collection under way."""

    def finish(self) -> FactSheet:
        """Wait for the facts. Raises TargetError if the target could not be examined."""


class Target(Protocol):
    """A place to examine."""

    def start(self, request: AgentRequest) -> Collection:
        """Begin to collect; the caller may do something else meanwhile. Raises TargetError."""


def read_sheet(data: bytes, target: dict[str, Any]) -> FactSheet:
    """The agent's answer as a sheet of ``target``.

    Raises AgentError if it is no fact sheet: not JSON, another document, a newer major version.
    """
    try:
        document = json.loads(data)
    except ValueError as error:
        raise AgentError(
            "the agent did not answer with JSON",
            context=(f"{error}", f"it said: {data[:200]!r}"),
        ) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise AgentError(
            f"not a fact sheet that this envcheck can read: schema {schema!r}, wanted {SCHEMA!r}",
            hint="use the envcheck version that wrote it, or a newer one",
        )
    document["target"] = target
    return FactSheet(document)
