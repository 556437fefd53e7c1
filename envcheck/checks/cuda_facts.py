"""The facts about CUDA that several checks need, read defensively: a sheet may hold anything."""

from __future__ import annotations

from envcheck.checks.cuda_rules import ArchList, wheel_architectures
from envcheck.model import reading
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envcheck.checks.base import Context
    from envcheck.model.finding import Evidence

#: Checks whose failure explains that CUDA devices cannot be used.
DRIVER_CODES = ("GPU101", "GPU102", "GPU104", "GPU105", "GPU106", "GPU107", "GPU108", "GPU109")


def text(context: Context, key: str) -> str:
    """A string fact, empty if it is not there."""
    return reading.text(context.get(key))


def number(context: Context, key: str) -> int | None:
    """An integer fact."""
    value = reading.number(context.get(key))
    return None if value is None else int(value)


def strings(context: Context, key: str) -> list[str]:
    """A fact of strings."""
    return reading.strings(context.get(key))


def records(context: Context, key: str) -> list[dict[str, Any]]:
    """A fact of records."""
    return reading.records(context.get(key))


def cuda_devices(context: Context) -> list[dict[str, Any]]:
    """The usable CUDA devices."""
    return [device for device in records(context, "devices.list") if device.get("kind") == "cuda"]


def capabilities(context: Context) -> list[str]:
    """Compute capabilities of the usable CUDA devices, as far as they are known, each once."""
    found = [device.get("compute_capability") for device in cuda_devices(context)]
    return list(dict.fromkeys(item for item in found if isinstance(item, str)))


def label(device: dict[str, Any]) -> str:
    """``Tesla T4 (7.5)``."""
    name = device.get("name")
    capability = device.get("compute_capability")
    shown = name if isinstance(name, str) and name else "GPU"
    return f"{shown} ({capability})" if isinstance(capability, str) else shown


def observed(context: Context, *keys: str) -> tuple[Evidence, ...]:
    """As ``context.evidence``, with records as what a person looks for in them."""
    found = []
    for item in context.evidence(*keys):
        if isinstance(context.get(item.fact), list):
            rows = records(context, item.fact)
            shown = [_row(row) for row in rows[:8]] + (["…"] if len(rows) > 8 else [])
            if rows:
                item = item._replace(value=", ".join(shown))
        found.append(item)
    return tuple(found)


def _row(row: dict[str, Any]) -> str:
    if "needed_by" in row:
        return f"{row.get('file')} from {row.get('path') or 'nowhere'} ({row.get('why')})"
    if "names" in row:
        return f"{row.get('folder')}: {' '.join(reading.strings(row.get('names')))}"
    for key in ("requirement", "path"):
        if isinstance(row.get(key), str):
            version = row.get("version")
            return f"{row[key]} ({version})" if version and key == "path" else str(row[key])
    if "version" in row:
        return f"{row.get('name')} {row['version']}"
    if "dtype" in row:
        return f"{row.get('dtype')} on {row.get('device')}: {row.get('verdict')}"
    return label(row)


def driver_version(context: Context) -> str:
    """The driver's version from the source that is trusted most, empty if nobody tells."""
    for key in ("kernel.version", "nvml.driver", "libcuda.version", "smi.driver"):
        found = text(context, "nvidia." + key)
        if found:
            return found
    return ""


def driver_cuda(context: Context) -> str:
    """The newest CUDA that the driver supports, as ``12.8``; empty if nobody tells."""
    return text(context, "nvidia.libcuda.cuda") or text(context, "nvidia.nvml.cuda")


def wants_cuda(context: Context) -> bool:
    """Whether the user or the profile cannot do without a CUDA device (or one of several kinds)."""
    if "cuda" in context.wants:
        return True
    return any(
        "cuda" in wanted.any and wanted.severity == "error" for wanted in context.asked("device")
    )


def arch_list(context: Context) -> ArchList | None:
    """What the installed torch has code for: by itself if it was asked (``--deep``), else by the
    table of published builds; None if neither tells.
    """
    observed = strings(context, "compute.torch.arch_list")
    if observed:
        return ArchList(tuple(observed), "torch.cuda.get_arch_list()", observed=True)
    torch, cuda = text(context, "torch.version"), text(context, "torch.build.cuda")
    if not torch or not cuda or _packaged_elsewhere(context):
        return None
    return wheel_architectures(torch, cuda, text(context, "host.arch"))


def _packaged_elsewhere(context: Context) -> bool:
    """Whether torch came from conda or the system's packages: for other architectures."""
    if "/dist-packages" in text(context, "torch.location"):
        return text(context, "torch.location").startswith("/usr/lib/")
    return any(
        record.get("name") == "torch" and record.get("installer") == "conda"
        for record in records(context, "distributions.installed")
    )


def cudnn(context: Context) -> tuple[str, str]:
    """(version, where from) of the cuDNN that torch gets, ("", "") if it is not known.

    The version may be as short as ``9``, from the file's name alone.
    """
    copies = [
        copy for copy in records(context, "libraries.copies") if copy.get("library") == "cudnn"
    ]
    loaded = [c for c in records(context, "compute.libraries") if c.get("name") == "cudnn"]
    chosen = [c for c in records(context, "libraries.chosen") if c.get("library") == "cudnn"]
    for choice in [*loaded, *chosen]:
        for copy in copies:
            if copy.get("path") == choice.get("path") and isinstance(copy.get("version"), str):
                return copy["version"], f"{copy['path']}, {choice.get('why') or 'loaded by torch'}"
    for pin in records(context, "torch.pins"):
        name, pinned = pin.get("name"), pin.get("version")
        if isinstance(name, str) and name.startswith("nvidia-cudnn") and isinstance(pinned, str):
            installed = [
                d for d in records(context, "libraries.distributions") if d.get("name") == name
            ]
            if installed and isinstance(installed[0].get("version"), str):
                return installed[0]["version"], f"distribution {name}"
    for copy in copies:
        if isinstance(copy.get("version"), str):
            return copy["version"], str(copy.get("path"))
    for copy in [*chosen, *copies]:
        major = str(copy.get("file") or "").partition(".so.")[2].partition(".")[0]
        if major.isdigit():
            return major, str(copy.get("path") or copy.get("file"))
    return "", ""
