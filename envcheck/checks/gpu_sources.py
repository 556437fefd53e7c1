"""GPU 107 to 110, 301: whether the sources about driver and devices answer, and agree."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.cuda_facts import (
    DRIVER_CODES,
    cuda_devices,
    label,
    number,
    observed,
    records,
    text,
)
from envcheck.checks.gpu_driver import EXPLAINED, NO_DRIVER, SMI_CODES, codes, signs
from envcheck.checks.imports_deep import require_torch
from envcheck.model.finding import Finding, Remedy, fail, unknown
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def answers(context: Context) -> Iterator[Finding]:
    """The NVIDIA driver did not answer in time, or the library that was asked crashed.

    ## Why it matters
    Whether there is a usable GPU is then not known: it is not "no GPU". Everything that touches
    the GPU will hang or crash in the same way.

    ## Causes
    A wedged driver or GPU (processes in state D, Xid errors in the kernel's log), a GPU that fell
    off the bus, a damaged libcuda; many GPUs without persistence mode are only slow.

    ## Remedy
    Look for Xid errors; reset the GPU or reboot. Ask again with `--deep`, which waits longer.

    ## Sources
    NVIDIA, XID errors.
    """
    if not signs(context):
        raise NotApplicable(NO_DRIVER)
    hung, crashed = [], []
    for name, shown in (("libcuda", "cuInit"), ("nvml", "NVML")):
        status = text(context, f"nvidia.{name}.status")
        error = text(context, f"nvidia.{name}.error") or shown
        if status == "hung":
            hung.append(error)
        elif status in ("crashed", "unloadable"):
            crashed.append((name, shown, status, error))
    if text(context, "nvidia.smi.status") in ("timeout", "abandoned"):
        fact = context.facts.fact("nvidia.smi.devices")
        hung.append(fact.reason or "nvidia-smi did not answer in time")
    if hung:
        yield _hung(context, "; ".join(hung))
    for name, shown, status, error in crashed:
        what = "crashes" if status == "crashed" else "cannot be loaded"
        musl = text(context, "host.libc.family") == "musl"
        yield fail(
            f"{'libcuda' if name == 'libcuda' else 'NVML'} {what}",
            detail=error,
            subject=name,
            severity="error" if name == "libcuda" else "warning",
            evidence=observed(context, f"nvidia.{name}.path", f"nvidia.{name}.files"),
            remedy=Remedy(
                "NVIDIA's libraries are for glibc: use an image or system with glibc"
                if musl
                else "The file is damaged, for another architecture or not the driver's: reinstall"
                f" the driver's user-space part ({shown})",
                () if musl else ("ldconfig -p | grep -E 'libcuda|libnvidia-ml'",),
            ),
        )


def _hung(context: Context, who: str) -> Finding:
    remedy = Remedy(
        "Look for Xid errors and for processes in state D; reset the GPU or reboot",
        ("sudo dmesg | grep -iE 'xid|nvrm'", "ps -eo pid,stat,wchan:32,cmd | awk '$2 ~ /D/'"),
    )
    names = ("libcuda.status", "nvml.status", "smi.path", "smi.status")
    evidence = observed(context, *("nvidia." + name for name in names))
    hung = text(context, "nvidia.libcuda.status") == "hung"
    if number(context, "nvidia.libcuda.init") == 0 and not hung:
        return fail(
            "a part of the NVIDIA driver does not answer",
            detail=f"{who}. CUDA itself starts.",
            severity="warning",
            evidence=evidence,
            remedy=remedy,
        )
    return unknown(
        "the NVIDIA driver did not answer: driver or GPU wedged",
        detail=f"{who}. Whether there is a usable GPU is not known.",
        evidence=evidence,
        remedy=remedy,
        required=True,
    )


def libcuda_found(context: Context) -> Iterator[Finding]:
    """GPUs answer, but the loader finds no libcuda, so that no CUDA program can start.

    ## Why it matters
    nvidia-smi works and torch.cuda.is_available() is False.

    ## Causes
    A container with `NVIDIA_DRIVER_CAPABILITIES=utility`, which brings NVML and nvidia-smi only; a
    driver package without its compute part; a libcuda in a folder that the loader does not search.

    ## Remedy
    In a container ask for `compute,utility`; otherwise install the driver's compute part or name
    its folder to the loader.

    ## Sources
    NVIDIA Container Toolkit, driver capabilities.
    """
    status = text(context, "nvidia.libcuda.status")
    if not signs(context) or not status:
        raise NotApplicable(NO_DRIVER)
    if status != "missing":
        return
    files = [str(record.get("path")) for record in records(context, "nvidia.libcuda.files")]
    told = [records(context, f"nvidia.{name}.devices") for name in ("nvml", "smi")]
    working = any(told) or text(context, "nvidia.smi.driver")
    if not working and not files:
        return
    if files:
        folder = files[0].rpartition("/")[0]
        remedy = Remedy(
            f"Name the folder {folder} to the loader: in /etc/ld.so.conf.d, or LD_LIBRARY_PATH"
        )
    elif text(context, "host.container"):
        remedy = remedies.docker_run(
            context, "--gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility"
        )
    else:
        remedy = Remedy("Install the driver's compute libraries, of the driver's own version")
    yield fail(
        "the loader finds no libcuda.so.1"
        if files
        else "the driver answers but there is no libcuda.so.1",
        detail="CUDA programs load libcuda.so.1 from the loader's search path.",
        severity="warning" if files and not working else "error",
        evidence=observed(
            context, "nvidia.libcuda.files", "nvidia.nvml.devices", "nvidia.smi.devices"
        ),
        remedy=remedy,
    )


def understood(context: Context) -> Iterator[Finding]:
    """nvidia-smi is the only source there is, and what it printed was not understood.

    ## Why it matters
    Driver and GPUs are then unknown. It is no proof that there are none.

    ## Causes
    A wrapper script, an unknown locale or version, damaged output, another program of that name.

    ## Remedy
    Run it by hand and look; `which -a nvidia-smi` shows whose it is.

    ## Sources
    The sample in the finding: the first bytes, escaped.
    """
    if text(context, "nvidia.smi.status") not in ("ok", "exit", "signal"):
        raise NotApplicable("nvidia-smi was not needed")
    if records(context, "nvidia.smi.devices") or text(context, "nvidia.smi.driver"):
        return
    if number(context, "nvidia.smi.code") in (*EXPLAINED, *SMI_CODES):
        return  # said by another check
    if number(context, "nvidia.libcuda.init") is not None:
        return
    yield unknown(
        "nvidia-smi's output was not understood",
        detail="It is the only source about the driver here.",
        evidence=observed(
            context, "nvidia.smi.path", "nvidia.smi.status", "nvidia.smi.code", "nvidia.smi.sample"
        ),
        remedy=Remedy(
            "Look at what it prints, and whose it is", ("which -a nvidia-smi", "nvidia-smi -q")
        ),
        required=True,
    )


def sources_agree(context: Context) -> Iterator[Finding]:
    """The sources about driver and GPUs contradict each other.

    ## Why it matters
    Something between the kernel module and the program differs from what the others see: a second
    driver installation, a container with another driver's libraries, GPUs that are withheld.

    ## Causes
    Libraries of two driver versions, a GPU that CUDA cannot use (reset needed, exclusive mode, MIG
    without instances), a wrapper around nvidia-smi.

    ## Remedy
    Find the odd one out in the evidence. Different versions of libcuda and the kernel module are
    in order with a forward-compatibility package; CUDA_VISIBLE_DEVICES explains fewer devices.

    ## Sources
    NVIDIA, CUDA compatibility.
    """
    cuda, nvml, smi = codes(context)
    keys = ["nvidia.kernel.version", "nvidia.nvml.driver", "nvidia.smi.driver"]
    if cuda == 0 and context.get("nvidia.libcuda.compat") is not True:
        keys.append("nvidia.libcuda.version")
    versions = {text(context, key) for key in keys} - {""}
    if len(versions) > 1 and cuda != 803 and nvml != 18 and smi != 18:
        yield fail(
            "sources name different driver versions: " + ", ".join(sorted(versions)),
            subject="version",
            evidence=observed(context, *keys),
            remedy=Remedy("Remove the libraries of the driver that is not loaded, or reboot"),
        )
    physical = [d for d in records(context, "nvidia.nvml.devices") if d.get("code") in (0, None)]
    hidden = context.facts.fact("nvidia.visible.value").known
    seen = "nvidia.libcuda.whole" if hidden else "nvidia.libcuda.devices"
    devices = records(context, seen)
    split = any(device.get("mig") for device in physical)
    if not context.facts.fact(seen).known:
        return
    if cuda in (0, 100) and len(devices) < len(physical) and not split:
        yield fail(
            f"NVML lists {len(physical)} GPU{'s' * (len(physical) > 1)}, CUDA sees {len(devices)}",
            subject="count",
            severity="" if devices else "error",
            evidence=observed(
                context, "nvidia.nvml.devices", "nvidia.libcuda.devices", "nvidia.libcuda.init"
            ),
            remedy=Remedy(
                "Look why CUDA leaves a GPU out: compute mode, a pending reset, device nodes",
                ("nvidia-smi -q -d COMPUTE,ECC", "ls -l /dev/nvidia*"),
            ),
        )


def devices_used(context: Context) -> Iterator[Finding]:
    """Torch was tried and does not see, or cannot use, a device that is there.

    ## Why it matters
    Training computes on the CPU, or ends with the first operation on the device.

    ## Causes
    A build without code for the GPU, a driver that starts and then fails, memory that others have
    filled, a device in exclusive mode, a variable that hides it.

    ## Remedy
    What torch said is in the finding; where another finding explains it, mend that first.

    ## Sources
    torch itself, asked in a process of its own: device_count, properties, a matrix product.
    """
    require_torch(context)
    seen = context["compute.torch.devices"]
    evidence = observed(context, "devices.list", "compute.torch.devices", "compute.torch.cuda")
    there = cuda_devices(context)
    if there and text(context, "compute.torch.cuda") and not seen:
        names = ", ".join(label(device) for device in there[:4])
        yield fail(
            f"torch does not see {names}",
            detail="The driver shows it, torch is built for CUDA, and torch.cuda.device_count()"
            " is 0.",
            evidence=evidence,
            remedy=Remedy("Look at what torch says when it is made to start CUDA", (_START,)),
        )
    failed = {f"{one.get('kind')}:{one.get('index')}": one.get("error") for one in seen or ()}
    for row in records(context, "compute.dtypes"):
        if row.get("dtype") == "fp32" and row.get("verdict") == "unsupported":
            device = str(row.get("device"))
            failed[device] = failed.get(device) or row.get("why") or "refused"
    for device, error in failed.items():
        if error:
            yield fail(
                f"torch cannot use {device}",
                detail=str(error),
                subject=device,
                evidence=evidence,
                remedy=Remedy("Free the device's memory and try it alone", (_START, "nvidia-smi")),
            )


_START = "python -c 'import torch; torch.cuda.init()'"

CHECKS = (
    Check("GPU107", "the driver answers", "error", answers),
    Check("GPU108", "the loader finds libcuda", "error", libcuda_found, ("GPU102",)),
    Check("GPU109", "nvidia-smi is understood", "error", understood, ("GPU107",)),
    Check(
        "GPU110",
        "the sources about the driver agree",
        "warning",
        sources_agree,
        ("GPU101", "GPU102", "GPU105", "GPU106", "GPU108"),
    ),
    Check(
        "GPU301",
        "torch uses the devices that are there",
        "error",
        devices_used,
        (*DRIVER_CODES, "IMP305", "GPU111", "GPU113", "GPU115", "GPU116"),
    ),
)
