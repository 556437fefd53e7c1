"""What was measured on, in words that name no host and no path."""

from __future__ import annotations

import os
import platform


def describe() -> str:
    """Cores usable, processor, memory, kernel and the Python that measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    release = ".".join(platform.release().split(".")[:2])
    system = f"{platform.system()} {release}, {platform.machine()}"
    return f"{cores} cores of {processor()}, {memory:.0f} GiB, {system}"


def processor() -> str:
    """The model name of the first processor, or the architecture."""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
