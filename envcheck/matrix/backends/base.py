"""What every backend does: open a room for a cell, and run commands in it.

A *room* is one cell's place: a container or a directory of this machine. Steps are the same in
every room (``matrix/steps``); a backend knows only how a process is started in it, and who may do
what there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envcheck.index.gateway import Door, Gateway
    from envcheck.model.cell import CellResult
    from envcheck.model.matrix import Cell
    from envcheck.process import Completed
    from envcheck.targets.base import Target

#: Who runs a command. ``installer`` may write the environment and the store and never executes
#: code of a package; ``package`` executes it and may write scratch space only.
Who = Literal["installer", "package"]


class Surroundings(NamedTuple):
    """What a backend is given by the runner."""

    gateway: Gateway  # the only way to the index
    uv: Callable[[str, str], str]  # (system, architecture) -> path here of a uv program for it
    cache: str  # directory here that outlives runs
    run: str  # id of the run: in the label of everything that is made
    images: Mapping[str, str] = {}  # os -> reference of a base image, `{python}` replaced
    say: Callable[[str], None] = lambda _line: None  # progress, one line
    detail: Callable[[str], None] = lambda _line: None  # every step of it
    environment: Mapping[str, str] = {}  # further variables for the package's processes
    folder: str = ""  # of the matrix file: its own Dockerfiles come first
    recording: str = ""  # for `replay`: a run's directory in a store, or its JSON document


class Paths(NamedTuple):
    """Paths as seen inside the room."""

    base: str  # the interpreter that environments are made of
    environment: str  # the virtual environment of the cell
    scratch: str  # writable by the package
    inputs: str  # what ``put`` gave; read-only where that is possible
    uv: str
    uv_cache: str  # on the file system of ``environment``: files can be linked
    bytecode: str = ""  # where the installer may keep the bytecode of the base's library

    @property
    def script(self) -> list[str]:
        """The first words of a script of ours that the installer runs. Images have no bytecode of
        the standard library, and compiling it takes longer than anything else that a script does.
        """
        kept = ["-X", f"pycache_prefix={self.bytecode}"] if self.bytecode else ["-B"]
        return [self.base, "-I", "-S", *kept]

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return f"{self.environment}/bin/python"


class Room(Protocol):
    """An open cell. Not shared between threads."""

    paths: Paths
    image: str  # reference, empty without one
    image_id: str
    isolated: bool
    door: Door | None  # to the index: None before `open_index`; answers after `close_index` too
    notes: list[str]  # limits that could not be applied here

    def run(
        self,
        words: Sequence[str],
        *,
        who: Who,
        timeout: float,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a command to its end or deadline; what it started is gone afterwards.

        Standard output and error are kept up to a few MiB each. Raises TargetError only for
        faults of the infrastructure: an engine that does not answer, a container that is gone.
        """

    def put(self, name: str, data: bytes) -> str:
        """Make a file of ``inputs`` (may have folders in its name); returns its path inside."""

    def open_index(self) -> str:
        """Open the way to the index; returns the base URL of the gateway as seen inside."""

    def close_index(self) -> None:
        """Close it: from now on the room has no network at all (where that is possible)."""

    def renew(self) -> None:
        """Make sure that no process is left of what ran before. Keeps environment and inputs."""

    def out_of_memory(self) -> bool:
        """Whether the memory limit has ended a process since the last time this was asked."""

    def target(self) -> Target:
        """The room's environment as a target of the doctor."""

    def close(self) -> None:
        """Remove the room and all that was made for it. Never raises; may be called twice."""


class Backend(Protocol):
    """Hosts cells."""

    name: str
    isolated: bool

    def available(self, cell: Cell) -> str:
        """Why ``cell`` cannot be hosted (no such interpreter or image), empty if it can."""

    def recorded(self, cell: Cell) -> CellResult | None:
        """What was recorded for ``cell``; None where cells are really run."""

    def prepare(self, cells: Sequence[Cell]) -> Mapping[str, str]:
        """Make ready what cells share (build images). Cell id -> why it cannot be, for those."""

    def open(self, cell: Cell) -> Room:
        """A room with nothing in it: ``paths.environment`` is not made yet. Raises TargetError."""

    def reclaim(self) -> list[str]:
        """Remove what runs that no longer live have left; says what it was."""

    def close(self) -> None:
        """Release what ``prepare`` holds. Never raises."""
