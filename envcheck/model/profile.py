"""Profiles: what a use needs.

As written in TOML (msgspec validates, and writes the JSON Schema for editors), and as checks see
it: extended, combined, every requirement with the place where it is written.

This module is loaded only when a profile is used: msgspec costs as much as starting Python twice.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003  # msgspec reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from msgspec import Meta, Struct, field, structs

from envcheck.model.condition import CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.finding import Anchor, Finding

SCHEMA = "envcheck.profile/1"

Severity = Annotated[
    Literal["error", "warning", "note"],
    Meta(description="What it counts as when it is not met"),
]
Specifier = Annotated[str, Meta(description="PEP 440 specifier set, such as `>=3.10,<3.15`")]
Gib = Annotated[float, Meta(gt=0, lt=1e9, description="At least this many GiB (2 to the 30 bytes)")]
Condition = Annotated[str, Meta(extra_json_schema={"enum": list(CONDITIONS)})]
System = Literal["linux", "darwin", "windows"]
DeviceKind = Literal["cuda", "rocm", "xpu", "npu", "mps"]
DType = Literal["fp32", "fp16", "bf16", "tf32", "fp8", "int8"]
Tool = Literal[
    "c", "c++", "fortran", "rust", "nvcc", "make", "cmake", "ninja", "pkg-config", "python-headers"
]
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class Requirement(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What every requirement may say besides itself."""

    id: Annotated[
        Identifier | None,
        Meta(description="Name by which a profile that extends this one replaces or drops it"),
    ] = None
    severity: Severity = "error"
    when: Annotated[
        list[Condition],
        Meta(description="Applies only if all of these hold, e.g. `cuda`: a CUDA device is wanted"),
    ] = field(default_factory=list)
    reason: Annotated[str, Meta(description="Why it is needed")] = ""
    source: Annotated[str, Meta(description="Where that is written, with a date")] = ""


class PythonRequirement(Requirement, kw_only=True, frozen=True):
    """The interpreter's version and implementation."""

    requires: Specifier = ""
    implementation: Annotated[
        Literal["cpython", "pypy", "graalpy", ""], Meta(description="Which Python; empty: any")
    ] = ""
    free_threaded: Annotated[
        bool | None, Meta(description="Whether it runs without the global interpreter lock")
    ] = None


class OSRequirement(Requirement, kw_only=True, frozen=True):
    """The operating system is one of ``any``; others than ``recommended`` give a note."""

    any: Annotated[list[System], Meta(description="Systems on which it runs")]
    recommended: Annotated[
        list[System], Meta(description="Those of `any` on which it runs best")
    ] = field(default_factory=list)


class LibcRequirement(Requirement, kw_only=True, frozen=True):
    """The C library's family and least version."""

    family: Annotated[Literal["glibc", "musl"], Meta(description="Which C library")]
    minimum: Annotated[str, Meta(description="Its least version, such as `2.28`")] = ""


class WheelTagRequirement(Requirement, kw_only=True, frozen=True):
    """At least one of these platform tags is supported, e.g. ``manylinux_2_28_x86_64``."""

    any: Annotated[list[str], Meta(description="The part of wheel tags after the ABI")]


class DistributionRequirement(Requirement, kw_only=True, frozen=True):
    """An installed distribution, as PEP 508: ``torch>=2.2``, ``ray[tune]>=2.7.0``."""

    requires: Annotated[str, Meta(description="PEP 508 requirement, such as `ray[tune]>=2.7.0`")]
    optional: Annotated[
        bool, Meta(description="May be absent; if present the version must fit")
    ] = False


class CudaToolkitRequirement(Requirement, kw_only=True, frozen=True):
    """A CUDA toolkit or the CUDA libraries that wheels bring, of this version."""

    requires: Specifier
    compiler: Annotated[
        bool, Meta(description="Only a toolkit with nvcc will do: extensions are built")
    ] = False


class CudnnRequirement(Requirement, kw_only=True, frozen=True):
    """cuDNN of this version, whichever copy the loader would take."""

    requires: Specifier


class DriverRequirement(Requirement, kw_only=True, frozen=True):
    """The NVIDIA driver's version, or the CUDA version that it supports."""

    requires: Specifier = ""
    cuda: Annotated[
        Specifier, Meta(description="Specifier of the CUDA version that the driver supports")
    ] = ""


class DeviceRequirement(Requirement, kw_only=True, frozen=True):
    """At least ``count`` devices of one of these kinds."""

    any: Annotated[list[DeviceKind], Meta(description="Kinds of devices that will do")]
    count: Annotated[int, Meta(ge=1, description="How many at least")] = 1
    memory_gib: Annotated[float, Meta(ge=0, description="Memory of each of them, in GiB")] = 0
    compute_capability: Annotated[
        Specifier, Meta(description="Specifier of NVIDIA's compute capability, such as `>=8.0`")
    ] = ""


class DTypeRequirement(Requirement, kw_only=True, frozen=True):
    """A number format in which the device computes."""

    name: Annotated[DType, Meta(description="The number format")]
    emulated: Annotated[
        Literal["allow", "warn", "deny"], Meta(description="What an emulated format counts as")
    ] = "deny"


class MemoryRequirement(Requirement, kw_only=True, frozen=True):
    """Main memory, as control groups allow, in GiB."""

    minimum_gib: Gib


class DiskRequirement(Requirement, kw_only=True, frozen=True):
    """Free space at a path, or at one of the named places."""

    path: Annotated[
        str, Meta(description="`HF_HOME`, `TMPDIR`, `output`, `site-packages`, or a path")
    ] = "output"
    minimum_gib: Gib
    inodes: Annotated[int, Meta(ge=0, description="At least this many more files")] = 0


class SharedMemoryRequirement(Requirement, kw_only=True, frozen=True):
    """Size of /dev/shm in GiB."""

    minimum_gib: Gib


class CpuRequirement(Requirement, kw_only=True, frozen=True):
    """Processors, as affinity and quota allow, and instruction sets that all of them have."""

    minimum: Annotated[float, Meta(ge=0, description="How many at least")] = 0
    features: Annotated[
        list[str], Meta(description="As Linux names them: `avx2`, `amx_bf16`, `sve` …")
    ] = field(default_factory=list)


class CompilerRequirement(Requirement, kw_only=True, frozen=True):
    """A build tool on the target."""

    tool: Annotated[Tool, Meta(description="Which tool")]
    requires: Specifier = ""


class VariableRequirement(Requirement, kw_only=True, frozen=True):
    """An environment variable. Values are never read into a report."""

    name: Annotated[str, Meta(description="The variable's name")]
    optional: Annotated[bool, Meta(description="May be unset")] = False
    credential: Annotated[bool, Meta(description="It is a token, key or password")] = False


class FileRequirement(Requirement, kw_only=True, frozen=True):
    """A file that exists; ``~`` and ``$VARIABLES`` are expanded on the target."""

    path: Annotated[str, Meta(description="Where it is, on the target")]
    optional: Annotated[bool, Meta(description="May be missing")] = False


class WaiverEntry(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A finding that is tolerated, counted and shown."""

    code: Annotated[
        str,
        Meta(
            description="A code such as `GPU101`, or the beginning of some, such as `GPU`",
            pattern=r"^[A-Z]{2,5}[0-9]{0,3}$",
        ),
    ]
    reason: Annotated[str, Meta(pattern=r"\S", description="Why it is tolerated")]
    subject: Annotated[str, Meta(description="Only findings about this; empty means all")] = ""
    expires: Annotated[
        dt.date | None, Meta(description="The last day on which it applies, YYYY-MM-DD")
    ] = None


class ProfileDocument(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A profile as written in TOML: one array of tables for each kind of requirement."""

    schema: Annotated[Literal["envcheck.profile/1"], Meta(description="Version of this format")] = (
        "envcheck.profile/1"
    )
    name: Annotated[
        Identifier | None, Meta(description="What reports call it; by default the file's name")
    ] = None
    summary: Annotated[str, Meta(description="One line about the use it is for")] = ""
    extends: Annotated[
        list[str], Meta(description="Names of shipped profiles, or paths relative to this file")
    ] = field(default_factory=list)
    drop: Annotated[
        list[str], Meta(description="Ids of inherited requirements that do not apply")
    ] = field(default_factory=list)
    python: list[PythonRequirement] = field(default_factory=list)
    os: list[OSRequirement] = field(default_factory=list)
    libc: list[LibcRequirement] = field(default_factory=list)
    wheel_tag: list[WheelTagRequirement] = field(default_factory=list)
    distribution: list[DistributionRequirement] = field(default_factory=list)
    cuda_toolkit: list[CudaToolkitRequirement] = field(default_factory=list)
    cudnn: list[CudnnRequirement] = field(default_factory=list)
    driver: list[DriverRequirement] = field(default_factory=list)
    device: list[DeviceRequirement] = field(default_factory=list)
    dtype: list[DTypeRequirement] = field(default_factory=list)
    memory: list[MemoryRequirement] = field(default_factory=list)
    disk: list[DiskRequirement] = field(default_factory=list)
    shared_memory: list[SharedMemoryRequirement] = field(default_factory=list)
    cpu: list[CpuRequirement] = field(default_factory=list)
    compiler: list[CompilerRequirement] = field(default_factory=list)
    variable: list[VariableRequirement] = field(default_factory=list)
    file: list[FileRequirement] = field(default_factory=list)
    waiver: list[WaiverEntry] = field(default_factory=list)


def _kinds() -> Iterator[tuple[str, type[Requirement]]]:
    for part in structs.fields(ProfileDocument):
        (item,) = getattr(part.type, "__args__", None) or (None,)
        if isinstance(item, type) and issubclass(item, Requirement):
            yield part.name, item


#: name of the array of tables -> what its tables are
KINDS: dict[str, type[Requirement]] = dict(_kinds())


class Placed:
    """A requirement as checks see it: its own fields, its ``kind``, and where it is written."""

    __slots__ = ("anchor", "kind", "written")

    def __init__(self, kind: str, written: Requirement, anchor: Anchor) -> None:
        self.kind = kind
        self.written = written
        self.anchor = anchor

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling ask before there is anything to ask
            raise AttributeError(name)
        return getattr(self.written, name)

    def __repr__(self) -> str:
        return f"{self.written!r} at {self.anchor.path}:{self.anchor.line}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Placed) and (self.kind, self.written) == (
            other.kind,
            other.written,
        )

    __hash__ = None  # type: ignore[assignment]  # lists in it


class WaiverRule(NamedTuple):
    """A waiver as ``evaluate`` applies it. ``expires`` is an ISO date or empty."""

    code: str
    reason: str
    subject: str = ""
    expires: str = ""
    anchor: Anchor | None = None

    def expired(self, today: str) -> bool:
        """Whether its last day is before ``today`` (ISO; empty: not known, so no)."""
        return bool(self.expires and today and self.expires < today)

    def covers(self, finding: Finding) -> bool:
        """Whether it speaks of ``finding``."""
        return finding.code.startswith(self.code) and self.subject in ("", finding.subject)


class Profile(NamedTuple):
    """One profile, or several combined: all of their requirements hold.

    ``profile.distribution`` and so on are the requirements of one kind, in the order written.
    """

    names: tuple[str, ...]
    requirements: tuple[Placed, ...] = ()
    waivers: tuple[WaiverRule, ...] = ()
    summary: str = ""

    @property
    def name(self) -> str:
        """For headings."""
        return " + ".join(self.names)

    def __getattr__(self, kind: str) -> tuple[Placed, ...]:
        if kind not in KINDS:
            raise AttributeError(kind)
        return tuple(placed for placed in self.requirements if placed.kind == kind)


__all__ = ["KINDS", "SCHEMA", "Placed", "Profile", "ProfileDocument", "Requirement", "WaiverRule"]
