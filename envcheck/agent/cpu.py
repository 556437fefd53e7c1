"""The processor: model, instruction sets, and how much of it this process may use."""

import os
import sys

from . import cgroups
from .protocol import IS_LINUX, IS_MACOS, read_text, run_command

_CPUINFO = 1 << 14  # bytes: enough for one processor; the file is long where there are hundreds

#: micro-architecture levels of the x86-64 psABI: what each adds, as the kernel names it
LEVELS = (
    (2, "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"),
    (3, "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"),
    (4, "avx512f avx512bw avx512cd avx512dq avx512vl"),
)
#: names of macOS -> as Linux calls them
_APPLE = {
    "FEAT_BF16": "bf16",
    "FEAT_I8MM": "i8mm",
    "FEAT_DotProd": "asimddp",
    "FEAT_FP16": "asimdhp",
    "FEAT_SME": "sme",
}


class Processor:
    """``model``, ``vendor`` text or None; ``features`` a sorted list or None; ``foreign`` whether
    the kernel's processor is of another architecture than this process believes.
    """

    def __init__(self):
        self.model = self.vendor = self.features = None
        self.foreign = False
        self.source = ""
        self.reason = "this system has no way to read it without loading libraries"


def observe(machine):
    """The first processor's description, from /proc/cpuinfo or sysctl."""
    processor = Processor()
    if IS_LINUX:
        text = read_text("/proc/cpuinfo", _CPUINFO)
        if text is None:
            processor.reason = "/proc/cpuinfo cannot be read"
        else:
            processor.source = "/proc/cpuinfo"
            read_cpuinfo(processor, text, machine)
    elif IS_MACOS:
        _sysctl(processor)
    return processor


def read_cpuinfo(processor, text, machine):
    """Fill in ``processor`` from the first block of /proc/cpuinfo."""
    values = {}
    for line in text.split("\n\n")[0].splitlines():
        key, separator, value = line.partition(":")
        if separator:
            values.setdefault(key.strip(), value.strip())
    flags = values.get("flags") or values.get("Features") or values.get("features")
    processor.model = values.get("model name") or values.get("cpu model") or values.get("uarch")
    processor.vendor = values.get("vendor_id") or values.get("CPU implementer")
    intel = machine in ("x86_64", "i386", "i686", "amd64")
    processor.foreign = intel and "CPU implementer" in values
    if flags is None or processor.foreign:
        processor.reason = "/proc/cpuinfo lists no instruction sets"
    else:
        processor.features = sorted(set(flags.split()))


def _sysctl(processor):
    outcome = run_command(["/usr/sbin/sysctl", "machdep.cpu", "hw.optional"], 2.0)
    values = {}
    for line in outcome.text().splitlines():
        key, _, value = line.partition(":")
        values[key.strip()] = value.strip()
    if not values:
        processor.reason = outcome.reason("sysctl") or "sysctl said nothing"
        return
    processor.source = "sysctl"
    processor.model = values.get("machdep.cpu.brand_string")
    processor.vendor = values.get("machdep.cpu.vendor") or "Apple"
    flags = (
        values.get("machdep.cpu.features", "") + " " + values.get("machdep.cpu.leaf7_features", "")
    )
    found = {flag.lower().replace(".", "_").replace("avx1_0", "avx") for flag in flags.split()}
    for name, flag in _APPLE.items():
        if values.get("hw.optional.arm." + name) == "1":
            found.add(flag)
    processor.features = sorted(found)


def x86_64_level(features):
    """1 to 4: the highest x86-64 micro-architecture level whose instruction sets are all there."""
    reached = 1
    for level, names in LEVELS:
        if not set(names.split()) <= set(features):
            break
        reached = level
    return reached


def usable(root="/"):
    """(logical, affinity, quota, where the quota was read). Each of the first three may be None."""
    logical = os.cpu_count()
    affinity = None
    if hasattr(os, "sched_getaffinity"):
        try:
            affinity = len(os.sched_getaffinity(0))
        except OSError:
            affinity = None
    quota, source = cgroups.cpu_quota(root) if IS_LINUX else (None, "")
    return logical, affinity, quota, source


def is_64bit():
    return sys.maxsize > 2**32
