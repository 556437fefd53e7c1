"""Faults of what is installed: metadata, files, requirements; and two healthy environments."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from benchmarks.fault import Fault, Make, nothing
from benchmarks.verdicts import Expectation

if TYPE_CHECKING:
    from benchmarks.sandbox import Sandbox


_TORCH_ABSENT = (
    r"torch is not installed|pytorch.{0,20}not (installed|found)|torch not installed",
    "says that torch is not installed",
)
_FINE = (
    r"no broken requirements found|all installed packages are compatible",
    "says that all is well",
)


def _metadata(data: str | None) -> Make:
    def make(sandbox: Sandbox) -> None:
        path = os.path.join(sandbox.dist_info("tqdm"), "METADATA")
        if data is None:
            os.unlink(path)
        else:
            sandbox.write(path, data)

    return make


def _twice(sandbox: Sandbox) -> None:
    other = sandbox.inside("tqdm-4.0.0.dist-info")
    shutil.copytree(sandbox.dist_info("tqdm"), other)
    with open(f"{other}/METADATA", encoding="utf-8") as file:
        lines = [
            "Version: 4.0.0" if line.startswith("Version:") else line
            for line in file.read().splitlines()
        ]
    sandbox.write(f"{other}/METADATA", "\n".join(lines) + "\n")


def _leftover(sandbox: Sandbox) -> None:
    shutil.copytree(sandbox.inside("tqdm"), sandbox.inside("~qdm"))
    info = os.path.basename(sandbox.dist_info("tqdm"))
    shutil.copytree(sandbox.dist_info("tqdm"), sandbox.inside("~" + info[1:]))


def _deleted(*paths: str) -> Make:
    def make(sandbox: Sandbox) -> None:
        for path in paths:
            os.unlink(sandbox.inside(path))

    return make


def _add(name: str, version: str = "1.0", **more: Any) -> Make:
    def make(sandbox: Sandbox) -> None:
        sandbox.distribution(name, version, files={f"{name}.py": "value = 1\n"}, **more)

    return make


def _two_owners(sandbox: Sandbox) -> None:
    for name in ("nvshmem-cu12", "nvshmem-cu13"):
        library = sandbox.library("libnvshmem_host.so.3", f'const char *owner = "{name}";')
        with open(library, "rb") as file:
            files = {"nvidia/nvshmem/lib/libnvshmem_host.so.3": file.read()}
        sandbox.distribution(f"nvidia-{name}", "3.4.5", files=files)


def _vetoed(sandbox: Sandbox) -> None:
    sandbox.write(
        sandbox.inside("_manylinux.py"), "def manylinux_compatible(*_):\n    return False\n"
    )


def _elsewhere(sandbox: Sandbox) -> None:
    sandbox.distribution("needy", "1.0", ["absent-thing>=2"], files={"needy.py": "value = 1\n"})
    sandbox.variables["VIRTUAL_ENV"] = sandbox.prefix


FAULTS = (
    Fault(
        "healthy",
        "nothing is wrong: CPU build on a machine without GPU",
        nothing,
        Expectation(healthy=True),
    ),
    Fault(
        "no-cuda-home",
        "CUDA_HOME unset, nothing needs a toolkit, nvcc on PATH",
        nothing,
        Expectation(
            healthy=True, wrong=((r"nvcc\)? not found", "says that nvcc, on PATH, is not found"),)
        ),
    ),
    Fault(
        "metadata-deleted",
        "METADATA of tqdm deleted",
        _metadata(None),
        Expectation(
            (r"tqdm.*(metadata|incomplete|invalid|corrupt|broken)|metadata.*tqdm",), (_FINE,)
        ),
    ),
    Fault(
        "metadata-empty",
        "METADATA of tqdm is empty",
        _metadata(""),
        Expectation(
            (r"tqdm.*(metadata|incomplete|invalid|corrupt|broken)|metadata.*tqdm",), (_FINE,)
        ),
    ),
    Fault(
        "two-dist-infos",
        "two versions of tqdm's metadata",
        _twice,
        Expectation(
            (
                r"tqdm.*(multiple|duplicate|two|twice|2 (version|dist|time)|several)|(multiple|duplicate|two|several).*tqdm",
            ),
            (_FINE,),
        ),
    ),
    Fault(
        "leftover-tilde",
        "~qdm left by an interrupted uninstall",
        _leftover,
        Expectation((r"~qdm",)),
    ),
    Fault(
        "record-file-deleted",
        "a file that tqdm's RECORD names is gone",
        _deleted("tqdm/notebook.py"),
        Expectation(
            (
                r"tqdm.*(missing|not there|gone|incomplete|absent|deleted)|(missing|gone|deleted).*tqdm",
            ),
            (_FINE,),
        ),
    ),
    Fault(
        "install-interrupted",
        "40 files of accelerate are missing",
        lambda s: shutil.rmtree(s.inside("accelerate/utils")),
        Expectation(
            (
                r"accelerate.*(missing|not there|gone|incomplete|absent|deleted)|(missing|gone|deleted).*accelerate",
            ),
            (_FINE,),
        ),
    ),
    Fault(
        "missing-dependency",
        "a distribution whose requirement is not installed",
        _add("needy", requires=["absent-thing>=2"]),
        Expectation((r"absent-thing",), (_FINE,)),
    ),
    Fault(
        "conflict",
        "a distribution that wants numpy<1",
        _add("picky", requires=["numpy<1"]),
        Expectation((r"picky.*numpy|numpy.*picky",), (_FINE,)),
    ),
    Fault(
        "requires-python",
        "a distribution for Python 3.14 and newer",
        _add("oldish", requires_python=">=3.14"),
        Expectation((r"oldish.*(python|3\.14)|python.*oldish",), (_FINE,)),
    ),
    Fault(
        "foreign-wheel-tag",
        "a musllinux wheel on glibc",
        _add("alien", tag="cp311-cp311-musllinux_1_2_x86_64"),
        Expectation((r"alien.*(musl|tag|platform|support)|(musl|tag|platform).*alien",), (_FINE,)),
    ),
    Fault(
        "bad-requires-dist",
        "a Requires-Dist line that is no requirement",
        _add("garbled", requires=["numpy (("]),
        Expectation(
            (
                r"garbled.*(requires|metadata|pars|invalid|understood|requirement)|(pars|invalid).*garbled",
            ),
            (_FINE,),
        ),
    ),
    Fault(
        "bad-version",
        "a version that is none (1.0-final-2)",
        _add("oddly", version="1.0-final-2"),
        Expectation(
            (
                r"oddly.*(version|metadata|440|invalid)|(version|invalid).*oddly|not part of a valid version",
            ),
            (_FINE,),
        ),
    ),
    Fault(
        "two-owners",
        "cu12 and cu13 wheels own the same libnvshmem_host.so.3",
        _two_owners,
        Expectation(
            (
                r"nvshmem.*(both|own|claim|share|overwr|same file)|(both|own|claim|same file).*nvshmem",
            ),
            (_FINE,),
        ),
    ),
    Fault(
        "manylinux-vetoed",
        "a _manylinux module refuses all manylinux wheels",
        _vetoed,
        Expectation(
            (
                r"_?manylinux.*(veto|refus|false|override|disabl|not compatible|incompatible)|no (compatible|usable).*tag",
            )
        ),
    ),
    Fault(
        "doctor-elsewhere",
        "tools in an environment without torch; the active one has a missing dependency",
        _elsewhere,
        Expectation((r"absent-thing",), (_TORCH_ABSENT, _FINE)),
        outside=True,
    ),
)
