"""Profiles: what a use needs. Validated by msgspec, which also writes the JSON Schema for editors.

This module is loaded only when a profile is used: msgspec costs as much as starting Python twice.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from envcheck.model.finding import Anchor, Waiver

SCHEMA = "envcheck.profile/1"

Severity = Literal["error", "warning", "note"]
Specifier = Annotated[str, Meta(description="PEP 440 specifier set, such as `>=3.10,<3.15`")]
Positive = Annotated[float, Meta(gt=0)]
Condition = Literal[
    "cuda", "rocm", "xpu", "npu", "mps", "extensions", "distributed", "linux", "darwin", "windows"
]
DeviceKind = Literal["cuda", "rocm", "xpu", "npu", "mps"]
DType = Literal["fp32", "fp16", "bf16", "tf32", "fp8", "int8"]


class Requirement(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What every requirement may say besides itself."""

    id: Annotated[str, Meta(description="Name by which a profile that extends this one replaces it")] = ""
    severity: Severity = "error"
    when: Annotated[
        list[Condition],
        Meta(description="Applies only if all of these hold, e.g. `cuda`: a CUDA device is wanted"),
    ] = field(default_factory=list)
    reason: Annotated[str, Meta(description="Why it is needed")] = ""
    source: Annotated[str, Meta(description="Where that is written, with a date")] = ""

    #: Filled in by the loader; ``None`` only for what was made in memory.
    anchor: Anchor | None = None


class PythonRequirement(Requirement, kw_only=True, frozen=True):
    """The interpreter's version and implementation."""

    requires: Specifier = ""
    implementation: Literal["cpython", "pypy", "graalpy", ""] = ""
    free_threaded: bool | None = None


class OSRequirement(Requirement, kw_only=True, frozen=True):
    """The operating system is one of ``any``; others than ``recommended`` give a note."""

    any: list[Literal["linux", "darwin", "windows"]]
    recommended: list[Literal["linux", "darwin", "windows"]] = field(default_factory=list)


class LibcRequirement(Requirement, kw_only=True, frozen=True):
    """The C library's family and least version."""

    family: Literal["glibc", "musl"]
    minimum: str = ""


class WheelTagRequirement(Requirement, kw_only=True, frozen=True):
    """At least one of these platform tags is supported, e.g. ``manylinux_2_28_x86_64``."""

    any: list[str]


class DistributionRequirement(Requirement, kw_only=True, frozen=True):
    """An installed distribution, as PEP 508: ``torch>=2.2``, ``ray[tune]>=2.7.0``."""

    requires: str
    optional: Annotated[bool, Meta(description="May be absent; if present the version must fit")] = False


class CudaToolkitRequirement(Requirement, kw_only=True, frozen=True):
    """A CUDA toolkit or the CUDA libraries that wheels bring, of this version.

    ``compiler``: only a toolkit with nvcc will do (extensions are built).
    """

    requires: Specifier
    compiler: bool = False


class CudnnRequirement(Requirement, kw_only=True, frozen=True):
    """cuDNN of this version, whichever copy the loader would take."""

    requires: Specifier


class DriverRequirement(Requirement, kw_only=True, frozen=True):
    """The NVIDIA driver's version, or the CUDA version that it supports."""

    requires: Specifier = ""
    cuda: Specifier = ""


class DeviceRequirement(Requirement, kw_only=True, frozen=True):
    """At least ``count`` devices of one of these kinds."""

    any: list[DeviceKind]
    count: Annotated[int, Meta(ge=1)] = 1
    memory_gib: Annotated[float, Meta(ge=0, description="Memory of each of them, in GiB")] = 0
    compute_capability: Specifier = ""


class DTypeRequirement(Requirement, kw_only=True, frozen=True):
    """A number format in which the device computes."""

    name: DType
    emulated: Annotated[
        Literal["allow", "warn", "deny"], Meta(description="What an emulated format counts as")
    ] = "deny"


class MemoryRequirement(Requirement, kw_only=True, frozen=True):
    """Main memory, as control groups allow, in GiB."""

    minimum_gib: Positive


class DiskRequirement(Requirement, kw_only=True, frozen=True):
    """Free space in GiB at a path, or at one of the named places.

    ``path`` is ``HF_HOME``, ``TMPDIR``, ``output``, ``site-packages`` or a path.
    """

    path: str = "output"
    minimum_gib: Positive
    inodes: Annotated[int, Meta(ge=0)] = 0


class SharedMemoryRequirement(Requirement, kw_only=True, frozen=True):
    """Size of /dev/shm in GiB."""

    minimum_gib: Positive


class CpuRequirement(Requirement, kw_only=True, frozen=True):
    """Processors, as affinity and quota allow, and instruction sets that all of them have."""

    minimum: Annotated[float, Meta(ge=0)] = 0
    features: list[str] = field(default_factory=list)


class CompilerRequirement(Requirement, kw_only=True, frozen=True):
    """A build tool on the target."""

    tool: Literal["c", "c++", "fortran", "rust", "nvcc", "make", "cmake", "ninja", "pkg-config", "python-headers"]
    requires: Specifier = ""


class VariableRequirement(Requirement, kw_only=True, frozen=True):
    """An environment variable. Values are never read into a report."""

    name: str
    optional: bool = False
    credential: bool = False


class FileRequirement(Requirement, kw_only=True, frozen=True):
    """A file that exists; ``~`` and ``$VARIABLES`` are expanded on the target."""

    path: str
    optional: bool = False


class WaiverEntry(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A finding that is tolerated, counted and shown."""

    code: Annotated[str, Meta(description="A code such as `GPU101`, or a family such as `GPU`", min_length=2)]
    reason: Annotated[str, Meta(min_length=1)]
    subject: str = ""
    expires: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class Profile(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A profile as written in TOML: one array of tables for each kind of requirement."""

    name: str
    schema: Literal["envcheck.profile/1"] = "envcheck.profile/1"
    summary: str = ""
    extends: list[str] = field(default_factory=list)
    drop: Annotated[list[str], Meta(description="Ids of inherited requirements that do not apply")] = field(
        default_factory=list
    )
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


__all__ = ["SCHEMA", "Anchor", "Profile", "Requirement", "Waiver"]
