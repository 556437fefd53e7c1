"""Faults of the machine: memory, processors, disks, variables."""

from __future__ import annotations

import glob
import os

from benchmarks.fakes import RTX4090, nvidia
from benchmarks.fault import Fault, Make
from benchmarks.sandbox import Sandbox, mount
from benchmarks.torch_builds import cuda_build
from benchmarks.verdicts import Expectation

GROUP = "envcheck-fault-"
SECRET = "hf_" + "Zq7" * 11


def _noexec(sandbox: Sandbox) -> None:
    mount("-t", "tmpfs", "-o", "noexec,mode=1777", "tmpfs", sandbox.at("tmp"))
    sandbox.variables["TMPDIR"] = sandbox.at("tmp")


def _read_only_home(sandbox: Sandbox) -> None:
    mount("-t", "tmpfs", "-o", "ro", "tmpfs", sandbox.home)


def _join(controller: str, limit: tuple[str, str], unified: tuple[str, str]) -> None:
    """Put this process, and so the tools, into a new control group (version 1 or 2)."""
    root = f"/sys/fs/cgroup/{controller}"
    file, value = limit
    if not os.path.isdir(root):
        root = "/sys/fs/cgroup"
        file, value = unified
    folder = f"{root}/{GROUP}{os.getpid()}"
    os.makedirs(folder, exist_ok=True)
    for name, text in ((file, value), ("cgroup.procs", str(os.getpid()))):
        with open(f"{folder}/{name}", "w") as stream:
            stream.write(text)


def remove_groups() -> None:
    """The control groups of faults whose processes have ended."""
    for folder in (
        *glob.glob(f"/sys/fs/cgroup/*/{GROUP}*"),
        *glob.glob(f"/sys/fs/cgroup/{GROUP}*"),
    ):
        try:
            os.rmdir(folder)
        except OSError:
            continue


def _memory(_sandbox: Sandbox) -> None:
    _join("memory", ("memory.limit_in_bytes", str(3 << 30)), ("memory.max", str(3 << 30)))


def _quota(sandbox: Sandbox) -> None:
    _join("cpu", ("cpu.cfs_quota_us", "50000"), ("cpu.max", "50000 100000"))
    sandbox.variables["OMP_NUM_THREADS"] = "16"


def _full(options: str) -> Make:
    def make(sandbox: Sandbox) -> None:
        cache = sandbox.at("cache")
        mount("-t", "tmpfs", "-o", options, "tmpfs", cache)
        sandbox.variables["HF_HOME"] = cache
        for number in range(64):
            try:
                sandbox.write(f"{cache}/file{number}", bytes(64 << 10))
            except OSError:
                break

    return make


def _token(value: str) -> Make:
    def make(sandbox: Sandbox) -> None:
        sandbox.variables["HF_TOKEN"] = value

    return make


def _other_cudnn(sandbox: Sandbox) -> None:
    nvidia(sandbox, RTX4090)
    cuda_build(sandbox, "12.8")
    source = "unsigned long cudnnGetVersion(void) { return 90100; }"
    sandbox.library("libcudnn.so.9", source, "-Wl,-soname,libcudnn.so.9")


_LIMIT = r"(\b3(\.0+)? ?Gi?B|\b3072 ?Mi?B|3,?221,?225,?472)"
_PRINTED = (SECRET[:8], "prints the token")

FAULTS = (
    Fault(
        "noexec-tmp",
        "TMPDIR is mounted noexec",
        _noexec,
        Expectation((r"noexec|not executable|cannot (be )?execut|not allow.*execut",)),
    ),
    Fault(
        "read-only-home",
        "the home directory is read-only",
        _read_only_home,
        Expectation((r"read.only|not writable|cannot be written|EROFS",)),
    ),
    Fault(
        "memory-limit",
        "a control group allows 3 GiB, the machine has more",
        _memory,
        Expectation(
            (_LIMIT,),
            ((rf"\A(?![\s\S]*{_LIMIT})[\s\S]*\b(RAM|memory).{{0,20}}\d ?G", "the host's memory"),),
        ),
    ),
    Fault(
        "cpu-quota",
        "half a processor allowed, OMP_NUM_THREADS=16",
        _quota,
        Expectation(
            (
                r"\b0\.5\b.*(cpu|core|processor)|(cpu|core|processor).*\b0\.5\b|OMP_NUM_THREADS.*(16|more|exceed)|quota",
            )
        ),
    ),
    Fault(
        "cache-full",
        "HF_HOME has no space left",
        _full("size=1m"),
        Expectation(
            (
                r"(HF_HOME|cache|disk|space).*(full|free|no space|left|low)|(full|free|no space|left).*(HF_HOME|cache)",
            )
        ),
    ),
    Fault(
        "cache-out-of-inodes",
        "HF_HOME has space but no inodes left",
        _full("size=64m,nr_inodes=8"),
        Expectation((r"inode",)),
    ),
    Fault(
        "token-newline",
        "HF_TOKEN ends in a line end",
        _token(SECRET + "\n"),
        Expectation(
            (r"HF_TOKEN.*(newline|line end|line break|malformed|whitespace|space|control)",),
            (_PRINTED,),
        ),
    ),
    Fault(
        "token-quoted",
        "HF_TOKEN holds its quotes",
        _token(f'"{SECRET}"'),
        Expectation((r"HF_TOKEN.*(quot|malformed)",), (_PRINTED,)),
    ),
    Fault(
        "token-empty",
        "HF_TOKEN is set and empty",
        _token(""),
        Expectation((r"HF_TOKEN.*(empty|blank|no value)",)),
    ),
    Fault(
        "token-fine",
        "HF_TOKEN as it should be",
        _token(SECRET),
        Expectation(healthy=True, wrong=(_PRINTED,)),
    ),
    Fault(
        "ld-library-path-cudnn",
        "LD_LIBRARY_PATH supplies an older cuDNN than the wheel's",
        _other_cudnn,
        Expectation(
            (r"LD_LIBRARY_PATH.*cudnn|cudnn.*LD_LIBRARY_PATH",),
            ((r"cudnn.*not found|install cudnn", "says that cuDNN is missing"),),
        ),
        stand_in=True,
    ),
)
