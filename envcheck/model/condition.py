"""The words of ``when`` and ``--want``, and what each means; ``checks/conditions.py`` decides."""

from __future__ import annotations

DEVICES = ("cuda", "rocm", "xpu", "npu", "mps")
SYSTEMS = ("linux", "darwin", "windows")
#: how people write them
SPELLED = {
    "linux": "Linux",
    "darwin": "macOS",
    "windows": "Windows",
    "cuda": "CUDA",
    "rocm": "ROCm",
    "xpu": "XPU",
    "npu": "NPU",
    "mps": "MPS",
}
PRECISIONS = ("fp16", "bf16", "fp8")
#: kinds of requirements that mean nothing where only the CPU is wanted
DEVICE_KINDS = ("device", "driver", "cuda_toolkit", "cudnn")
#: as wheel tags name it -> how systems do
ARCHITECTURES = {"x86_64": ("x86_64", "amd64"), "aarch64": ("aarch64", "arm64")}

#: condition -> when it holds, if ``--want`` does not say
CONDITIONS: dict[str, str] = {
    "cuda": "the target has an NVIDIA device",
    "rocm": "the target has an AMD device with ROCm",
    "xpu": "the target has an Intel device",
    "npu": "the target has an Ascend device",
    "mps": "the target has an Apple GPU",
    "linux": "the target runs Linux",
    "darwin": "the target runs macOS",
    "windows": "the target runs Windows",
    "x86_64": "the target's processor is an x86-64",
    "aarch64": "the target's processor is a 64-bit Arm",
    "extensions": "never by itself: C++ or CUDA extensions are built",
    "distributed": "accelerate's configuration asks for several processes, FSDP or DeepSpeed",
    "fsdp": "accelerate's configuration asks for FSDP",
    "deepspeed": "accelerate's configuration asks for DeepSpeed",
    "fp16": "accelerate's configuration asks for fp16",
    "bf16": "accelerate's configuration asks for bf16",
    "fp8": "accelerate's configuration asks for fp8",
}

#: word of ``--want`` -> what it says
WANTS: dict[str, str] = {
    **{name: f"take `{name}` as given" for name in CONDITIONS},
    "cpu": "no device is wanted: requirements on devices and what belongs to them do not apply",
    **{f"no-{name}": f"take `{name}` as not given" for name in CONDITIONS},
}
