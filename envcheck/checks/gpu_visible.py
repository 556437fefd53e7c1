"""GPU 115, 116 and 118: the variables that choose among devices, and MIG."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.cuda_facts import observed, records, strings, text, wants_cuda
from envcheck.model.finding import Finding, Remedy, fail, passed
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_HIDES = ("", "-1", "NoDevFiles")  # the usual ways to say "none"; the last is Slurm's
_KEYS = ("nvidia.visible.value", "nvidia.visible.selection", "nvidia.nvml.devices")


def visible_devices(context: Context) -> Iterator[Finding]:
    """CUDA_VISIBLE_DEVICES does not mean what it seems to say.

    ## Why it matters
    torch and the CUDA runtime read it silently: `all` and `none` hide every GPU, `0;1` is GPU 0
    alone, a repeated entry empties the list, an ordinal beyond the last GPU ends it.

    ## Causes
    A value meant for NVIDIA_VISIBLE_DEVICES (where `all` is valid), a wrong separator, a job script
    for another machine, GPU- and MIG-UUIDs in one list.

    ## Remedy
    Unset it, or give ordinals from 0 separated by commas (or UUIDs of one kind).

    ## Sources
    CUDA C++ programming guide, environment variables; torch.cuda._parse_visible_devices, with which
    envcheck's reading is compared in its tests.
    """
    fact = context.facts.fact("nvidia.visible.value")
    if not fact.known or not isinstance(fact.value, str):
        raise NotApplicable("CUDA_VISIBLE_DEVICES is not set")
    value = fact.value
    physical = _physical(context)
    if value in _HIDES:
        if wants_cuda(context) and physical:
            yield _mistake(
                context, "hides every GPU", "A CUDA device is wanted.", physical, "error"
            )
        else:
            yield passed(
                "CUDA_VISIBLE_DEVICES hides every GPU", evidence=observed(context, _KEYS[0])
            )
        return
    kind, rest = text(context, "nvidia.visible.kind"), text(context, "nvidia.visible.rest")
    selection = strings(context, "nvidia.visible.selection")
    left = _left(selection, kind, physical)
    read = f"torch reads it as [{', '.join(left)}]"
    severity = "error" if physical and not left else "warning"
    if kind == "error":
        detail = "torch raises ValueError when it reads it."
        yield _mistake(context, f"cannot be read at {rest!r}", detail, physical, severity)
    elif not selection:
        why = "an entry is repeated" if _repeats(value) else f"{rest!r} is no GPU"
        yield _mistake(context, "hides every GPU", f"{read}, because {why}.", physical, severity)
    elif len(left) < len(selection):
        missing = selection[len(left)]
        what = "an ordinal beyond the last GPU" if kind == "ordinals" else "no GPU of this machine"
        yield _mistake(context, f"names {missing}, {what}", f"{read}.", physical, severity)
    elif rest:
        mixed = rest.startswith(("GPU-", "MIG-"))
        why = "GPU- and MIG-UUIDs in one list" if mixed else f"reading stops at {rest!r}"
        yield _mistake(context, "is not read to its end", f"{read}: {why}.", physical, "warning")
    elif kind == "ordinals" and _junk(value, selection):
        yield _mistake(context, "has characters that are ignored", f"{read}.", physical, "warning")
    else:
        yield passed(
            f"CUDA_VISIBLE_DEVICES selects {', '.join(selection)}",
            evidence=observed(context, *_KEYS),
        )


def _mistake(
    context: Context, what: str, detail: str, physical: list[dict[str, Any]], severity: str
) -> Finding:
    count = len(physical)
    name = "CUDA_VISIBLE_DEVICES"
    lead = f"Unset {name} where it is set (a profile, a job script …), or list ordinals with commas"
    remedy = remedies.unset(context, name, lead)
    if count > 1:
        ordinals = ",".join(str(index) for index in range(count))
        remedy = remedies.export(context, name, ordinals, lead)
    number = f" {count} GPU{'s are' if count != 1 else ' is'} there." if count else ""
    return fail(
        f"CUDA_VISIBLE_DEVICES {what}",
        detail=detail + number,
        severity=severity,
        subject="CUDA_VISIBLE_DEVICES",
        evidence=observed(context, *_KEYS),
        remedy=remedy,
    )


def _physical(context: Context) -> list[dict[str, Any]]:
    """All GPUs of the machine, hidden ones too, by the best source."""
    for key in ("nvidia.nvml.devices", "nvidia.libcuda.whole", "nvidia.smi.devices"):
        found = records(context, key)
        if found:
            return found
    return []


def _left(selection: list[str], kind: str, physical: list[dict[str, Any]]) -> list[str]:
    """The selected entries up to the first that names no GPU here, as torch stops there."""
    if not physical:
        return selection
    uuids = [str(device.get("uuid")) for device in physical]
    for position, entry in enumerate(selection):
        if kind == "ordinals" and entry.isascii() and entry.isdigit():
            if len(entry) > 9 or int(entry) >= len(physical):
                return selection[:position]
        elif (
            kind == "gpu"
            and not any(uuid.startswith(entry) for uuid in uuids)
            and any(uuid.startswith("GPU-") for uuid in uuids)
        ):
            return selection[:position]
    return selection


def _repeats(value: str) -> bool:
    entries = [entry.strip() for entry in value.split(",")]
    return len(set(entries)) < len(entries)


def _junk(value: str, selection: list[str]) -> bool:
    entries = [entry.strip() for entry in value.split(",")]
    return any(
        entry.lstrip("+").lstrip("0") != number.lstrip("0")
        for entry, number in zip(entries, selection, strict=False)
    )


def mig(context: Context) -> Iterator[Finding]:
    """A process can use one MIG device only, or a GPU in MIG mode has none.

    ## Why it matters
    With two MIG-UUIDs in CUDA_VISIBLE_DEVICES torch.cuda.device_count() is still 1. A GPU in MIG
    mode without instances gives no device at all.

    ## Causes
    MIG (multi-instance GPU) splits a GPU; CUDA enumerates one instance for each process.

    ## Remedy
    Start one process for each instance, each with its own UUID. To use the whole GPU, turn MIG off.

    ## Sources
    NVIDIA MIG user guide; pytorch#102715, #92315.
    """
    split = [
        device for device in records(context, "nvidia.nvml.devices") if device.get("mig") is True
    ]
    selected = strings(context, "nvidia.visible.selection")
    listed = text(context, "nvidia.visible.kind") == "mig"
    if not split and not listed:
        raise NotApplicable("no GPU in MIG mode")
    if listed and len(selected) > 1:
        yield fail(
            f"CUDA_VISIBLE_DEVICES lists {len(selected)} MIG devices, a process can use one",
            detail=f"torch.cuda.device_count() is 1: {selected[0]}.",
            subject="CUDA_VISIBLE_DEVICES",
            evidence=observed(context, *_KEYS),
            remedy=Remedy("Start one process for each MIG device, each with its own UUID"),
        )
    for device in split:
        if device.get("mig_devices") or listed:
            continue
        if records(context, "nvidia.libcuda.devices"):
            continue
        yield fail(
            f"GPU {device.get('index')} is in MIG mode but has no MIG device",
            subject=f"GPU {device.get('index')}",
            severity="error",
            evidence=observed(context, "nvidia.nvml.devices", "nvidia.libcuda.init"),
            remedy=Remedy(
                "Make instances, or turn MIG mode off (needs an idle GPU)",
                ("sudo nvidia-smi mig -cgi 0 -C", "sudo nvidia-smi -mig 0"),
            ),
        )


def hip_visible_devices(context: Context) -> Iterator[Finding]:
    """HIP_VISIBLE_DEVICES lists more devices than ROCR_VISIBLE_DEVICES leaves.

    ## Why it matters
    ROCR_VISIBLE_DEVICES is applied first and HIP_VISIBLE_DEVICES chooses among what is left; torch
    raises RuntimeError when it counts the devices.

    ## Causes
    Both variables are set, by different layers (job scheduler and script).

    ## Remedy
    Unset HIP_VISIBLE_DEVICES, or let it count from 0 within ROCR_VISIBLE_DEVICES.

    ## Sources
    torch.cuda._parse_visible_devices.
    """
    if text(context, "torch.build.kind") != "rocm":
        raise NotApplicable("no torch that is built for ROCm")
    keys = ("nvidia.visible.hip", "nvidia.visible.rocr")
    hip, rocr = (context.facts.fact(key) for key in keys)
    if not (hip.known and rocr.known):
        return
    chosen, left = str(hip.value).count(",") + 1, str(rocr.value).count(",") + 1
    if chosen > left:
        yield fail(
            f"HIP_VISIBLE_DEVICES lists {chosen} devices, ROCR_VISIBLE_DEVICES leaves {left}",
            evidence=observed(context, *keys),
            remedy=remedies.unset(context, "HIP_VISIBLE_DEVICES", "Unset HIP_VISIBLE_DEVICES"),
        )


CHECKS = (
    Check("GPU115", "CUDA_VISIBLE_DEVICES means what it says", "warning", visible_devices),
    Check("GPU116", "MIG devices are used one to a process", "warning", mig),
    Check("GPU118", "HIP_VISIBLE_DEVICES fits", "error", hip_visible_devices),
)
