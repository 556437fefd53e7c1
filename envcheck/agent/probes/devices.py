"""Accelerators of every kind in one list: cuda, rocm, xpu, npu, mps.

A kind is listed only if programs can use it here, as far as that can be observed without torch;
where there are signs but no proof it is undecided, with the reason.
"""

import os
import sys

from .. import loader
from ..protocol import IS_MACOS, Field, read_text
from . import nvidia

FIELDS = (
    Field(
        "kinds", "strings", "Kinds of which there is a usable device; none only if that is proven"
    ),
    Field(
        "list",
        "records",
        "The usable devices",
        item=(
            Field("kind", "string", "`cuda`, `rocm`, `xpu`, `npu` or `mps`"),
            Field("index", "integer", "Its number among those of its kind"),
            Field("name", "string", "As its driver calls it"),
            Field("compute_capability", "string", "CUDA: such as 8.9; ROCm: such as gfx90a"),
            Field("memory", "integer", "All of it", "bytes"),
            Field("source", "string", "Where it was read"),
        ),
    ),
    Field("undecided", "map", "Kinds that could not be decided, with the reason"),
    Field(
        "rocm.hidden",
        "integer",
        "AMD GPUs that the kernel drives but that have no device node here",
    ),
    Field("macos.version", "string", "Version of macOS"),
)

_UNASKED = "libcuda could not be asked"
KFD = "/sys/class/kfd/kfd/topology/nodes"


def collect(facts, request):
    found = []
    undecided = {}
    for kind, look in (("cuda", cuda), ("rocm", rocm), ("xpu", xpu), ("npu", npu), ("mps", mps)):
        devices, reason = look(facts)
        for index, device in enumerate(devices):
            record = {"kind": kind, "index": index, "name": None, "compute_capability": None}
            record.update(memory=None, source=None)
            record.update(device)
            found.append(record)
        if reason:
            undecided[kind] = reason
    facts.known("undecided", undecided)
    kinds = list(dict.fromkeys(device["kind"] for device in found))
    if undecided and not kinds:
        reasons = "; ".join("%s: %s" % pair for pair in sorted(undecided.items()))
        facts.unknown("kinds", reasons)
        facts.unknown("list", reasons)
    else:
        facts.known("kinds", kinds)
        facts.known("list", found)


def cuda(_):
    """From what the probe nvidia observed: (devices, reason why it is undecided)."""
    seen = nvidia.OBSERVED
    if seen is None:
        return [], "the NVIDIA driver was not asked: its probe was lost"
    if seen.entries.get("libcuda.status", {}).get("status") == "absent":  # macOS
        return [], ""
    devices = seen.value("libcuda.devices")
    if devices:
        answering = [device for device in devices if device["code"] == 0]
        return [_cuda_device(device, "libcuda") for device in answering], ""
    status, init = seen.value("libcuda.status"), seen.value("libcuda.init")
    if status in ("hung", "crashed", "unloadable"):
        return [], "libcuda %s: %s" % (status, seen.value("libcuda.error"))
    if status == "answered" and init not in (0, 100):
        return [], "cuInit answered %s" % init
    if status == "answered" and devices is None:
        return [], "libcuda: %s" % seen.entries["libcuda.devices"].get("reason")
    if status == "answered" and not seen.value("visible.value") and _driven(seen):
        return [], "the kernel module drives GPUs but cuInit finds none"
    if status is None:  # Windows: nothing can be loaded in a child there
        devices = seen.value("smi.devices") or ()
        return [
            _cuda_device(device, "nvidia-smi") for device in devices
        ], "" if devices else _UNASKED
    if status == "missing":
        return _without_libcuda(seen)
    return [], ""


def _without_libcuda(seen):
    """No libcuda: nothing CUDA can run. Undecided if nvidia-smi (or NVML) tells of GPUs."""
    if seen.value("nvml.status") in ("hung", "crashed") and not seen.value("nvml.devices"):
        return [], "NVML %s" % seen.value("nvml.status")
    files = seen.value("libcuda.files")
    if files:
        return [], "the loader does not search %s" % files[0]["path"]
    if seen.value("nvml.devices"):
        return [], "NVML lists GPUs but there is no libcuda"
    status = seen.value("smi.status")
    if status in ("timeout", "abandoned"):
        return [], "nvidia-smi did not answer: driver or GPU wedged"
    if seen.value("smi.devices") or seen.value("smi.driver"):
        return [], "nvidia-smi answers but there is no libcuda"
    if status is not None and seen.value("smi.code") == 0:
        return [], "nvidia-smi's output was not understood"
    return [], ""


def _driven(seen):
    nodes = [name for name in seen.value("kernel.nodes") or () if name[6:].isdigit()]
    return bool(seen.value("kernel.gpus") and nodes)


def _cuda_device(device, source):
    keys = ("name", "compute_capability", "memory")
    return dict({key: device.get(key) for key in keys}, source=source)


def rocm(facts, root=""):
    """AMD GPUs from the kernel's topology; usable if the device node /dev/kfd is there."""
    devices = []
    for node in sorted(_names(root + KFD)):
        folder = "%s%s/%s" % (root, KFD, node)
        properties = _properties(read_text(folder + "/properties", 65536))
        if not properties.get("simd_count") or not properties.get("gfx_target_version"):
            continue  # a processor
        name = (read_text(folder + "/name", 256) or "").strip()
        memory = 0
        for bank in _names(folder + "/mem_banks"):
            bank = _properties(read_text("%s/mem_banks/%s/properties" % (folder, bank), 4096))
            if bank.get("heap_type") in (1, 2):  # frame buffer, public or private
                memory += bank.get("size_in_bytes", 0)
        version = properties["gfx_target_version"]
        gfx = "gfx%d%x%x" % (version // 10000, version // 100 % 100, version % 100)
        device = {"name": name or gfx, "compute_capability": gfx, "memory": memory or None}
        devices.append(dict(device, source=KFD))
    usable = devices and os.access(root + "/dev/kfd", os.R_OK | os.W_OK)
    if facts is not None:
        facts.known("rocm.hidden", 0 if usable else len(devices), KFD)
    return (devices if usable else []), ""


def xpu(_, root=""):
    """Intel GPUs with a Level Zero loader; whether torch can use one, only torch can tell."""
    cards = 0
    for name in _names(root + "/sys/class/drm"):
        if name.startswith("renderD"):
            vendor = read_text("%s/sys/class/drm/%s/device/vendor" % (root, name), 16) or ""
            cards += vendor.strip() == "0x8086"
    if cards and loader.candidates("libze_loader.so.1"):
        return (
            [],
            "an Intel GPU and Level Zero are there; only torch can tell whether it can use it",
        )
    return [], ""


def npu(_, root=""):
    """Ascend NPUs by their device nodes."""
    names = sorted(
        name for name in _names(root + "/dev") if name[:7] == "davinci" and name[7:].isdigit()
    )
    return [{"name": "Ascend NPU", "source": "/dev/" + name} for name in names], ""


def mps(facts):
    """Apple silicon, seen by a native interpreter."""
    if not IS_MACOS:
        facts.absent("macos.version", "not macOS")
        return [], ""
    plist = read_text("/System/Library/CoreServices/SystemVersion.plist", 16384) or ""
    after = plist.partition("<key>ProductVersion</key>")[2]
    version = after.partition("<string>")[2].partition("</string>")[0].strip()
    facts.found("macos.version", version or None, "SystemVersion.plist")
    if os.uname().machine != "arm64":
        return [], ""
    return [{"name": "Apple GPU", "source": "%s %s" % (sys.platform, os.uname().machine)}], ""


def _properties(text):
    """``key number`` lines as a dict."""
    found = {}
    for line in (text or "").split("\n"):
        key, _, value = line.strip().partition(" ")
        if value.isdigit():
            found[key] = int(value)
    return found


def _names(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []
