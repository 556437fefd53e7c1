"""The hardware that a process computes on, and the number formats that it really has."""

from __future__ import annotations

import platform
from typing import NamedTuple

import torch

#: In this order; without any of them the CPU computes.
ORDER = ("cuda", "xpu", "npu", "mps")
#: Communication between processes, by the kind of device.
BACKENDS = {"cuda": "nccl", "xpu": "xccl", "npu": "hccl"}
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
#: Instruction sets that multiply in a format, as Linux names them.
_FEATURES = {
    "bf16": {"avx512_bf16", "amx_bf16", "bf16", "svebf16"},
    "fp16": {"avx512_fp16", "amx_fp16", "asimdhp", "fphp"},
}


class Support(NamedTuple):
    """``level``: ``native``, ``emulated``, ``none`` or ``unknown``; ``why``: what that rests on."""

    level: str
    why: str


def count(kind: str) -> int:
    """How many devices of a kind torch can use; 0 if it was built without it."""
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    module = getattr(torch, kind, None)
    if module is None or not module.is_available():
        return 0
    return int(module.device_count())


def choose(*, cpu: bool = False, index: int = 0) -> torch.device:
    """The device number ``index`` of the first kind that is there, made the current one.

    Raises RuntimeError if there are devices of that kind, but fewer.
    """
    kind = next((kind for kind in ORDER if not cpu and count(kind)), "cpu")
    if kind in ("cpu", "mps"):
        return torch.device(kind)
    if index >= count(kind):
        raise RuntimeError(
            f"process {index} of this machine has no device: {count(kind)} {kind} visible. Start "
            f"at most {count(kind)} processes here, or pass cpu=True."
        )
    device = torch.device(kind, index)
    getattr(torch, kind).set_device(device)
    return device


def support(device: torch.device, precision: str) -> Support:
    """What ``device`` does with ``bf16`` or ``fp16``."""
    if device.type == "cpu":
        return _processor(precision)
    if device.type == "cuda" and torch.version.hip is None:
        return _cuda(device, precision)
    try:
        ones = torch.ones(8, 8, dtype=DTYPES[precision], device=device)
        exact = bool((ones @ ones == 8).all())
    except (RuntimeError, TypeError) as error:
        return Support("none", str(error).splitlines()[0])
    return Support("unknown" if exact else "none", "a product of ones")


def _processor(precision: str) -> Support:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file if line.startswith(("flags", "Features"))]
    except OSError:
        return Support("unknown", f"{platform.system()} does not name its instruction sets")
    found = _FEATURES[precision].intersection(*lines[:1]) if lines else set()
    if found:
        return Support("native", ", ".join(sorted(found)))
    wanted = ", ".join(sorted(_FEATURES[precision]))
    return Support("emulated", f"this processor has none of {wanted}")


def _cuda(device: torch.device, precision: str) -> Support:
    """CUDA C++ Programming Guide, "Arithmetic instructions": fp16 from 5.3, bf16 from 8.0."""
    major, minor = torch.cuda.get_device_capability(device)
    native = (major, minor) >= ((8, 0) if precision == "bf16" else (5, 3))
    why = f"compute capability {major}.{minor}"
    return Support("native" if native else "emulated", why)
