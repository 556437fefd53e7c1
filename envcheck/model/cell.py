"""What a cell of the matrix did: the published document behind every table.

Seconds are wall time; sizes are bytes. What could not be observed is null, never 0.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from envcheck.model.matrix import Cell  # noqa: TC001  # msgspec reads the annotations
from envcheck.model.prediction import Prediction  # noqa: TC001

SCHEMA = "envcheck.cell/1"
PREDICTED = "prediction"  # the backend of what was not run

Status = Annotated[
    Literal["pass", "warn", "fail", "inconclusive", "error", "skipped"],
    Meta(description="error: infrastructure; skipped: it was not run, and why"),
]
StepStatus = Literal["ok", "failed", "timeout", "skipped"]

#: cause -> what it means. The words that tables, JUnit and SARIF use.
CAUSES: dict[str, str] = {
    "no-wheel": "no wheel for this interpreter and platform, and no sdist",
    "requires-python": "Requires-Python excludes this Python",
    "older-release": "the resolver went back to an older release than the newest",
    "no-compiler": "an sdist must be built and there is no compiler",
    "missing-header": "an sdist must be built and a header or library is missing",
    "build-failed": "an sdist could not be built",
    "conflict": "requirements contradict each other",
    "not-found": "the index has no such distribution or version",
    "download": "a file could not be downloaded",
    "hash": "a file is not what its hash says",
    "install-failed": "the installer failed",
    "missing-library": "importing needs a shared library that is not there",
    "missing-module": "importing needs a module that is not there",
    "import-failed": "importing raised an exception",
    "crash": "a process was ended by a signal",
    "memory": "it needed more memory than the limit",
    "disk": "it needed more disk than there is",
    "timeout": "it did not end in time",
    "smoke-failed": "it imports, but the smoke script fails",
    "infrastructure": "not the package's fault: engine, index, this machine",
    "unavailable": "this image or interpreter is not there",
    "interrupted": "the run was ended first",
    "unclassified": "it failed for a reason that is not known here; read the log",
}


class StepResult(Struct, kw_only=True, frozen=True, rename="kebab"):
    """One step. ``exit``: exit status; ``signal``: the signal's name, empty if none."""

    name: str
    status: StepStatus
    seconds: float = 0.0
    exit: int | None = None
    signal: str = ""
    peak_memory: Annotated[
        int | None, Meta(description="Largest resident set of one of its processes, in bytes")
    ] = None
    log: Annotated[str, Meta(description="Path below the run's directory")] = ""
    log_cut: Annotated[int, Meta(description="Bytes left out of the middle of the log")] = 0
    detail: Annotated[str, Meta(description="One sentence, empty if there is nothing to say")] = ""
    oom: Annotated[bool, Meta(description="A process was ended by the memory limit")] = False


class Usage(Struct, kw_only=True, frozen=True, rename="kebab"):
    """Bytes of files: see docs. ``exclusive``: files with no other hard link."""

    logical: int
    allocated: int
    exclusive: int | None
    bytecode: Annotated[int, Meta(description="Of `logical`, what `.pyc` files take")]
    files: int


class Installed(Struct, kw_only=True, frozen=True, rename="kebab"):
    """One distribution in the cell's environment."""

    name: str
    version: str
    artifact: Annotated[
        Literal["wheel", "sdist", "unknown"], Meta(description="sdist: it was built here")
    ] = "unknown"
    file: str = ""
    sha256: str = ""
    download_size: int | None = None
    requested: Annotated[bool, Meta(description="Named by the matrix")] = False
    newest: Annotated[str, Meta(description="Newest release, final if any is")] = ""
    newest_uploaded: str = ""
    releases_behind: Annotated[
        int | None, Meta(description="Final releases between this version and the newest")
    ] = None
    reason: Annotated[str, Meta(description="Why it is not the newest, if that is known")] = ""
    compiled: Annotated[
        bool | None,
        Meta(description="Whether its build ran a compiler"),
    ] = None
    disk: Usage | None = None


class SlowModule(Struct, kw_only=True, frozen=True, rename="kebab"):
    """A module and what importing it took itself, without what it imports."""

    name: str
    seconds: float
    cumulative: float


class Imported(Struct, kw_only=True, frozen=True, rename="kebab"):
    """Importing one module in fresh processes, one after the other, nothing else running."""

    module: str
    first: float | None = None
    settled: list[float] = field(default_factory=list)
    bytecode: Annotated[
        str, Meta(description="State before the first import: `compiled`, `none`, `partly`")
    ] = ""
    page_cache: str = "as installation left it"
    threads: Annotated[int | None, Meta(description="Processors that it could use")] = None
    slowest: list[SlowModule] = field(default_factory=list)
    error: str = ""


class Download(Struct, kw_only=True, frozen=True, rename="kebab"):
    """What came through the gateway while the cell was resolved and installed."""

    upstream: Annotated[int, Meta(description="Bytes fetched from the index for this cell")] = 0
    served: Annotated[int, Meta(description="Bytes given to the cell")] = 0
    files: int = 0
    seconds: Annotated[float, Meta(description="Spent waiting for the index")] = 0.0
    errors: list[str] = field(default_factory=list)


class CellResult(Struct, kw_only=True, frozen=True, rename="kebab"):
    """One cell, done."""

    schema: Literal["envcheck.cell/1"] = "envcheck.cell/1"
    cell: Cell
    backend: str
    status: Status
    cause: Annotated[str, Meta(description="A key of CAUSES, empty if all is well")] = ""
    sentence: Annotated[str, Meta(description="What happened, for a person")] = ""
    remedy: str = ""
    evidence: Annotated[list[str], Meta(description="Lines of the log that say so")] = field(
        default_factory=list
    )
    wheel: Annotated[
        Literal["wheel", "sdist", "none", ""],
        Meta(description="All from wheels; an sdist was built; nothing possible; not known"),
    ] = ""
    built: Annotated[list[str], Meta(description="Distributions built from an sdist")] = field(
        default_factory=list
    )
    version: Annotated[str, Meta(description="Version of the first requirement, as installed")] = ""
    python: Annotated[str, Meta(description="Full version of the interpreter")] = ""
    libc: str = ""
    image: str = ""
    image_id: str = ""
    installer: Annotated[str, Meta(description="As `uv 0.11.3`")] = ""
    cold: Annotated[
        bool | None, Meta(description="Whether anything had to be fetched from the index")
    ] = None
    isolated: Annotated[bool, Meta(description="Whether it could not reach the host")] = True
    started: Annotated[str, Meta(description="UTC")] = ""
    seconds: Annotated[float, Meta(description="Its own, without waiting for other cells")] = 0.0
    attempts: int = 1
    steps: list[StepResult] = field(default_factory=list)
    distributions: list[Installed] = field(default_factory=list)
    imports: list[Imported] = field(default_factory=list)
    download: Download | None = None
    disk: Usage | None = None
    smoke: Annotated[str, Meta(description="pass, fail, skipped: why; empty: not asked")] = ""
    findings: Annotated[
        list[dict[str, Any]], Meta(description="What the doctor found: code, severity, title")
    ] = field(default_factory=list)
    verdict: Annotated[str, Meta(description="The doctor's verdict, empty if not asked")] = ""
    notes: list[str] = field(default_factory=list)
    prediction: Annotated[
        Prediction | None, Meta(description="What the index says; null if it was run and not asked")
    ] = None

    @property
    def predicted(self) -> bool:
        """Whether all of it is a prediction, and nothing was run."""
        return self.backend == PREDICTED

    def step(self, name: str) -> StepResult | None:
        """The step of this name."""
        return next((step for step in self.steps if step.name == name), None)


class RunHeader(Struct, kw_only=True, frozen=True, rename="kebab"):
    """A run: one execution of a plan."""

    id: str
    matrix: str
    summary: str = ""
    backend: str = ""
    envcheck: str = ""
    started: str = ""
    stale_after: int = 30
    cells: Annotated[int, Meta(description="Cells planned")] = 0
    machine: Annotated[str, Meta(description="System, processor, cores, memory")] = ""
    notes: list[str] = field(default_factory=list)


class Run(Struct, kw_only=True, frozen=True, rename="kebab"):
    """A run as read back: the document behind `reports/<matrix>.json`."""

    schema: Literal["envcheck.run/1"] = "envcheck.run/1"
    header: RunHeader
    results: list[CellResult]
    missing: Annotated[list[str], Meta(description="Cells planned and not done")] = field(
        default_factory=list
    )
    ended: str = ""
