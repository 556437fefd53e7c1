"""GPU 119 and 201 to 204: what a profile asks of devices, driver, CUDA and cuDNN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envcheck.checks.base import Check, Context, NotApplicable, explained, sentence
from envcheck.checks.cuda_facts import (
    DRIVER_CODES,
    cuda_devices,
    cudnn,
    driver_cuda,
    driver_version,
    label,
    number,
    observed,
    records,
    strings,
    text,
)
from envcheck.checks.gpu_torch import fitting_build
from envcheck.checks.specifiers import satisfies
from envcheck.model.condition import DEVICES, SPELLED
from envcheck.model.finding import Finding, Remedy, fail, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.profile import Placed

GIB = 1 << 30


def _about(context: Context, requirement: Placed, subject: str, *keys: str) -> dict[str, Any]:
    return {**context.about(requirement, subject), "evidence": observed(context, *keys)}


def wanted(context: Context) -> Iterator[Finding]:
    """A device that `--want` names is not there, or cannot be used.

    ## Why it matters
    What was to run on it runs on the CPU, slowly, or not at all.

    ## Causes
    Another machine than was meant, or a driver that does not work: then the finding that explains
    it is shown above this one.

    ## Remedy
    Mend the cause; otherwise use another machine, or want something else.

    ## Sources
    What was said with `--want`.
    """
    kinds = [kind for kind in DEVICES if kind in context.wants]
    if not kinds:
        raise NotApplicable("no device was named with --want")
    fact = context.facts.fact("devices.kinds")
    undecided = context.get("devices.undecided")
    for kind in kinds:
        spelled = SPELLED[kind]
        evidence = observed(context, "devices.kinds")
        if kind in strings(context, "devices.kinds"):
            yield passed(f"there is a usable {spelled} device", subject=kind, evidence=evidence)
        elif not fact.known or (isinstance(undecided, dict) and kind in undecided):
            why = undecided[kind] if isinstance(undecided, dict) and fact.known else fact.reason
            yield unknown(
                f"whether there is a usable {spelled} device is not known",
                detail=sentence(str(why)),
                subject=kind,
                evidence=evidence,
                required=True,
            )
        else:
            yield fail(
                f"no usable {spelled} device, which is wanted",
                subject=kind,
                evidence=evidence,
                remedy=_elsewhere(context),
            )


def device(context: Context) -> Iterator[Finding]:
    """The devices that the profile asks for are not there, or too few, too small or too old.

    ## Why it matters
    The profile's work needs them.

    ## Causes
    Another machine than was meant, or a device that does not work: then the finding that explains
    it is shown above this one.

    ## Remedy
    Mend the cause; otherwise use another machine, or a profile that can do without.
    Memory is what the driver reports, in GiB: a card sold with 16 GB reports 14.6 to 15.9.

    ## Sources
    The profile's own line, shown with the finding.
    """
    for requirement in context.requirements("device"):
        yield _device(context, requirement, _wanted(requirement))


def _wanted(requirement: Placed) -> str:
    """For example ``CUDA or ROCm device``, ``2 CUDA devices``."""
    *first, last = (SPELLED.get(kind, kind) for kind in requirement.any)
    kinds = f"{', '.join(first)} or {last}" if first else last
    return f"{requirement.count} {kinds} devices" if requirement.count > 1 else f"{kinds} device"


def _device(context: Context, requirement: Placed, wanted: str) -> Finding:
    fact = context.facts.fact("devices.kinds")
    keys = ("devices.kinds", "devices.list") if fact.value else ("devices.kinds",)
    fields = _about(context, requirement, wanted, *keys)
    usable = [d for d in records(context, "devices.list") if d.get("kind") in requirement.any]
    open_kinds = context.get("devices.undecided")
    maybe = [
        kind for kind in requirement.any if isinstance(open_kinds, dict) and kind in open_kinds
    ]
    if fact.status == "unknown" or (len(usable) < requirement.count and maybe):
        refused = number(context, "nvidia.libcuda.init")
        others = [kind for kind in maybe if kind != "cuda"]
        if refused in (None, 0) or "cuda" not in requirement.any or others:
            reason = fact.reason or "; ".join(str(open_kinds[kind]) for kind in maybe)
            title = f"whether there is a usable {wanted} is not known"
            return unknown(title, **explained(fields, sentence(reason)))
    good, problems, doubts = [], [], []
    for one in usable:
        answer, why = _suits(one, requirement)
        if answer is None:
            doubts.append(why)
        elif answer:
            good.append(one)
        else:
            problems.append(why)
    if len(good) >= requirement.count:
        names = ", ".join(label(one) for one in good[:4])
        return passed(f"{wanted}: {names}", **fields)
    if len(good) + len(doubts) >= requirement.count:
        title = f"whether {wanted} suffices is not known"
        return unknown(title, **explained(fields, sentence("; ".join(doubts))))
    title = f"no usable {wanted}" if not usable else f"no {wanted} that suffices"
    there = f"there {'is' if len(usable) == 1 else 'are'} {len(usable)}" if usable else ""
    detail = sentence("; ".join(problems) or there)
    hidden = records(context, "nvidia.libcuda.whole") if "cuda" in requirement.any else []
    if len(hidden) > len(cuda_devices(context)):
        detail = f"CUDA_VISIBLE_DEVICES hides {len(hidden) - len(cuda_devices(context))}. {detail}"
    return fail(title, remedy=_elsewhere(context), **explained(fields, detail))


def _elsewhere(context: Context) -> Remedy:
    """What can be done where a device is missing and no other finding says why."""
    text = "Run it on a machine that has one"
    if context.get("host.container"):
        text += ", or pass the host's devices into the container (for NVIDIA: `--gpus all`)"
    return Remedy(f"{text}; to judge the environment for the CPU alone add `--want cpu`")


def _suits(one: dict[str, Any], requirement: Placed) -> tuple[bool | None, str]:
    if requirement.memory_gib:
        memory = one.get("memory")
        if not isinstance(memory, int):
            return None, f"the memory of {label(one)} is not known"
        if memory < requirement.memory_gib * GIB:
            return (
                False,
                f"{label(one)} has {memory / GIB:.1f} GiB, {requirement.memory_gib:g} are needed",
            )
    if requirement.compute_capability and one.get("kind") == "cuda":
        capability = one.get("compute_capability")
        answer = satisfies(str(capability), requirement.compute_capability) if capability else None
        if answer is None:
            return None, f"the compute capability of {label(one)} is not known"
        if not answer:
            return False, f"{label(one)} is not {requirement.compute_capability}"
    return True, ""


def driver(context: Context) -> Iterator[Finding]:
    """The NVIDIA driver is older than the profile asks for, or not there.

    ## Why it matters
    The profile's software needs it.

    ## Causes
    An old driver; a driver that does not work: then its own finding is shown above this one.

    ## Remedy
    Upgrade the driver (on the host, for a container).

    ## Sources
    The profile's own line, shown with the finding.
    """
    for requirement in context.requirements("driver"):
        for have, wants, what in (
            (driver_version(context), requirement.requires, "NVIDIA driver"),
            (driver_cuda(context), requirement.cuda, "driver for CUDA"),
        ):
            if wants:
                yield _driver(context, requirement, have, f"{what} {wants}", wants)


def _driver(
    context: Context, requirement: Placed, have: str, wanted: str, specifier: str
) -> Finding:
    keys = ("nvidia.kernel.version", "nvidia.libcuda.cuda", "nvidia.nvml.driver")
    fields = _about(context, requirement, wanted, *keys)
    remedy = Remedy(
        f"Install {wanted}" + (" on the host" if text(context, "host.container") else "")
    )
    if not have:
        if context.facts.fact("devices.kinds").status == "unknown":
            return unknown(f"the driver's version is not known ({wanted})", **fields)
        return fail(f"no {wanted}", remedy=remedy, **explained(fields, "There is no driver."))
    answer = satisfies(have, specifier)
    if answer is None:
        return unknown(f"{have} cannot be compared with {specifier}", **fields)
    if answer:
        return passed(f"{wanted}: {have}", **fields)
    return fail(f"{wanted} is needed, there is {have}", remedy=remedy, **fields)


def cuda_toolkit(context: Context) -> Iterator[Finding]:
    """No CUDA of the version that the profile asks for.

    ## Why it matters
    Programs need the CUDA libraries at run time; building extensions needs the compiler nvcc too.

    ## Causes
    A CPU build of torch; an old toolkit. CUDA_HOME need not be set: the wheels of torch bring
    the libraries they need, and those count unless the profile asks for the compiler.

    ## Remedy
    Install a build of torch with that CUDA; for extensions install the toolkit.

    ## Sources
    The profile's own line, shown with the finding.
    """
    for requirement in context.requirements("cuda_toolkit"):
        yield _toolkit(context, requirement)


def _toolkit(context: Context, requirement: Placed) -> Finding:
    wanted = f"CUDA {requirement.requires}".strip() + (" with nvcc" if requirement.compiler else "")
    keys = ("toolchain.cuda.toolkits", "torch.build.cuda")
    fields = _about(context, requirement, wanted, *keys)
    found = _cuda_versions(context, compiler=requirement.compiler)
    answers = [
        (satisfies(version, requirement.requires), version, where) for version, where in found
    ]
    for answer, version, where in answers:
        if answer:
            return passed(f"{wanted}: {version}, {where}", **fields)
    if any(answer is None for answer, _, _ in answers) or not all(
        context.facts.fact(key).status != "unknown"
        for key in keys[: 1 if requirement.compiler else 2]
    ):
        return unknown(f"whether there is {wanted} is not known", **fields)
    there = ", ".join(f"{version} ({where})" for _, version, where in answers[:4])
    detail = f"There is {there}." if there else "There is none."
    if requirement.compiler:
        remedy = Remedy("Install a CUDA toolkit with nvcc and set CUDA_HOME to its folder")
    else:
        remedy = fitting_build(context, "Install")
    return fail(f"no {wanted}", remedy=remedy, **explained(fields, detail))


def _cuda_versions(context: Context, *, compiler: bool) -> list[tuple[str, str]]:
    """(version, where) of every CUDA that counts, what torch brings first."""
    found = []
    bundled = text(context, "torch.build.cuda")
    if bundled and not compiler:
        found.append((bundled, "that torch brings"))
    for toolkit in records(context, "toolchain.cuda.toolkits"):
        if isinstance(toolkit.get("version"), str) and (toolkit.get("nvcc") or not compiler):
            found.append((toolkit["version"], f"toolkit in {toolkit.get('path')}"))
    if not compiler:
        for copy in records(context, "libraries.copies"):
            if copy.get("library") == "cudart" and isinstance(copy.get("version"), str):
                found.append((copy["version"], f"cudart in {copy.get('path')}"))
    return found


def required_cudnn(context: Context) -> Iterator[Finding]:
    """The cuDNN that torch gets is older than the profile asks for, or there is none.

    ## Why it matters
    Convolutions, attention and recurrent layers use it.

    ## Causes
    A CPU build of torch, an old wheel, another copy ahead in LD_LIBRARY_PATH.

    ## Remedy
    Install a build of torch that brings it. A system-wide cuDNN is not needed beside torch's.

    ## Sources
    The profile's own line, shown with the finding.
    """
    for requirement in context.requirements("cudnn"):
        yield _cudnn_finding(context, requirement)


def _cudnn_finding(context: Context, requirement: Placed) -> Finding:
    wanted = f"cuDNN {requirement.requires}"
    fields = _about(context, requirement, wanted, "libraries.chosen", "torch.pins")
    version, where = cudnn(context)
    if not version:
        if text(context, "torch.build.kind") == "cuda" and not records(context, "torch.pins"):
            return unknown(f"which cuDNN torch gets is not known ({wanted})", **fields)
        context["libraries.copies"]  # unknown is not none
        remedy = fitting_build(context, "Install")
        return fail(f"no {wanted}", remedy=remedy, **explained(fields, "There is no cuDNN."))
    answer = satisfies(version, requirement.requires)
    if not answer and "." not in version:  # only the major is known: might some minor do?
        answer = None if satisfies(f"{version}.99", requirement.requires) else False
    if answer:
        return passed(f"{wanted}: {version}, {where}", **fields)
    if answer is None:
        return unknown(f"{wanted}: {version}, {where}", **fields)
    return fail(
        f"{wanted} is needed, torch gets {version}",
        remedy=fitting_build(context, "Install"),
        **explained(fields, f"It comes from {where}."),
    )


_EXPLAIN = (*DRIVER_CODES, "GPU103", "GPU110", "GPU115", "GPU116", "GPU117")
_BUILD = ("GPU112", *DRIVER_CODES)

CHECKS = (
    Check(
        "GPU119",
        "the devices that are wanted are there",
        "error",
        wanted,
        (*DRIVER_CODES, "GPU103"),
    ),
    Check("GPU201", "the devices that the profile asks for are there", "error", device, _EXPLAIN),
    Check(
        "GPU202", "the driver is as the profile asks", "error", driver, (*DRIVER_CODES, "GPU103")
    ),
    Check("GPU203", "CUDA is as the profile asks", "error", cuda_toolkit, _BUILD),
    Check("GPU204", "cuDNN is as the profile asks", "error", required_cudnn, _BUILD),
)
