"""A machine with NVIDIA hardware as far as user space sees: libcuda, NVML, nvidia-smi, /dev, /proc.

Every value is compiled in, so a tool that clears its environment meets the same machine.
"""

from __future__ import annotations

import glob
import os
import shutil
from typing import NamedTuple

from benchmarks.sandbox import Sandbox, mount


class Device(NamedTuple):
    """One GPU: name, compute capability, memory in MiB."""

    name: str
    capability: tuple[int, int]
    memory: int


T4 = Device("Tesla T4", (7, 5), 15360)
GTX1080 = Device("NVIDIA GeForce GTX 1080 Ti", (6, 1), 11264)
RTX4090 = Device("NVIDIA GeForce RTX 4090", (8, 9), 24564)
RTX5090 = Device("NVIDIA GeForce RTX 5090", (12, 0), 32607)
A100 = Device("NVIDIA A100-SXM4-80GB", (8, 0), 81920)
H100 = Device("NVIDIA H100 80GB HBM3", (9, 0), 81559)

_CUDA = """
#include <string.h>
#include <unistd.h>
typedef int R; typedef unsigned long long u64;
static struct { const char *name; int major, minor; u64 mib; } D[] = { %(devices)s {0, 0, 0, 0} };
enum { N = %(count)d, INIT = %(init)d };
R cuInit(unsigned f) { if (INIT < 0) sleep(3600); return INIT; }
R cuDriverGetVersion(int *v) { *v = %(version)d; return 0; }
R cuDeviceGetCount(int *n) { *n = N; return INIT; }
R cuDeviceGet(int *d, int i) { *d = i; return i < N ? 0 : 101; }
R cuDeviceGetName(char *s, int n, int d) { strncpy(s, D[d].name, n); return 0; }
R cuDeviceGetAttribute(int *v, int a, int d) { *v = a == 75 ? D[d].major : a == 76 ? D[d].minor : 1; return 0; }
R cuDeviceTotalMem_v2(u64 *b, int d) { *b = D[d].mib << 20; return 0; }
R cuDeviceTotalMem(u64 *b, int d) { return cuDeviceTotalMem_v2(b, d); }
R cuDeviceGetUuid(char *u, int d) { memset(u, 0x10 + d, 16); return 0; }
R cuDeviceGetUuid_v2(char *u, int d) { return cuDeviceGetUuid(u, d); }
R cuGetErrorName(int e, const char **s) { *s = "CUDA_ERROR"; return 0; }
R cuGetErrorString(int e, const char **s) { *s = "error"; return 0; }
"""

_NVML = """
#include <string.h>
#include <stdio.h>
#include <unistd.h>
typedef int R; typedef unsigned long long u64;
static struct { const char *name; int major, minor; u64 mib; } D[] = { %(devices)s {0, 0, 0, 0} };
enum { N = %(count)d, INIT = %(init)d };
static int at(void *h) { return (int)(long)h - 1; }
R nvmlInit_v2(void) { if (INIT < 0) sleep(3600); return INIT; }
R nvmlInit(void) { return nvmlInit_v2(); }
R nvmlInitWithFlags(unsigned f) { return nvmlInit_v2(); }
R nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int e) { return e == 18 ? "Driver/library version mismatch" : e == 9 ? "Driver Not Loaded" : "Unknown Error"; }
R nvmlSystemGetDriverVersion(char *s, unsigned n) { strncpy(s, "%(driver)s", n); return INIT; }
R nvmlSystemGetNVMLVersion(char *s, unsigned n) { strncpy(s, "12.%(driver)s", n); return INIT; }
R nvmlSystemGetCudaDriverVersion(int *v) { *v = %(version)d; return INIT; }
R nvmlSystemGetCudaDriverVersion_v2(int *v) { *v = %(version)d; return INIT; }
R nvmlDeviceGetCount_v2(unsigned *n) { *n = N; return INIT; }
R nvmlDeviceGetCount(unsigned *n) { return nvmlDeviceGetCount_v2(n); }
R nvmlDeviceGetHandleByIndex_v2(unsigned i, void **h) { *h = (void *)(long)(i + 1); return i < N ? 0 : 2; }
R nvmlDeviceGetHandleByIndex(unsigned i, void **h) { return nvmlDeviceGetHandleByIndex_v2(i, h); }
R nvmlDeviceGetName(void *h, char *s, unsigned n) { strncpy(s, D[at(h)].name, n); return 0; }
R nvmlDeviceGetUUID(void *h, char *s, unsigned n) { snprintf(s, n, "GPU-0000000%%d-1111-2222-3333-444444444444", at(h)); return 0; }
R nvmlDeviceGetIndex(void *h, unsigned *i) { *i = at(h); return 0; }
R nvmlDeviceGetCudaComputeCapability(void *h, int *a, int *b) { *a = D[at(h)].major; *b = D[at(h)].minor; return 0; }
R nvmlDeviceGetMemoryInfo(void *h, u64 *m) { m[0] = D[at(h)].mib << 20; m[1] = m[0] - (1 << 20); m[2] = 1 << 20; return 0; }
R nvmlDeviceGetMigMode(void *h, unsigned *c, unsigned *p) { *c = *p = 0; return 3; }
R nvmlDeviceGetEccMode(void *h, unsigned *c, unsigned *p) { *c = *p = 0; return 3; }
"""

_SMI = """#!/bin/sh
case "$*" in
  -L) i=0
    while IFS='|' read -r name cc mib; do echo "GPU $i: $name (UUID: GPU-0000000$i-1111-2222-3333-444444444444)"; i=$((i+1)); done <<'D'
%(lines)sD
    ;;
  *--query-gpu=*)
    fields=$(printf '%%s\\n' "$@" | sed -n 's/^--query-gpu=//p')
    case "$*" in *noheader*) ;; *) echo "$fields" | sed 's/,/, /g';; esac
    unit=" MiB"; case "$*" in *nounits*) unit="";; esac
    i=0
    while IFS='|' read -r name cc mib; do
      out=""
      for field in $(echo "$fields" | tr , ' '); do
        case $field in
          index) v=$i;; name|gpu_name) v=$name;; compute_cap) v=$cc;; driver_version) v=%(driver)s;;
          memory.total) v="$mib$unit";; memory.free) v="$((mib-1))$unit";; memory.used) v="1$unit";;
          uuid|gpu_uuid) v="GPU-0000000$i-1111-2222-3333-444444444444";; mig.mode.current) v="[N/A]";; count) v=%(count)d;;
          *) v="[N/A]";;
        esac
        out="${out:+$out, }$v"
      done
      echo "$out"; i=$((i+1))
    done <<'D'
%(lines)sD
    ;;
  *) cat <<'D'
Fri Nov 20 12:00:00 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI %(driver)s    Driver Version: %(driver)s    CUDA Version: %(cuda)s     |
+-----------------------------------------------------------------------------------------+
%(lines)sD
    ;;
esac
"""


def nvidia(
    sandbox: Sandbox,
    *devices: Device,
    driver: str = "580.65.06",
    cuda: int = 13000,
    kernel: str | None = None,
    init: int = 0,
    nvml: int = 0,
    smi: str | None = None,
) -> None:
    """Install driver libraries (found by LD_LIBRARY_PATH), nvidia-smi, device nodes, kernel files.

    ``cuda`` as libcuda encodes it (13000 = 13.0); ``init`` and ``nvml`` are what cuInit and nvmlInit
    answer, -1 = never; ``kernel`` the loaded module's version (default ``driver``, "" = not loaded).
    """
    rows = "".join(
        f'{{"{d.name}", {d.capability[0]}, {d.capability[1]}, {d.memory}ULL}}, ' for d in devices
    )
    values = {"devices": rows, "count": len(devices), "version": cuda, "driver": driver}
    sandbox.library("libcuda.so.1", _CUDA % {**values, "init": init}, "-Wl,-soname,libcuda.so.1")
    sandbox.library(
        "libnvidia-ml.so.1", _NVML % {**values, "init": nvml}, "-Wl,-soname,libnvidia-ml.so.1"
    )
    sandbox.variables["LD_LIBRARY_PATH"] = sandbox.lib
    lines = "".join(f"{d.name}|{d.capability[0]}.{d.capability[1]}|{d.memory}\n" for d in devices)
    text = _SMI % {**values, "lines": lines, "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}"}
    sandbox.script("nvidia-smi", text if smi is None else smi)
    hide_toolkits()
    if kernel != "":
        kernel_module(sandbox, kernel or driver)
        device_nodes(sandbox, len(devices))


def hide_toolkits() -> None:
    """No CUDA toolkit: one that happens to be on the measuring machine is no part of the fault."""
    for path in glob.glob("/usr/local/cuda*"):
        if os.path.isdir(path) and not os.path.islink(path):
            mount("-t", "tmpfs", "tmpfs", path)
    compiler = shutil.which("nvcc")
    if compiler and os.path.exists(compiler):
        mount("--bind", "/dev/null", os.path.realpath(compiler))


def kernel_module(sandbox: Sandbox, version: str) -> None:
    """What the loaded kernel module shows below /proc and /sys."""
    mount("-t", "tmpfs", "tmpfs", "/proc/driver")
    line = (
        f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Wed Jan  1 00:00:00 UTC 2026\n"
    )
    sandbox.write("/proc/driver/nvidia/version", line + "GCC version:  gcc version 12.2.0\n")
    for name in ("module-upper", "module-work"):
        os.mkdir(sandbox.at(name))
    layers = f"lowerdir=/sys/module,upperdir={sandbox.at('module-upper')},workdir={sandbox.at('module-work')}"
    mount("-t", "overlay", "overlay", "-o", layers, "/sys/module")
    sandbox.write("/sys/module/nvidia/version", version + "\n")


def device_nodes(sandbox: Sandbox, count: int) -> None:
    """/dev with nvidia nodes in it; everything else is bound from the real one."""
    old = sandbox.at("dev")
    os.mkdir(old)
    mount("--rbind", "/dev", old)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        open(f"/dev/{name}", "w").close()
        mount("--bind", f"{old}/{name}", f"/dev/{name}")
    for name in ("pts", "shm"):
        os.mkdir(f"/dev/{name}")
        mount("--rbind", f"{old}/{name}", f"/dev/{name}")
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("ptmx", "pts/ptmx"),
    ):
        os.symlink(target, f"/dev/{name}")
    nodes = [(f"nvidia{i}", 195, i) for i in range(count)]
    for name, major, minor in (*nodes, ("nvidiactl", 195, 255), ("nvidia-uvm", 511, 0)):
        os.mknod(f"/dev/{name}", 0o20666, os.makedev(major, minor))
