"""RES0xx: memory, processors, shared memory and limits."""

from __future__ import annotations

import math

from envcheck.checks import remedies, torch_wheels
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.model.finding import Evidence, Finding, Remedy, fail
from envcheck.model.reading import number, records
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GIB = 1 << 30
MIB = 1 << 20
_SMALL_SHM = GIB  # batches of images pass through /dev/shm; Docker's default is 64 MiB
_FEW_FILES = {"linux": 1024, "darwin": 256}  # what the systems themselves set
_FEW_PROCESSES = 256
_LITTLE_LOCKED = 64 * MIB
_LITTLE_ADDRESS_SPACE = 32 * GIB
_SHORT_RUN = 86400  # seconds of processor time
_SMALL_FILE = 16 * GIB  # weights and optimiser state of a middling model


def memory_limit(context: Context) -> Iterator[Finding]:
    """A control group allows less memory than the machine has.

    ## Why it matters
    `free`, psutil and most programs show the machine's memory. The kernel kills the process when
    the group's limit is reached, without a Python traceback: "Killed", exit status 137.

    ## Causes
    `docker run --memory`, a Kubernetes limit, a Slurm job, a systemd slice. The limit may be on an
    outer group.

    ## Remedy
    Plan with the smaller number, or raise the limit where it is set.

    ## Sources
    Kernel documentation, control groups version 1 and 2.
    """
    total, effective = (
        number(context["limits.memory.total"]),
        number(context["limits.memory.effective"]),
    )
    if total and effective and effective < 0.9 * total:
        yield fail(
            f"memory is limited to {gib(effective)} of the machine's {gib(total)}",
            detail="Beyond it the kernel kills the process; psutil and free show the larger one.",
            evidence=context.evidence("limits.memory.limit", "limits.memory.total"),
            remedy=Remedy("Plan with the smaller number, or raise the limit where it is set"),
        )


def processor_quota(context: Context) -> Iterator[Finding]:
    """A control group allows less processor time than there are processors.

    ## Why it matters
    torch, OpenMP and BLAS start one thread for each processor they see. With a quota of two and
    sixty-four in sight they take turns and are throttled: many times slower than with two threads.

    ## Causes
    `docker run --cpus`, a Kubernetes CPU limit.

    ## Remedy
    Set OMP_NUM_THREADS to the quota.

    ## Sources
    Kernel documentation, `cpu.max` and `cpu.cfs_quota_us`.
    """
    quota, seen = number(context["host.cpu.quota"]), number(context["host.cpu.affinity"])
    if not quota or not seen or quota >= seen:
        return
    threads = max(1, math.ceil(quota))
    for record in records(context["limits.threads"]):
        if record.get("variable") == "OMP_NUM_THREADS" and number(record.get("number")):
            return
    yield fail(
        f"the quota is {quota:g} processors, but {seen:g} are visible",
        detail=f"Libraries that do not look at the quota start {seen:g} threads.",
        evidence=context.evidence("host.cpu.quota", "host.cpu.affinity"),
        remedy=remedies.export(
            context, "OMP_NUM_THREADS", str(threads), "Start as many threads as the quota allows"
        ),
    )


def thread_variables(context: Context) -> Iterator[Finding]:
    """A variable asks for more threads than there are processors, or for no number at all.

    ## Why it matters
    Threads beyond the processors take turns: training slows down, sometimes many times. A value
    that is no positive number is ignored by some libraries and ends others.

    ## Causes
    A job script written for a larger machine, a container with fewer processors than its host.

    ## Remedy
    Set it to the number of processors that this process may use, or unset it.

    ## Sources
    OpenMP specification, OMP_NUM_THREADS; affinity and control groups for the number.
    """
    usable = number(context["host.cpu.usable"])
    for record in records(context["limits.threads"]):
        name, value = str(record.get("variable")), str(record.get("value"))
        asked = number(record.get("number"))
        if not value.strip():
            continue
        threads = max(1, math.ceil(usable)) if usable else 1
        fields = {
            "subject": name,
            "evidence": (
                Evidence("limits.threads", f"{name}={value}", "environment"),
                *context.evidence("host.cpu.usable"),
            ),
            "remedy": remedies.export(context, name, str(threads), f"Set {name} to what there is"),
        }
        if asked is None or asked < 1:
            yield fail(f"{name} is set to {value!r}, which is no number of threads", **fields)
        elif usable and asked > threads:
            yield fail(f"{name} is {asked}, but {usable:g} processors may be used", **fields)


def shared_memory(context: Context) -> Iterator[Finding]:
    """/dev/shm is small.

    ## Why it matters
    Worker processes of a DataLoader hand batches over through /dev/shm, and so does NCCL. When it
    is full the worker dies: "Bus error … insufficient shared memory (shm)".

    ## Causes
    Containers get 64 MiB unless told otherwise.

    ## Remedy
    `docker run --shm-size=8g` or `--ipc=host`; in Kubernetes an `emptyDir` with `medium: Memory`.

    ## Sources
    torch documentation, multiprocessing; Docker documentation, `--shm-size`.
    """
    if context["host.os"] != "linux":
        raise NotApplicable("only Linux has /dev/shm")
    total = number(context["limits.shm.total"])
    matters = torch_wheels.installed(context) or bool(torch_wheels.wanted(context))
    if total is None or context["limits.shm.writable"] is False:
        yield fail(
            "there is no /dev/shm" if total is None else "/dev/shm cannot be written",
            severity="warning" if matters else "note",
            detail="Multiprocessing locks and DataLoader workers need it.",
            evidence=context.evidence("limits.shm.total", "limits.shm.writable"),
            remedy=Remedy("Mount a tmpfs there", ("mount -t tmpfs -o mode=1777 tmpfs /dev/shm",)),
        )
    elif total < _SMALL_SHM and matters:
        yield fail(
            f"/dev/shm has only {gib(total)}",
            detail="DataLoader workers and NCCL pass data through it and die when it is full.",
            evidence=context.evidence("limits.shm.total", "limits.shm.free", "host.container"),
            remedy=Remedy("Start the container with `--shm-size=8g` or `--ipc=host`"),
        )


def open_files(context: Context) -> Iterator[Finding]:
    """Few files may be open at once.

    ## Why it matters
    Datasets of many shards, and tensors shared between processes, take a file descriptor each:
    "OSError: [Errno 24] Too many open files".

    ## Causes
    A low `ulimit -n`.

    ## Remedy
    Raise the soft limit up to the hard one.

    ## Sources
    `getrlimit(2)`; torch documentation, sharing strategies.
    """
    soft = number(context["limits.nofile"])
    if soft is None or soft >= _FEW_FILES.get(str(context.get("host.os")), 256):
        return
    hard = number(context.get("limits.nofile_hard"))
    wanted = min(65536, int(hard)) if hard else 65536
    commands = (f"ulimit -n {wanted}",) if wanted > soft else ()
    yield fail(
        f"only {soft:g} files may be open at once",
        evidence=context.evidence("limits.nofile", "limits.nofile_hard"),
        remedy=Remedy("Raise the limit", commands),
    )


def processes(context: Context) -> Iterator[Finding]:
    """Few processes and threads may be started.

    ## Why it matters
    A thread counts like a process. BLAS and DataLoader workers start dozens: "can't start new
    thread", "Resource temporarily unavailable".

    ## Causes
    A control group's `pids.max` (`docker run --pids-limit`), `ulimit -u`.

    ## Remedy
    Raise the limit where it is set.

    ## Sources
    Kernel documentation, the pids controller; `getrlimit(2)`.
    """
    for key in ("limits.pids", "limits.processes"):
        limit = number(context[key])
        if limit is not None and limit < _FEW_PROCESSES:
            yield fail(
                f"only {limit:g} processes and threads are allowed",
                subject=key,
                evidence=context.evidence(key),
                remedy=Remedy("Raise the limit where it is set (`--pids-limit`, `ulimit -u`)"),
            )


def locked_memory(context: Context) -> Iterator[Finding]:
    """Too little memory may be locked for RDMA.

    ## Why it matters
    InfiniBand and RoCE adapters need locked memory; with a small limit NCCL fails to register
    buffers ("ibv_reg_mr … Cannot allocate memory") or falls back to slow sockets.

    ## Causes
    The default of the system or of the container engine.

    ## Remedy
    `docker run --ulimit memlock=-1`; in Slurm and systemd `LimitMEMLOCK=infinity`.

    ## Sources
    NCCL documentation, troubleshooting.
    """
    if not context["host.rdma"]:
        raise NotApplicable("no InfiniBand or RoCE adapter")
    limit = number(context["limits.memlock"])
    if limit is not None and limit < _LITTLE_LOCKED:
        yield fail(
            f"only {limit / MIB:g} MiB may be locked, too little for the RDMA adapters here",
            evidence=context.evidence("limits.memlock", "host.rdma"),
            remedy=Remedy("Allow it without limit", ("ulimit -l unlimited",)),
        )


def address_space(context: Context) -> Iterator[Finding]:
    """Virtual memory is limited.

    ## Why it matters
    CUDA reserves far more addresses than it uses memory; memory-mapped weights count too. With
    `ulimit -v` imports fail with "failed to map segment" or "out of memory" while memory is free;
    with `ulimit -d` private memory is refused likewise.

    ## Causes
    A login node's `ulimit -v` or `ulimit -d`, a batch system.

    ## Remedy
    Take the limit off, or ask for a job with more.

    ## Sources
    `getrlimit(2)`, RLIMIT_AS and RLIMIT_DATA; CUDA programming guide, unified addressing.
    """
    limit = number(context["limits.address_space"])
    if limit is not None and limit < _LITTLE_ADDRESS_SPACE:
        yield fail(
            f"virtual memory is limited to {gib(limit)}",
            evidence=context.evidence("limits.address_space"),
            remedy=Remedy("Take the limit off", ("ulimit -v unlimited",)),
        )
    limit = number(context.get("limits.data"))
    total = number(context.get("limits.memory.total"))
    if limit is not None and limit < min(total or _LITTLE_ADDRESS_SPACE, _LITTLE_ADDRESS_SPACE):
        yield fail(
            f"private memory is limited to {gib(limit)}",
            evidence=context.evidence("limits.data", "limits.memory.total"),
            remedy=Remedy("Take the limit off", ("ulimit -d unlimited",)),
        )


def cut_short(context: Context) -> Iterator[Finding]:
    """A limit ends long runs or cuts large files.

    ## Why it matters
    The kernel kills a process that has used its processor time (SIGXCPU, "CPU time limit
    exceeded"), in a training run of eight processors eight times sooner than the clock says; and
    one that writes a larger file than allowed (SIGXFSZ, "File size limit exceeded"): a download or
    a checkpoint stays half.

    ## Causes
    `ulimit -t` on a cluster's login node; `ulimit -f` in a shell profile or a batch system.

    ## Remedy
    Run it as a job on a compute node, or take the limit off where it is set.

    ## Sources
    `getrlimit(2)`, RLIMIT_CPU and RLIMIT_FSIZE.
    """
    seconds = number(context["limits.cpu_time"])
    if seconds is not None and seconds < _SHORT_RUN:
        yield fail(
            f"a process is killed after {seconds:g} s of processor time",
            evidence=context.evidence("limits.cpu_time"),
            remedy=Remedy("Run it as a job, or take the limit off", ("ulimit -t unlimited",)),
        )
    size = number(context["limits.file_size"])
    if size is not None and size < _SMALL_FILE:
        yield fail(
            f"files cannot grow beyond {gib(size)}",
            evidence=context.evidence("limits.file_size"),
            remedy=Remedy("Take the limit off", ("ulimit -f unlimited",)),
        )


def gib(size: float) -> str:
    """Bytes as people read them: ``61.9 GiB``, ``64 MiB``."""
    if size >= GIB:
        return f"{size / GIB:.3g} GiB" if size < 1000 * GIB else f"{size / GIB / 1024:.3g} TiB"
    return f"{size / MIB:.3g} MiB"


CHECKS = (
    Check("RES001", "no control group limits memory", "note", memory_limit),
    Check("RES002", "no control group limits processor time", "note", processor_quota),
    Check("RES003", "thread variables fit the processors", "warning", thread_variables),
    Check("RES004", "/dev/shm is large enough", "note", shared_memory),
    Check("RES005", "enough files may be open", "warning", open_files),
    Check("RES006", "enough processes may be started", "warning", processes),
    Check("RES007", "enough memory may be locked for RDMA", "warning", locked_memory),
    Check("RES008", "virtual memory is not limited", "warning", address_space),
    Check("RES009", "no limit cuts runs or files short", "warning", cut_short),
)
