"""Faults of drivers and devices, and healthy machines that are called broken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks import fakes
from benchmarks.fakes import GTX1080, H100, RTX4090, RTX5090, T4, nvidia
from benchmarks.fault import Fault, Make
from benchmarks.torch_builds import cuda_build
from benchmarks.verdicts import Expectation

if TYPE_CHECKING:
    from benchmarks.sandbox import Sandbox

_NO_DRIVER = (
    r"no nvidia driver|driver (is )?not (found|installed|detected)",
    "says that there is no driver",
)
_NO_GPU = (
    r"reported no GPUs|no GPUs? (found|detected|present)|devices none detected",
    "says that there is no GPU",
)
_ANSWER = r"(did not|does not|no) (answer|respond|return)|timed? ?-?out|hang|hung|wedged"

SMI_FAILS = """#!/bin/sh
echo "%s"
exit %d
"""
MISMATCH = SMI_FAILS % ("Failed to initialize NVML: Driver/library version mismatch", 18)
NOT_LOADED = SMI_FAILS % (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA "
    "driver. Make sure that the latest NVIDIA driver is installed and running.",
    9,
)


def _smi_hangs(sandbox: Sandbox) -> None:
    fakes.kernel_module(sandbox, "580.65.06")
    sandbox.script("nvidia-smi", "#!/bin/sh\nexec sleep 3600\n")


def _all_hang(sandbox: Sandbox) -> None:
    nvidia(sandbox, RTX4090, init=-1, nvml=-1, smi="#!/bin/sh\nexec sleep 3600\n")


def _smi_garbage(sandbox: Sandbox) -> None:
    fakes.kernel_module(sandbox, "580.65.06")
    sandbox.write(os.path.join(sandbox.work, "noise"), bytes(range(128, 256)) * 2)
    sandbox.script("nvidia-smi", f"#!/bin/sh\ncat {sandbox.work}/noise\n")


def _mismatch(sandbox: Sandbox) -> None:
    nvidia(
        sandbox, RTX4090, driver="580.95.05", kernel="580.65.06", init=803, nvml=18, smi=MISMATCH
    )


def _not_loaded(sandbox: Sandbox) -> None:
    nvidia(sandbox, RTX4090, kernel="", init=100, nvml=9, smi=NOT_LOADED)


def _no_gpus_flag(sandbox: Sandbox) -> None:
    fakes.kernel_module(sandbox, "580.65.06")
    sandbox.variables["container"] = "podman"
    cuda_build(sandbox, "12.8", works=False)


def _fabric(sandbox: Sandbox) -> None:
    nvidia(sandbox, *[H100] * 8, init=802)
    cuda_build(sandbox, "12.8", works=False)


def _generation(sandbox: Sandbox) -> None:
    nvidia(sandbox, RTX4090, driver="570.124.06", cuda=12080)
    cuda_build(sandbox, "13.0", works=False)


def _minor(sandbox: Sandbox) -> None:
    nvidia(sandbox, RTX4090, driver="535.183.01", cuda=12020)
    cuda_build(sandbox, "12.8")


def _cpu_only(sandbox: Sandbox) -> None:
    nvidia(sandbox, RTX4090)


def _newer(sandbox: Sandbox) -> None:
    nvidia(sandbox, RTX5090)
    cuda_build(sandbox, "12.6")


def _older(sandbox: Sandbox) -> None:
    nvidia(sandbox, GTX1080)
    cuda_build(sandbox, "13.0")


def _covered(sandbox: Sandbox) -> None:
    nvidia(sandbox, RTX4090)
    cuda_build(sandbox, "12.8")


def _t4(sandbox: Sandbox) -> None:
    nvidia(sandbox, T4)
    cuda_build(sandbox, "12.8")


def _visible(value: str) -> Make:
    def make(sandbox: Sandbox) -> None:
        nvidia(sandbox, RTX4090, RTX4090)
        cuda_build(sandbox, "12.8")
        sandbox.variables["CUDA_VISIBLE_DEVICES"] = value

    return make


_VISIBLE = r"CUDA_VISIBLE_DEVICES.*(hid|no device|none|only|repeat|twice|invalid|malformed|not (an? )?(index|valid|understood)|does not exist|beyond|pars|ignor)"
_ARCH = (
    r"(no kernel image|sm_?{0}|compute capability {1}|\b{1}\b).*"
    r"(not|no|without|dropped|needs|older|newer|lack)"
    r"|(not|no|without).*(sm_?{0}|\b{1}\b)"
)

_ALL = (
    Fault(
        "smi-hangs",
        "nvidia-smi never returns (kernel module loaded)",
        _smi_hangs,
        Expectation(
            (rf"nvidia-smi.*({_ANSWER})", rf"({_ANSWER}).*nvidia-smi"), (_NO_DRIVER, _NO_GPU)
        ),
    ),
    Fault(
        "driver-hangs",
        "cuInit, NVML and nvidia-smi never return",
        _all_hang,
        Expectation((rf"(nvidia|nvml|libcuda|cuInit|driver).*({_ANSWER})",), (_NO_DRIVER, _NO_GPU)),
    ),
    Fault(
        "smi-garbage",
        "nvidia-smi prints 256 bytes that are not text",
        _smi_garbage,
        Expectation(
            (r"nvidia-smi.*(not understood|not (be )?pars|unexpected|not text|unreadable|garbl)",),
            (_NO_DRIVER, _NO_GPU),
        ),
    ),
    Fault(
        "driver-mismatch",
        "driver updated, old module still loaded (cuInit 803, NVML 18)",
        _mismatch,
        Expectation(
            (r"reboot|reload|modprobe|rmmod",),
            (
                _NO_DRIVER,
                (r"reinstall.*driver|driver reinstall", "advises to reinstall the driver"),
            ),
        ),
    ),
    Fault(
        "driver-not-loaded",
        "driver installed, module not loaded (NVML 9, cuInit 100)",
        _not_loaded,
        Expectation(
            (
                r"(module|driver)[^.]*(not loaded|is not running|not running|cannot communicate|failed to communicate|couldn.t communicate)",
            ),
            (
                (
                    r"no nvidia driver detected|driver (is )?not installed",
                    "says that there is no driver",
                ),
            ),
        ),
    ),
    Fault(
        "container-without-gpus",
        "container without --gpus: kernel module, no libraries, no nodes",
        _no_gpus_flag,
        Expectation(
            (
                r"--gpus|container.*(device|gpu)|device.*not.*(passed|visible|mounted)|container toolkit",
            ),
            (_NO_DRIVER,),
        ),
    ),
    Fault(
        "fabric-manager-down",
        "8 × H100, cuInit answers 802",
        _fabric,
        Expectation((r"fabric.?manager",), (_NO_DRIVER,)),
    ),
    Fault(
        "cuda13-on-570",
        "torch for CUDA 13.0 on driver 570",
        _generation,
        Expectation(
            (
                r"driver.*580|580.*driver|driver.*(too old|does not support|not support|older than)|cu12[68].*driver",
                r"(13\.0|CUDA 13).*(newer|exceed|needs|requires).*driver",
                r"13\.0.*driver supports|driver does not satisfy the documented minimum",
            ),
            (_NO_DRIVER,),
        ),
    ),
    Fault(
        "cu128-on-535",
        "torch for CUDA 12.8 on driver 535: minor-version compatibility",
        _minor,
        Expectation(
            healthy=True,
            wrong=((r"critical|conflict|too old", "calls a compatible driver too old"),),
        ),
    ),
    Fault(
        "cpu-torch-on-gpu",
        "CPU build of torch beside a working GPU",
        _cpu_only,
        Expectation((r"cpu[- ]only|cpu build|built without cuda",), (_NO_DRIVER, _NO_GPU)),
    ),
    Fault(
        "gpu-newer-than-build",
        "RTX 5090 (12.0), torch cu126 built up to sm_90",
        _newer,
        Expectation(
            (_ARCH.format("120", r"12\.0"), r"architecture mismatch"), (_NO_DRIVER, _NO_GPU)
        ),
    ),
    Fault(
        "gpu-older-than-build",
        "GTX 1080 Ti (6.1), torch cu130 built from sm_75",
        _older,
        Expectation((_ARCH.format("61", r"6\.1"), r"architecture mismatch"), (_NO_DRIVER, _NO_GPU)),
    ),
    Fault(
        "same-major-coverage",
        "RTX 4090 (8.9), torch with sm_86: covered",
        _covered,
        Expectation(
            healthy=True,
            wrong=(
                (
                    r"architecture mismatch|not (in|supported by).*arch",
                    "calls 8.9 not covered by sm_86",
                ),
            ),
        ),
    ),
    Fault(
        "bf16-on-t4",
        "bf16 asked of a T4, which emulates it",
        _t4,
        Expectation((r"(bf16|bfloat16).*(emulat|not native|natively|8\.0)",), (_NO_DRIVER,)),
        asks=("--profile", "transformers-training", "--want", "bf16"),
    ),
    Fault(
        "visible-all",
        "CUDA_VISIBLE_DEVICES=all hides both GPUs",
        _visible("all"),
        Expectation((_VISIBLE,), (_NO_DRIVER,)),
    ),
    Fault(
        "visible-semicolon",
        "CUDA_VISIBLE_DEVICES=0;1 leaves one of two GPUs",
        _visible("0;1"),
        Expectation((_VISIBLE,), (_NO_DRIVER,)),
    ),
    Fault(
        "visible-repeated",
        "CUDA_VISIBLE_DEVICES=0,0 leaves none",
        _visible("0,0"),
        Expectation((_VISIBLE,), (_NO_DRIVER,)),
    ),
    Fault(
        "visible-beyond",
        "CUDA_VISIBLE_DEVICES=0,5 with two GPUs",
        _visible("0,5"),
        Expectation((_VISIBLE,), (_NO_DRIVER,)),
    ),
)

FAULTS = tuple(fault._replace(stand_in=True) for fault in _ALL)
