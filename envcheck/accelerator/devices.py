"""The hardware that a process computes on, and the number formats that it really has."""

from __future__ import annotations

import torch

#: Kinds of devices, in the order in which they are chosen, and what connects their processes.
BACKENDS = {"cuda": "nccl", "xpu": "xccl", "npu": "hccl"}
ORDER = (*BACKENDS, "mps")
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
#: Instruction sets that multiply in a format, as Linux names them.
_FEATURES = {
    "bf16": {"avx512_bf16", "amx_bf16", "bf16", "svebf16"},
    "fp16": {"avx512_fp16", "amx_fp16", "asimdhp", "fphp"},
}


def count(kind: str) -> int:
    """How many devices of a kind torch can use; 0 if it was built without it."""
    module = torch.backends.mps if kind == "mps" else getattr(torch, kind, None)
    if module is None or not module.is_available():
        return 0
    return 1 if kind == "mps" else int(module.device_count())


def choose(*, cpu: bool = False, index: int | None = None) -> torch.device:
    """The device number ``index`` of the first kind that is there, made the current one.

    None: the one that is current already, which is the first unless the program has set another.

    Raises RuntimeError if there are devices of that kind, but fewer.
    """
    kind = next((kind for kind in ORDER if not cpu and count(kind)), "cpu")
    if kind in ("cpu", "mps"):
        return torch.device(kind)
    if index is None:
        index = int(getattr(torch, kind).current_device())
    if index >= count(kind):
        text = f"process {index} of this machine has no device, {count(kind)} {kind} are visible"
        raise RuntimeError(f"{text}: start one process for each, or pass cpu=True")
    getattr(torch, kind).set_device(index)
    return torch.device(kind, index)


def support(device: torch.device, precision: str) -> tuple[str, str]:
    """What ``device`` does with ``bf16`` or ``fp16``: ``native``, ``emulated``, ``none`` or
    ``unknown``; and what that rests on.

    CUDA C++ Programming Guide, "Arithmetic instructions": fp16 from 5.3, bf16 from 8.0.
    """
    if device.type == "cpu":
        return _processor(precision)
    if device.type == "cuda" and torch.version.hip is None:
        has = torch.cuda.get_device_capability(device)
        native = has >= ((8, 0) if precision == "bf16" else (5, 3))
        return "native" if native else "emulated", ("compute capability {}.{}".format(*has))
    try:
        ones = torch.ones(8, 8, dtype=DTYPES[precision], device=device)
        exact = bool((ones @ ones == 8).all())
    except (RuntimeError, TypeError) as error:
        return "none", str(error).splitlines()[0]
    return "unknown" if exact else "none", "a product of ones"


def _processor(precision: str) -> tuple[str, str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            flags = next(line.split() for line in file if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return "unknown", "the system does not name the processor's instruction sets"
    found = ", ".join(sorted(_FEATURES[precision].intersection(flags)))
    wanted = ", ".join(sorted(_FEATURES[precision]))
    return ("native", found) if found else ("emulated", f"it has none of {wanted}")
