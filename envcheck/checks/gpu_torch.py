"""GPU 111 to 114 and 117: whether the installed torch can use the devices that are there."""

from __future__ import annotations

from envcheck.checks import cuda_rules, remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.cuda_facts import (
    DRIVER_CODES,
    arch_list,
    capabilities,
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
    wants_cuda,
)
from envcheck.model.condition import SPELLED
from envcheck.model.finding import Finding, Remedy, fail, passed, unknown
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.finding import Evidence


def driver_runs_torch(context: Context) -> Iterator[Finding]:
    """The driver is too old for the generation of CUDA that torch was built with.

    ## Why it matters
    The CUDA runtime inside torch refuses to start ("The NVIDIA driver on your system is too old"),
    and torch.cuda.is_available() is False.

    ## Causes
    The default wheels moved to CUDA 13, which needs driver 580; the machine has an older one.
    A newer minor version is no cause: within a CUDA major any minor runs on any driver of that
    major's family (minor-version compatibility). Only code that is compiled at first use (PTX)
    needs a driver as new as the toolkit.

    ## Remedy
    Upgrade the driver, or install the build of torch for the driver's CUDA generation.

    ## Sources
    NVIDIA, CUDA compatibility, minor-version compatibility; uv-torch's table of driver minima.
    """
    if text(context, "torch.build.kind") != "cuda":
        raise NotApplicable("no torch that is built for CUDA")
    usable = text(context, "nvidia.libcuda.status") not in ("", "missing")
    if not usable and not records(context, "nvidia.smi.devices"):
        raise NotApplicable("no NVIDIA driver that could be used here")
    yield _driver_finding(context, str(context["torch.build.cuda"]))


def _driver_finding(context: Context, cuda: str) -> Finding:
    told = [name for name in ("kernel.version", "nvml.driver") if text(context, "nvidia." + name)]
    keys = ["torch.build.cuda", *("nvidia." + name for name in told), "nvidia.libcuda.cuda"]
    evidence = observed(context, *keys)
    working = records(context, "compute.torch.devices")
    if any(one.get("kind") == "cuda" and not one.get("error") for one in working):
        title = f"torch with CUDA {cuda} runs on this driver"
        return passed(title, detail="Observed.", evidence=evidence)
    driver, supported = driver_version(context), driver_cuda(context)
    says = f"driver {driver}" if driver else "the driver"
    says += f" supports CUDA {supported}" if supported else ""
    minimum = cuda_rules.minimum_driver(cuda, text(context, "host.os"))
    compatible = context.get("nvidia.libcuda.compat") is True
    enough = cuda_rules.driver_suffices(cuda, supported, "" if compatible else driver, minimum)
    if enough is None:
        why = "No row of the table of driver minima covers it."
        return unknown(
            f"whether {says} runs CUDA {cuda} is not known",
            detail=why if driver or supported else "Its version is not known.",
            evidence=evidence,
        )
    if enough:
        newer = cuda_rules.at_least(supported, ".".join(cuda.split(".")[:2])) is False
        note = (
            f"torch's CUDA {cuda} is newer than the driver's {supported}: in order within one major"
            " (minor-version compatibility). Code that is compiled at first use (PTX) needs a newer"
            " driver."
        )
        return passed(
            f"{says}, torch has CUDA {cuda}", detail=note if newer else "", evidence=evidence
        )
    needs = f"at least {minimum}" if minimum else f"one for CUDA {cuda}"
    return fail(
        f"torch needs an NVIDIA driver of {needs}, {says}",
        detail=f"torch was built with CUDA {cuda}, which needs a newer driver.",
        evidence=evidence,
        remedy=fitting_build(context, f"Upgrade the NVIDIA driver to {needs}, or install"),
    )


def fitting_build(context: Context, lead: str) -> Remedy:
    """The build of torch that this driver and these devices can run, of the same version if any."""
    version = text(context, "torch.version").partition("+")[0]
    machine, driver = text(context, "host.arch"), driver_cuda(context)
    devices = capabilities(context)
    backend = cuda_rules.backend(version, machine, driver, devices)
    wanted = f"torch=={version}" if version else "torch"
    if backend is None:
        backend = cuda_rules.backend("", machine, driver, devices)
        wanted = "torch"
    if backend is None:
        return Remedy(f"{lead} a build of torch for this GPU and driver; none that is known fits")
    why = f"{lead} the {backend} build of {wanted}"
    if version and wanted == "torch":
        why += ", the newest: this version has no build that fits"
    return remedies.torch_backend(context, backend, wanted, why=why)


def build_fits_devices(context: Context) -> Iterator[Finding]:
    """The installed torch is built for other devices than this machine has.

    ## Why it matters
    A CPU build on a machine with a GPU computes on the CPU without a word:
    torch.cuda.is_available() is False and the driver is not to blame.

    ## Causes
    torch was installed from an index of CPU builds, or a resolver preferred one; on Windows and,
    before torch 2.11, on aarch64 the default wheel has no CUDA.

    ## Remedy
    Reinstall torch, in the same version, as the build for the device.

    ## Sources
    The build's own version.py; uv's documentation of `--torch-backend`.
    """
    if context["torch.installed"] is not True:
        raise NotApplicable("torch is not installed")
    kinds = [kind for kind in ("cuda", "rocm", "xpu") if kind in strings(context, "devices.kinds")]
    if not kinds:
        if context.facts.fact("devices.kinds").status == "unknown":
            raise NotApplicable("whether there is a device is not known")
        raise NotApplicable("no device that needs a build of its own")
    build = context["torch.build.kind"]
    if build in kinds:
        return
    kind = kinds[0]
    version = text(context, "torch.version").partition("+")[0]
    if kind == "cuda":
        remedy = fitting_build(context, "Install")
    else:
        spec = f"torch=={version}" if version else "torch"
        remedy = (
            remedies.torch_backend(context, "xpu", spec)
            if kind == "xpu"
            else remedies.torch_backend(context, "auto", spec)
        )
    shown = "a CPU build" if build == "cpu" else f"built for {SPELLED.get(str(build), build)}"
    names = ", ".join(label(device) for device in cuda_devices(context)[:4])
    title = f"torch {text(context, 'torch.version')} is {shown}"
    yield fail(
        f"{title}, but this machine has a {SPELLED[kind]} device",
        detail=(f"{names}: " if names else "")
        + "this torch does not use it; the driver is not to blame.",
        severity="error" if kind == "cuda" and wants_cuda(context) else "warning",
        evidence=observed(
            context, "torch.version", "torch.build.kind", "torch.location", "devices.kinds"
        ),
        remedy=remedy,
    )


def code_for_devices(context: Context) -> Iterator[Finding]:
    """The installed torch has no code for a GPU of this machine.

    ## Why it matters
    The first operation ends with "no kernel image is available for execution on the device",
    although torch.cuda.is_available() is True.

    ## Causes
    The GPU is newer than the wheel, or the wheel has dropped it: builds with CUDA 13 (and cu128
    from torch 2.11 on) no longer carry Maxwell, Pascal and Volta; cu126 still does.
    Code for `sm_86` also runs on 8.9, `sm_120` on 12.1: the same major, from the minor on.

    ## Remedy
    Install a build with code for it.

    ## Sources
    torch.cuda.get_arch_list(), which is believed if it was asked (`--deep`); else a dated table
    from torch's sources. torch/cuda/__init__.py: DEVICE_REQUIREMENT. pytorch#157517, #172352.
    """
    if text(context, "torch.build.kind") != "cuda":
        raise NotApplicable("no torch that is built for CUDA")
    devices = cuda_devices(context)
    if not devices:
        raise NotApplicable("no CUDA device")
    known = arch_list(context)
    evidence = observed(
        context, "torch.version", "torch.build.cuda", "devices.list", "compute.torch.arch_list"
    )
    if known is None:
        yield unknown(
            "which GPUs this build of torch has code for is not known",
            detail="No table covers this build; `--deep` asks torch itself.",
            evidence=evidence,
        )
        return
    cuda = text(context, "torch.build.cuda")
    for device in devices:
        capability = device.get("compute_capability")
        how = (
            cuda_rules.runs(capability, known.names, cuda) if isinstance(capability, str) else None
        )
        if how == "none":
            yield _no_code(context, device, known, evidence)
        elif how == "ptx":
            yield fail(
                f"{label(device)} runs code that is compiled at first use",
                detail=f"torch has no compiled code for it ({known.source}): the first start is"
                " slow and needs a driver as new as torch's CUDA.",
                severity="note",
                subject=f"cuda:{device.get('index')}",
                evidence=evidence,
            )
        elif how is None:
            yield unknown(
                f"{label(device)}: its compute capability is not known", evidence=evidence
            )


def _no_code(
    context: Context,
    device: dict[str, Any],
    known: cuda_rules.ArchList,
    evidence: tuple[Evidence, ...],
) -> Finding:
    capability = str(device.get("compute_capability"))
    digits = [name.partition("_")[2].rstrip("af") for name in known.names]
    newest = max(
        (int(number) for number in digits if number.isascii() and number.isdigit()), default=0
    )
    pair = cuda_rules.version(capability) or (0, 0)
    age = "newer than" if 10 * pair[0] + pair[1] > newest else "no longer covered by"
    confidence = "" if known.observed else " That is by a table; `--deep` asks torch itself."
    return fail(
        f"torch {text(context, 'torch.version')} has no code for {label(device)}",
        detail=f"The GPU is {age} this build, which has {', '.join(known.names)} ({known.source})."
        f"{confidence}",
        subject=f"cuda:{device.get('index')}",
        evidence=evidence,
        remedy=fitting_build(context, "Install"),
    )


def cudnn_accepts_devices(context: Context) -> Iterator[Finding]:
    """A visible GPU is too old for cuDNN, which needs compute capability 7.5 from 9.11 on.

    ## Why it matters
    torch raises when cuDNN is first used, even if that GPU is not the one in use: a V100 beside an
    A100 is enough.

    ## Causes
    torch from 2.11 on brings such a cuDNN in most builds.

    ## Remedy
    Hide the old GPU with CUDA_VISIBLE_DEVICES, or install a build with an older cuDNN.

    ## Sources
    torch 2.15, torch/backends/cudnn/__init__.py.
    """
    if text(context, "torch.build.kind") != "cuda":
        raise NotApplicable("no torch that is built for CUDA")
    since, floor = cuda_rules.cudnn_floor()
    old = [
        device
        for device in cuda_devices(context)
        if cuda_rules.at_least(str(device.get("compute_capability")), floor) is False
    ]
    if not old:
        raise NotApplicable(f"no visible CUDA device below {floor}")
    version, where = cudnn(context)
    if "." not in version:
        version, where = cuda_rules.default_cudnn(text(context, "torch.version")) or "", "table"
    refuses = cuda_rules.at_least(version, since)
    evidence = observed(context, "devices.list", "torch.version")
    if refuses is None:
        yield unknown("which cuDNN torch gets is not known", evidence=evidence)
    elif refuses:
        keep = [
            str(device.get("index"))
            for device in cuda_devices(context)
            if device not in old and isinstance(device.get("index"), int)
        ]
        remedy = fitting_build(context, "Install")
        if keep and not text(context, "nvidia.visible.value"):
            lead = "Hide the GPUs that cuDNN refuses"
            remedy = remedies.export(context, "CUDA_VISIBLE_DEVICES", ",".join(keep), lead)
        yield fail(
            f"cuDNN {version} refuses {', '.join(label(device) for device in old[:4])}",
            detail=f"From {since} on cuDNN needs compute capability {floor} of every visible GPU"
            f" (cuDNN: {where}).",
            evidence=evidence,
            remedy=remedy,
        )


def amd_devices_passed(context: Context) -> Iterator[Finding]:
    """The kernel drives AMD GPUs, but /dev/kfd cannot be opened here.

    ## Why it matters
    ROCm programs find no device.

    ## Causes
    A container without `--device=/dev/kfd --device=/dev/dri`, or a user outside the groups
    `render` and `video`.

    ## Remedy
    Pass the devices, or add the user to the groups.

    ## Sources
    ROCm documentation, running containers; installation, user permissions.
    """
    hidden = number(context, "devices.rocm.hidden")
    if not hidden:
        raise NotApplicable("no AMD GPU that is withheld")
    built = text(context, "torch.build.kind") == "rocm"
    if text(context, "host.container"):
        groups = "--group-add video --group-add render"
        remedy = remedies.docker_run(context, f"--device=/dev/kfd --device=/dev/dri {groups}")
    else:
        command = 'sudo usermod -aG render,video "$USER"'
        remedy = Remedy(
            "Give this user access to /dev/kfd and /dev/dri, then log in anew", (command,)
        )
    yield fail(
        f"{hidden} AMD GPU{'s' * (hidden > 1)} driven by the kernel cannot be used here",
        severity="error" if built else "note",
        evidence=observed(context, "devices.rocm.hidden", "host.container"),
        remedy=remedy,
    )


CHECKS = (
    Check("GPU111", "the driver runs torch's CUDA", "error", driver_runs_torch, DRIVER_CODES),
    Check("GPU112", "torch is built for the devices here", "warning", build_fits_devices),
    Check("GPU113", "torch has code for every GPU", "error", code_for_devices),
    Check("GPU114", "cuDNN accepts every visible GPU", "error", cudnn_accepts_devices, ("GPU113",)),
    Check("GPU117", "AMD GPUs are accessible", "note", amd_devices_passed),
)
