"""What every target does, and the reading of the agent's answer."""

from __future__ import annotations

from envcheck.errors import AgentError
from envcheck.jsontext import value_at
from envcheck.model.facts import SCHEMA, FactSheet
from envcheck.typed import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from envcheck.model.profile import Profile

TIMEOUT, TIMEOUT_DEEP = 30.0, 300.0  # seconds for a whole collection, if nobody says another
TIMEOUT_SMOKE = 180.0


class AgentRequest(NamedTuple):
    """What to ask of the agent; see ``agent/protocol.py: Request`` for what each means."""

    deep: bool = False
    online: bool = False
    versions: bool = False
    timeout: float = TIMEOUT
    paths: tuple[tuple[str, str], ...] = ()
    modules: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    prefix: str = ""
    smoke: bool = False
    parts: tuple[str, ...] = ()
    script: tuple[str, str] = ("", "")  # its name, its text

    def for_profile(self, profile: Profile) -> AgentRequest:
        """The same, and what ``profile`` has requirements on: variables, places, build tools."""
        places = [disk.path for disk in profile.disk if "/" in disk.path or "\\" in disk.path]
        places += [file.path for file in profile.file]
        return self._replace(
            versions=self.versions or bool(profile.compiler),
            paths=tuple({**dict(self.paths), **{place: place for place in places}}.items()),
            variables=(*self.variables, *(requirement.name for requirement in profile.variable)),
        )

    def argv(self) -> list[str]:
        """The agent's arguments."""
        flags = ("deep", "online", "versions", "smoke")
        words = [f"--{name}" for name in flags if getattr(self, name)]
        words += ["--timeout", str(self.timeout)]
        if self.prefix:
            words += ["--prefix", self.prefix]
        for label, path in self.paths:
            words += ["--path", f"{label}={path}"]
        for module in self.modules:
            words += ["--module", module]
        for variable in self.variables:
            words += ["--variable", variable]
        for part in self.parts:
            words += ["--part", part]
        return words


class Collection(Protocol):
    """A collection under way."""

    def finish(self) -> FactSheet:
        """Wait for the facts. Raises TargetError if the target could not be examined."""


class Target(Protocol):
    """A place to examine.

    What it puts into the sheet as ``target``: ``kind``, ``name``, ``chosen_by`` (why this one) and,
    where they apply, ``own_tool_environment`` (true: nothing was found but the environment that
    pipx, uv or the like made for envcheck), ``startup`` (why its interpreter does not start as it
    should), ``complaints`` (what start-up files say, one sentence each), ``outside`` (the
    interpreter that looked from outside instead).
    """

    def start(self, request: AgentRequest) -> Collection:
        """Begin to collect; the caller may do something else meanwhile. Raises TargetError."""


def from_elsewhere(sheet: FactSheet) -> FactSheet:
    """A sheet that need not be trusted: what is of the wrong type in it becomes unknown."""
    from envcheck.schemas.conform import conform

    return FactSheet(conform(dict(sheet.document)))


_STARTS = 8  # noise may begin like a sheet
_START = b'{"schema": "envcheck.facts/'


def as_sheet(document: dict[str, Any], target: dict[str, Any]) -> FactSheet:
    """What the agent answered, as the sheet of ``target``. Raises AgentError for a newer major."""
    schema = document.get("schema")
    if schema != SCHEMA:
        raise AgentError(
            f"not a fact sheet that this envcheck can read: schema {schema!r}, wanted {SCHEMA!r}",
            hint="use the envcheck version that wrote it, or a newer one",
        )
    return FactSheet({**document, "target": target})


def find_sheet(data: bytes) -> dict[str, Any] | None:
    """The fact sheet in what an agent printed, whatever else was printed around it; None if there
    is none or it is cut short.
    """
    at = len(data)
    for _ in range(_STARTS):
        at = data.rfind(_START, 0, at)
        if at < 0:
            return None
        try:
            document, _end = value_at(data[at:].decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        return dict(document)
    return None
