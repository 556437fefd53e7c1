"""The compatibility matrix: as written in TOML, and the plan of cells that it gives.

msgspec validates and writes the JSON Schema for editors. Loaded only by ``envcheck matrix``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

SCHEMA = "envcheck.matrix/1"

STEPS = ("create", "resolve", "install", "import", "smoke", "measure")
Step = Literal["create", "resolve", "install", "import", "smoke", "measure"]
Installer = Literal["uv", "pip"]
Bytecode = Literal["installer", "compiled"]

Size = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,5}(\.[0-9]+)?[KMGT]$", description="As 512M, 4G")
]
Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]


class Subject(Struct, kw_only=True, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """What is tested. Paths are relative to the matrix file."""

    requirements: Annotated[
        list[str], Meta(description="PEP 508 requirements; also `name @ git+https://…@tag`")
    ] = field(default_factory=list)
    project: Annotated[str, Meta(description="A project directory, a wheel or an sdist")] = ""
    requirements_file: Annotated[str, Meta(description="As for `pip install -r`")] = ""
    extras: Annotated[list[Word], Meta(description="Extras of the project")] = field(
        default_factory=list
    )
    constraints: Annotated[list[str], Meta(description="As in a constraints file")] = field(
        default_factory=list
    )
    imports: Annotated[
        list[str],
        Meta(description="Modules to import; default: the top modules of what is required"),
    ] = field(default_factory=list)
    smoke: Annotated[
        str,
        Meta(description="A script beside this file, `accelerator` (where torch is) or `none`"),
    ] = "accelerator"


class Index(Struct, kw_only=True, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """Where distributions come from; what is not said is as pip and uv are configured here."""

    url: str = ""
    extra_urls: list[str] = field(default_factory=list)
    find_links: Annotated[
        list[str], Meta(description="Directories of wheels, or pages that link to them")
    ] = field(default_factory=list)
    pre: Annotated[bool, Meta(description="Whether pre-releases may be chosen")] = False
    exclude_newer: Annotated[
        str, Meta(description="Only what was uploaded before this day, YYYY-MM-DD")
    ] = ""
    only_binary: list[str] = field(default_factory=list)
    no_binary: list[str] = field(default_factory=list)


class Axes(Struct, kw_only=True, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """The axes that every matrix has. Further ones are written in ``[variants.NAME.VALUE]``."""

    python: Annotated[list[Word], Meta(min_length=1, description="As 3.12, 3.13t")]
    os: Annotated[
        list[Word], Meta(min_length=1, description="As slim: dockerfiles/slim.Dockerfile")
    ] = field(default_factory=lambda: ["alpine", "slim"])
    architecture: Annotated[
        list[Word], Meta(description="As x86_64, aarch64; default: this machine's")
    ] = field(default_factory=list)
    installer: Annotated[list[Installer], Meta(min_length=1)] = field(
        default_factory=lambda: ["uv"]
    )


class Variant(Struct, kw_only=True, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """What one value of a further axis adds, such as torch's build."""

    requirements: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    index_url: str = ""
    extra_index_urls: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    note: Annotated[str, Meta(description="Said in the tables, as `CPU build of torch`")] = ""


class Steps(Struct, kw_only=True, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """How steps are done."""

    skip: Annotated[list[Step], Meta(description="Steps left out")] = field(default_factory=list)
    imports: Annotated[
        int, Meta(ge=0, le=50, description="Imports after the first one, in fresh processes")
    ] = 3
    bytecode: Annotated[
        Bytecode,
        Meta(description="As the installer leaves it, or compiled before the first import"),
    ] = "installer"
    facts: Annotated[bool, Meta(description="Whether the doctor examines each cell")] = True


class Seconds(
    Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename={"import_": "import"}
):
    """Deadlines of the steps, in seconds."""

    create: float = 120
    resolve: float = 600
    install: float = 900
    import_: float = 300
    smoke: float = 600
    measure: float = 120


class Limits(Struct, kw_only=True, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """What a cell may use, and what is set aside for it when cells run at once."""

    memory: Size = "4G"
    cpus: Annotated[float, Meta(gt=0, le=1024)] = 2
    disk: Annotated[Size, Meta(description="Free space that must be there for each cell")] = "2G"
    scratch: Annotated[
        Size, Meta(description="What the package's own code may write (in memory: a tmpfs)")
    ] = "1G"
    processes: Annotated[int, Meta(ge=16, le=100_000)] = 512
    log: Annotated[Size, Meta(description="Kept of a step's log: its beginning and its end")] = (
        "256K"
    )
    seconds: Seconds = field(default_factory=Seconds)


class MatrixDocument(Struct, kw_only=True, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """A matrix file."""

    schema: Literal["envcheck.matrix/1"]
    summary: str = ""
    test: Subject
    axes: Axes
    index: Index = field(default_factory=Index)
    variants: Annotated[
        dict[Word, dict[Word, Variant]], Meta(description="Further axes: name, value, what it adds")
    ] = field(default_factory=dict)
    include: Annotated[
        list[dict[str, str]],
        Meta(description="Cells added: axis to value; others: the first value"),
    ] = field(default_factory=list)
    exclude: Annotated[
        list[dict[str, str]], Meta(description="Cells left out: axis to a glob, all must match")
    ] = field(default_factory=list)
    steps: Steps = field(default_factory=Steps)
    limits: Limits = field(default_factory=Limits)
    stale_after: Annotated[int, Meta(ge=1, description="Days until its tables are stale")] = 30


class Cell(Struct, kw_only=True, frozen=True, rename="kebab"):
    """One combination, with all that a backend must know. ``id`` reads like an image tag."""

    id: str
    axes: dict[str, str]  # python, os, architecture, installer, and the further ones
    test: Subject
    index: Index
    steps: Steps
    limits: Limits
    notes: list[str] = field(default_factory=list)

    @property
    def python(self) -> str:
        """As ``3.12``."""
        return self.axes["python"]

    @property
    def os(self) -> str:
        """As ``slim``: the name of a Dockerfile."""
        return self.axes["os"]

    @property
    def installer(self) -> str:
        """``uv`` or ``pip``."""
        return self.axes["installer"]


class Plan(Struct, kw_only=True, frozen=True, rename="kebab"):
    """A matrix, worked out. ``folder``: what paths are relative to."""

    name: str
    summary: str
    folder: str
    cells: list[Cell]
    stale_after: int = 30


_UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}


def size(text: str) -> int:
    """Bytes of ``512M`` (binary units)."""
    return int(float(text[:-1]) * (1 << _UNITS[text[-1]]))
