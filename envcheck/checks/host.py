"""OS0xx, OS1xx: operating system, C library, processor; OS2xx: what a profile asks of them."""

from __future__ import annotations

from envcheck.checks import torch_wheels
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.specifiers import release_of
from envcheck.model.condition import SPELLED
from envcheck.model.finding import SEVERITIES, Finding, Remedy, fail, passed, unknown
from envcheck.model.reading import strings
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def wheel_tags(context: Context) -> Iterator[Finding]:
    """A `_manylinux` module refuses binary wheels.

    ## Why it matters
    Installers ask a module called `_manylinux`, if there is one, which binary wheels they may use.
    When it says no, pip builds everything from source, or finds "no matching distribution" for
    packages that have wheels only, torch among them.

    ## Causes
    Distributions that want everything built from source (Nix, Guix, Android's Termux) place it; so
    do leftovers of tests.

    ## Remedy
    Remove the module, or leave its directory out of the search.

    ## Sources
    PEP 600, "Package installers".
    """
    module = context["host.tags.veto"]
    if module is None:
        return
    tags = strings(context["host.tags"])
    left = [tag for tag in tags if tag.startswith("manylinux")]
    glibc = context.get("host.libc.version")
    best = _glibc_of(left)
    if best and best == _pair(glibc):
        return
    yield fail(
        f"{module} refuses "
        + (
            f"wheels that need more than glibc {best[0]}.{best[1]}" if best else "all binary wheels"
        ),
        severity="warning" if best else "error",
        detail=f"glibc {glibc} would allow them.",
        subject=str(module),
        evidence=context.evidence("host.tags.veto", "host.libc.version"),
        remedy=Remedy(f"Remove {module}, or its directory from the module search path"),
    )


def emulated(context: Context) -> Iterator[Finding]:
    """The whole system is translated from another processor architecture.

    ## Why it matters
    An image for another architecture runs, ten times slower, and some instructions (AVX) are
    missing or wrong. GPUs cannot be used.

    ## Causes
    `docker run --platform linux/amd64` on an Arm machine, or an image that exists for one
    architecture only.

    ## Remedy
    Use the image for the machine's own architecture.

    ## Sources
    Docker documentation, multi-platform images; QEMU user mode.
    """
    kind = context["host.emulation"]
    if kind is not None:
        yield fail(
            f"the system is translated from another architecture by {kind}",
            evidence=context.evidence("host.emulation", "host.arch", "host.cpu.vendor"),
            remedy=Remedy("Use an image for the machine's own architecture (drop --platform)"),
        )


def subsystem(context: Context) -> Iterator[Finding]:
    """The system is version 1 of the Windows Subsystem for Linux.

    ## Why it matters
    WSL 1 translates system calls and has no access to GPUs. WSL 2 has.

    ## Causes
    The distribution was installed before WSL 2 became the default.

    ## Remedy
    Convert it, in PowerShell: `wsl --set-version NAME 2`.

    ## Sources
    Microsoft documentation, "Comparing WSL versions"; NVIDIA, "CUDA on WSL user guide".
    """
    if context["host.wsl"] == "wsl1":
        yield fail(
            "this is WSL 1, which has no access to GPUs",
            evidence=context.evidence("host.wsl", "host.kernel"),
            remedy=Remedy(
                "Convert it, in PowerShell, with `wsl --set-version NAME 2`; this lists the names",
                ("wsl --list --verbose",),
            ),
        )


def vector_instructions(context: Context) -> Iterator[Finding]:
    """The processor lacks AVX2.

    ## Why it matters
    Wheels of torch, and libraries below it, use AVX2 on x86-64. Without it they are slow at best; a
    library that does not check dies of SIGILL, "illegal instruction".

    ## Causes
    A processor from before 2013, a small Atom or Celeron, or a virtual machine whose processor type
    hides it.

    ## Remedy
    In a virtual machine pass the host's processor through (`-cpu host`).

    ## Sources
    pytorch#37577; `/proc/cpuinfo`.
    """
    if context["host.arch"] not in ("x86_64", "AMD64", "amd64"):
        raise NotApplicable("not an x86-64 processor")
    features = strings(context["host.cpu.features"])
    if "avx2" in features:
        return
    needed = torch_wheels.installed(context) or bool(torch_wheels.wanted(context))
    yield fail(
        "the processor has no AVX2",
        severity="warning" if needed else "note",
        detail="torch is slow here, and libraries that do not look first end with SIGILL.",
        evidence=context.evidence("host.cpu.model", "host.cpu.level"),
        remedy=Remedy("In a virtual machine, pass the host's processor through (`-cpu host`)"),
    )


def torch_platform(context: Context) -> Iterator[Finding]:
    """There is no torch wheel for this C library or architecture.

    ## Why it matters
    pip answers "no matching distribution found for torch", which sounds like an old pip or a typing
    error. No upgrade of pip helps: the wheel does not exist.

    ## Causes
    Alpine Linux uses musl; torch is published for glibc only. The architecture is none of those
    that torch is published for, or Python is a 32-bit one (on Windows the first download offered
    once).

    ## Remedy
    Use an image or system with glibc (`python:3.12-slim` instead of `python:3.12-alpine`).

    ## Sources
    PEP 656; file names of torch's wheels on the public index.
    """
    wanted = torch_wheels.wanted(context)
    if not wanted or torch_wheels.installed(context):
        raise NotApplicable("torch is not asked for, or is there already")
    family, system, arch = context["host.libc.family"], context["host.os"], context["host.arch"]
    narrow = context.get("interpreter.bits") == 32
    table = torch_wheels.table()
    known = table["architectures"].get(str(system))
    if family in (None, "glibc") and (known is None or arch in known) and not narrow:
        return
    from envcheck.checks import remedies

    what = f"{_named([str(system)])} on {arch}"
    remedy = Remedy("Use a machine of another architecture, or build torch from source")
    if narrow:
        what = "a 32-bit Python"
        remedy = Remedy("Install a 64-bit Python and make the environment with it")
    elif family == "musl":
        what = "musl"
        remedy = remedies.install(context, ["torch"])
    specifier, requirement = max(wanted, key=lambda pair: SEVERITIES.index(pair[1].severity))
    yield fail(
        f"torch has no wheel for {what}",
        detail=f"torch{specifier} cannot be installed here; no upgrade of pip changes that.",
        subject="torch",
        severity=requirement.severity,
        anchor=requirement.anchor,
        required=requirement.severity == "error",
        evidence=context.evidence("host.libc.family", "host.arch", "host.distribution.name"),
        source=f"{table['source']}, {table['date']}",
        remedy=remedy,
    )


def torch_glibc(context: Context) -> Iterator[Finding]:
    """Glibc is too old for current torch.

    ## Why it matters
    Since 2.7 torch's wheels need glibc 2.28. On an older system pip takes the last release that ran
    there, or finds none that the profile accepts.

    ## Causes
    CentOS 7, Ubuntu 18.04, Amazon Linux 2, or a cluster's old login nodes.

    ## Remedy
    Move to a newer system or image; a container brings its own glibc.

    ## Sources
    File names of torch's wheels; PEP 600; pytorch#123649, #126551.
    """
    wanted = torch_wheels.wanted(context)
    if not wanted or torch_wheels.installed(context):
        raise NotApplicable("torch is not asked for, or is there already")
    if context["host.libc.family"] != "glibc":
        raise NotApplicable("not a system with glibc")
    best = _glibc_of([tag for tag in strings(context["host.tags"]) if tag.startswith("manylinux")])
    if best is None:
        raise NotApplicable("no binary wheel is allowed here")
    glibc = f"{best[0]}.{best[1]}"
    python = ".".join(str(context["interpreter.version"]).split(".")[:2])
    newest, everywhere = torch_wheels.newest(python, glibc), torch_wheels.newest(python)
    if newest == everywhere:
        return
    table = torch_wheels.table()
    for specifier, requirement in wanted:
        possible = torch_wheels.offers(python, specifier, glibc)
        yield fail(
            f"the newest torch for glibc {glibc} is {newest}",
            detail=f"torch {everywhere} needs a newer C library."
            + ("" if possible else f" The profile asks for torch{specifier}."),
            subject="torch",
            severity="note" if possible else requirement.severity,
            anchor=requirement.anchor,
            evidence=context.evidence("host.libc.version", "host.distribution.name"),
            source=f"{table['source']}, {table['date']}",
            remedy=Remedy("Use a newer system, or a container image with glibc 2.28 or newer"),
        )


def required_system(context: Context) -> Iterator[Finding]:
    """The operating system is not one that the profile allows.

    ## Why it matters
    What the profile is about was made for, and is tested on, the systems it names.

    ## Causes
    The environment is on another system than the work is meant for.

    ## Remedy
    Use one of the systems named; WSL 2 and containers count as Linux.

    ## Sources
    The profile's own line, shown with the finding.
    """
    for requirement in context.requirements("os"):
        system = context["host.os"]
        shown = _named([str(system)])
        fields = context.about(requirement, "os", "host.os", "host.distribution.name")
        if system not in requirement.any:
            remedy = Remedy("Use one of the systems named, or a container or WSL 2 for Linux")
            yield fail(f"{shown} is not one of {_named(requirement.any)}", remedy=remedy, **fields)
        elif requirement.recommended and system not in requirement.recommended:
            fields.update(severity="note", required=False)
            names = _named(requirement.recommended)
            yield fail(
                f"{names} is recommended, this is {shown}",
                remedy=Remedy(f"Use {names} where that is possible; containers and WSL 2 count"),
                **fields,
            )
        else:
            yield passed(f"{shown} fits the profile", **fields)


def _named(systems: list[str]) -> str:
    return ", ".join(SPELLED.get(system, system) for system in systems)


def required_libc(context: Context) -> Iterator[Finding]:
    """The C library is not what the profile asks for.

    ## Why it matters
    Binary wheels and programs are built against one C library and need at least its version.

    ## Causes
    An Alpine image where glibc is needed; an old distribution.

    ## Remedy
    Use another image or system: the C library of a running system is not replaced.

    ## Sources
    PEP 600, PEP 656; the profile's own line.
    """
    for requirement in context.requirements("libc"):
        fields = context.about(
            requirement, "libc", "host.libc.family", "host.libc.version", "host.tags"
        )
        wanted = f"{requirement.family} {requirement.minimum}".strip()
        remedy = Remedy(f"Use an image or system with {wanted}")
        family = context["host.libc.family"]
        if family != requirement.family:
            found = family or "none of the two"
            yield fail(f"{requirement.family} is needed, this is {found}", remedy=remedy, **fields)
            continue
        minimum, version = _pair(requirement.minimum), None
        if requirement.minimum:
            version = _pair(context["host.libc.version"])
            if minimum is None or version is None:
                yield unknown(f"whether {family} is at least {requirement.minimum}", **fields)
                continue
        if minimum is not None and version is not None and version < minimum:
            title = f"{family} {version[0]}.{version[1]} is older than {requirement.minimum}"
            yield fail(title, remedy=remedy, **fields)
        else:
            yield passed(f"{family} fits the profile", **fields)


def required_tag(context: Context) -> Iterator[Finding]:
    """None of the wheel tags that the profile names is supported.

    ## Why it matters
    Wheels with these tags cannot be installed here; pip falls back to older releases or to source.

    ## Causes
    An older C library or macOS, another architecture, or a `_manylinux` module that refuses.

    ## Remedy
    Use a system that supports one of the tags.

    ## Sources
    PyPA specification, platform compatibility tags; the profile's own line.
    """
    for requirement in context.requirements("wheel_tag"):
        fields = context.about(requirement, ", ".join(requirement.any), "host.tags")
        supported = set(strings(context["host.tags"])) & set(requirement.any)
        if supported:
            yield passed(f"{sorted(supported)[0]} is supported", **fields)
        else:
            remedy = Remedy("Use a system, or a container image, that supports one of them")
            title = f"no wheel tag of {', '.join(requirement.any)} is supported"
            yield fail(title, remedy=remedy, **fields)


def _glibc_of(tags: list[str]) -> tuple[int, int] | None:
    """The newest glibc among tags such as ``manylinux_2_28_x86_64``; None if there is none."""
    found = []
    for tag in tags:
        parts = tag.split("_")
        if parts[0] == "manylinux" and len(parts) > 3 and parts[1].isdigit() and parts[2].isdigit():
            found.append((int(parts[1]), int(parts[2])))
    return max(found, default=None)


def _pair(version: object) -> tuple[int, int] | None:
    """(2, 36) of ``2.36`` or ``2.36.9000``; None of anything else."""
    release = release_of(version) if isinstance(version, str) else None
    return (release[0], release[1]) if release and len(release) > 1 else None


CHECKS = (
    Check("OS001", "binary wheels are allowed", "error", wheel_tags, ("PY002",)),
    Check("OS002", "the system is native to the machine", "warning", emulated),
    Check("OS003", "the processor has AVX2", "note", vector_instructions, ("OS002",)),
    Check("OS004", "the system is no WSL 1", "warning", subsystem),
    Check("OS101", "torch is published for this platform", "error", torch_platform),
    Check(
        "OS102", "the C library is new enough for torch", "error", torch_glibc, ("OS101", "OS001")
    ),
    Check("OS201", "the operating system fits the profile", "error", required_system),
    Check("OS202", "the C library fits the profile", "error", required_libc, ("OS101",)),
    Check(
        "OS203",
        "a wheel tag of the profile is supported",
        "error",
        required_tag,
        ("OS001", "OS202"),
    ),
)
