"""RES2xx: what a profile asks of memory, shared memory, processors, disks and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.places import elsewhere, evidence_of, place_of
from envcheck.checks.resources import GIB, gib
from envcheck.model.finding import Finding, Remedy, fail, passed, unknown
from envcheck.model.reading import number, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.profile import Placed


def required_memory(context: Context) -> Iterator[Finding]:
    """There is less memory than the profile asks for.

    ## Why it matters
    A model passes through main memory when it is loaded; without enough the kernel kills the
    process.

    ## Causes
    A small machine, or a control group's limit below what the machine has.

    ## Remedy
    Use a larger machine, or raise the container's limit.

    ## Sources
    The profile's own line. Memory is what all control groups and the machine allow.
    """
    for requirement in context.requirements("memory"):
        have = number(context["limits.memory.effective"])
        keys = ("limits.memory.effective", "limits.memory.total", "limits.memory.limit")
        yield _enough(context, requirement, "memory", have, requirement.minimum_gib, keys)


def required_shared_memory(context: Context) -> Iterator[Finding]:
    """/dev/shm is smaller than the profile asks for.

    ## Why it matters
    DataLoader workers and NCCL pass data through it and die when it is full.

    ## Causes
    Containers get 64 MiB unless told otherwise.

    ## Remedy
    `docker run --shm-size=8g` or `--ipc=host`.

    ## Sources
    The profile's own line; Docker documentation, `--shm-size`.
    """
    for requirement in context.requirements("shared_memory"):
        if context["host.os"] != "linux":
            raise NotApplicable("only Linux has /dev/shm")
        have = number(context["limits.shm.total"]) or 0
        keys = ("limits.shm.total", "host.container")
        yield _enough(context, requirement, "/dev/shm", have, requirement.minimum_gib, keys)


def required_cpu(context: Context) -> Iterator[Finding]:
    """Too few processors may be used, or they lack instruction sets that the profile names.

    ## Why it matters
    Data loading needs processors; number formats such as bf16 are emulated without their
    instructions.

    ## Causes
    Affinity, cpusets and quotas below what the machine has; a virtual machine's processor type.

    ## Remedy
    Give the container more processors, or use another machine.

    ## Sources
    The profile's own line; `sched_getaffinity`, control groups, `/proc/cpuinfo`.
    """
    for requirement in context.requirements("cpu"):
        fields = context.about(requirement, "cpu", "host.cpu.usable", "host.cpu.model")
        wrong = []
        if requirement.minimum:
            usable = number(context["host.cpu.usable"])
            if usable is not None and usable < requirement.minimum:
                wrong.append(
                    f"{requirement.minimum:g} processors are needed, {usable:g} may be used"
                )
        if requirement.features:
            have = {_feature(name) for name in strings(context["host.cpu.features"])}
            missing = [name for name in requirement.features if _feature(name) not in have]
            if missing:
                wrong.append(f"the processor lacks {', '.join(missing)}")
        if wrong:
            remedy = Remedy("Give the container or job more processors, or use another machine")
            yield fail("; ".join(wrong), remedy=remedy, **fields)
        else:
            yield passed("the processors fit the profile", **fields)


def required_disk(context: Context) -> Iterator[Finding]:
    """There is less free disk space than the profile asks for.

    ## Why it matters
    Checkpoints, datasets and model weights have to fit.

    ## Causes
    The place is on a small or full file system.

    ## Remedy
    Free space, or point the variable that decides the place elsewhere.

    ## Sources
    The profile's own line; `statvfs(3)`.
    """
    for requirement in context.requirements("disk"):
        record = place_of(context, requirement.path)
        fields = context.about(requirement, requirement.path)
        free = number(record.get("free")) if record else None
        if record is None or free is None:
            why = str(record.get("error") or "") if record else "the agent was not asked about it"
            yield unknown(
                f"how much space is free at {requirement.path}", **{**fields, "detail": why}
            )
            continue
        fields["evidence"] = evidence_of([record], "free")
        wanted = requirement.minimum_gib * GIB
        left = record.get("inodes_free")
        where = f"{requirement.path} ({record.get('path')})"
        if free < wanted:
            title = f"{requirement.minimum_gib:g} GiB needed at {where}, {gib(free)} free"
            yield fail(title, remedy=elsewhere(context, [record], "Free space there"), **fields)
        elif record.get("writable") is False:
            yield fail(
                f"{where} cannot be written", remedy=elsewhere(context, [record], ""), **fields
            )
        elif isinstance(left, int) and left < requirement.inodes:
            title = f"{requirement.inodes} files needed at {where}, {left} possible"
            remedy = elsewhere(context, [record], "Delete directories of many small files")
            yield fail(title, remedy=remedy, **fields)
        else:
            yield passed(f"{gib(free)} free at {where}", **fields)


def required_file(context: Context) -> Iterator[Finding]:
    """A file that the profile asks for is not there.

    ## Why it matters
    The profile's author says what it is for; see the finding.

    ## Causes
    It was not made or mounted, or a variable in its path has another value here.

    ## Remedy
    Make it, mount it, or correct the path.

    ## Sources
    The profile's own line.
    """
    for requirement in context.requirements("file"):
        record = place_of(context, requirement.path)
        fields = context.about(requirement, requirement.path)
        if record is None or record.get("exists") is None:
            why = str(record.get("error") or "") if record else "the agent was not asked about it"
            yield unknown(f"whether {requirement.path} exists", **{**fields, "detail": why})
            continue
        fields["evidence"] = evidence_of([record], "exists")
        if record["exists"]:
            yield passed(f"{requirement.path} exists", **fields)
        elif requirement.optional:
            yield passed(f"{requirement.path} is optional and not there", **fields)
        else:
            error = str(record.get("error") or "")
            title = f"{requirement.path} does not exist" + (f": {error}" if error else "")
            yield fail(title, remedy=Remedy("Make it, mount it, or correct the path"), **fields)


_MORE = {
    "memory": "Use a machine with more memory, or raise the container's or job's limit",
    "/dev/shm": "Start the container with `--shm-size={:g}g`, or with `--ipc=host`",
}


def _enough(
    context: Context,
    requirement: Placed,
    what: str,
    have: float | None,
    minimum_gib: float,
    keys: tuple[str, ...],
) -> Finding:
    fields = context.about(requirement, what, *keys)
    # a machine sold with 16 GiB shows a little less: the kernel and firmware take theirs
    enough = have is not None and have >= minimum_gib * GIB * (0.93 if what == "memory" else 1)
    if enough:
        return passed(f"{gib(have or 0)} of {what}, {minimum_gib:g} GiB needed", **fields)
    title = f"{minimum_gib:g} GiB of {what} needed, {gib(have or 0)} there"
    return fail(title, remedy=Remedy(_MORE[what].format(minimum_gib)), **fields)


def _feature(name: str) -> str:
    """``avx512_bf16``, ``AVX512-BF16`` and ``avx512bf16`` are one."""
    return name.lower().replace("_", "").replace("-", "").replace(".", "")


CHECKS = (
    Check("RES201", "there is as much memory as the profile asks for", "error", required_memory),
    Check("RES202", "there is as much disk space as the profile asks for", "error", required_disk),
    Check(
        "RES203", "/dev/shm is as large as the profile asks for", "error", required_shared_memory
    ),
    Check("RES204", "the processors fit the profile", "error", required_cpu),
    Check("RES205", "the files that the profile names are there", "error", required_file),
)
