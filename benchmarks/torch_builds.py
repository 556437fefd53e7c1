"""The installed CPU build of torch, made to look like another one as far as files tell.

Everything that importing does not need is changed as a CUDA wheel has it: version, METADATA with
its CUDA requirements, those distributions, ``libtorch_cuda.so``, the arch list; RECORDs agree.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.sandbox import Sandbox

#: CUDA of the build -> (distribution, version) of what such a wheel requires, and its arch list.
_CUDA = {
    "12.6": (
        "cu12",
        {"cuda-runtime": "12.6.77", "cublas": "12.6.4.1", "cudnn": "9.10.2.21", "nccl": "2.27.5"},
        "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90",
    ),
    "12.8": (
        "cu12",
        {"cuda-runtime": "12.8.90", "cublas": "12.8.4.1", "cudnn": "9.10.2.21", "nccl": "2.27.5"},
        "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120",
    ),
    "13.0": (
        "cu13",
        {"cuda-runtime": "13.0.96", "cublas": "13.1.0.3", "cudnn": "9.20.0.48", "nccl": "2.29.7"},
        "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120",
    ),
}

_ANSWERS = """

def _is_compiled(): return True
def _works(): return %(works)r and _device_count_nvml() > 0
def is_available(): return _works()
def is_initialized(): return False
def init(): pass
def _lazy_init(): pass
def device_count(): return _device_count_nvml() if _works() else 0
def current_device(): return 0
def get_arch_list(): return %(archs)r.split()

def _ask(index):
    import ctypes
    cuda, text = ctypes.CDLL("libcuda.so.1"), ctypes.create_string_buffer(96)
    major, minor, size = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    index = int(getattr(index, "index", index) or 0)
    cuda.cuDeviceGetName(text, 96, index)
    cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, index)
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, index)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(size), index)
    return text.value.decode(), major.value, minor.value, size.value

def get_device_name(device=None): return _ask(device)[0]
def get_device_capability(device=None): return _ask(device)[1:3]

class _Properties:
    def __init__(self, answer):
        self.name, self.major, self.minor, self.total_memory = answer
        self.multi_processor_count = 128

def get_device_properties(device=None): return _Properties(_ask(device))
"""


def torch_version(sandbox: Sandbox) -> str:
    """The installed version, e.g. ``2.13.0+cpu``."""
    return os.path.basename(sandbox.dist_info("torch"))[len("torch-") : -len(".dist-info")]


def set_version(sandbox: Sandbox, new: str) -> None:
    """Another version of torch: metadata and ``torch/version.py``."""
    old = torch_version(sandbox)
    sandbox.rename_dist_info("torch", old, new)
    sandbox.edit("torch", "torch/version.py", f"__version__ = '{old}'", f"__version__ = '{new}'")


def cuda_build(sandbox: Sandbox, cuda: str, version: str = "2.13.0", *, works: bool = True) -> None:
    """A build of ``version`` for ``cuda`` ("12.8").

    ``works``: what the CUDA runtime would say to this driver; then ``torch.cuda`` answers questions
    about the devices that NVML shows, as it does on a machine that has them.
    """
    suffix, parts, archs = _CUDA[cuda]
    set_version(sandbox, f"{version}+cu{cuda.replace('.', '')}")
    sandbox.edit(
        "torch", "torch/version.py", "cuda: Optional[str] = None", f"cuda: Optional[str] = '{cuda}'"
    )
    requires, libraries = [], []
    for part, number in parts.items():
        name, library = _install(sandbox, part, number, suffix)
        libraries.append(library)
        requires.append(f'Requires-Dist: {name}=={number}; platform_system == "Linux"')
    meta = os.path.basename(sandbox.dist_info("torch")) + "/METADATA"
    added = "\n".join([*requires, "Requires-Dist: filelock"])
    sandbox.edit("torch", meta, "Requires-Dist: filelock", added)
    _libtorch_cuda(sandbox, libraries)
    text = _ANSWERS % {"archs": archs, "works": works}
    with open(sandbox.inside("torch/cuda/__init__.py"), encoding="utf-8") as file:
        sandbox.write(sandbox.inside("torch/cuda/__init__.py"), file.read() + text)
    sandbox.amend_record("torch", "torch/cuda/__init__.py")


def _install(sandbox: Sandbox, part: str, number: str, suffix: str) -> tuple[str, str]:
    """One of the wheels that a CUDA build requires: (its name, its library below site-packages)."""
    unsuffixed = suffix == "cu13" and part in ("cuda-runtime", "cublas")
    name = f"nvidia-{part}" if unsuffixed else f"nvidia-{part}-{suffix}"
    library, soname = _library(part, suffix)
    path = sandbox.library(soname, "int only_a_name;", f"-Wl,-soname,{soname}")
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    tag = "py3-none-manylinux_2_27_x86_64"
    sandbox.distribution(name, number, tag=tag, files={library: data})
    return name, library


def _libtorch_cuda(sandbox: Sandbox, libraries: list[str]) -> None:
    """An object that needs ``libraries`` and finds them as torch's does: by RUNPATH."""
    folders = [f"$ORIGIN/../../{os.path.dirname(library)}" for library in libraries]
    path = sandbox.library(
        "libtorch_cuda.so",
        "int only_a_name;",
        "-Wl,-soname,libtorch_cuda.so",
        "-Wl,--no-as-needed",
        "-Wl,--enable-new-dtags",
        "-Wl,-rpath," + ":".join([*folders, "$ORIGIN"]),
        *(sandbox.inside(library) for library in libraries),
    )
    with open(path, "rb") as file:
        sandbox.write(sandbox.inside("torch/lib/libtorch_cuda.so"), file.read())
    os.unlink(path)
    sandbox.amend_record("torch", "torch/lib/libtorch_cuda.so")


def _library(part: str, suffix: str) -> tuple[str, str]:
    """Path below site-packages and soname of a part's library."""
    major = suffix[2:]
    soname = {
        "cuda-runtime": f"libcudart.so.{major}",
        "cublas": f"libcublas.so.{major}",
        "cudnn": "libcudnn.so.9",
        "nccl": "libnccl.so.2",
    }[part]
    folder = (
        "cu13"
        if suffix == "cu13" and part in ("cuda-runtime", "cublas")
        else part.replace("-", "_")
    )
    return f"nvidia/{folder}/lib/{soname}", soname
