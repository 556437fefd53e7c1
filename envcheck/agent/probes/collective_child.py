"""An all-reduce between forks of a process that imported torch, inside the grandchild.

``run(emit, torch, mode)``: ``mode`` is ``gloo:2`` or ``nccl:1``, backend and number of processes.
It comes before all that starts threads or initialises CUDA: neither survives a fork.
"""

import os
import sys
import time

COLLECTIVE_SECONDS = 20.0


def run(emit, torch, mode):
    backend, _, processes = mode.partition(":")
    try:
        record = collective(torch, backend, int(processes))
    except Exception as error:
        record = dict(_record(backend, int(processes)), status="unknown", reason=said(error))
    emit(**{backend: record})


def said(error):
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return ("%s: %s" % (type(error).__name__, lines[0] if lines else ""))[:400]


def _record(backend, processes):
    return {
        "backend": backend,
        "status": "ok",
        "reason": None,
        "seconds": 0.0,
        "processes": processes,
    }


def collective(torch, backend, processes):
    """The record of an all-reduce between forks of this process, with a deadline."""
    started = time.perf_counter()
    record = _record(backend, processes)
    if not hasattr(os, "fork") or sys.platform == "darwin":
        reason = "this platform cannot fork a process that has imported torch"
        return dict(record, status="unknown", reason=reason)
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available():
        return None
    if not getattr(distributed, "is_%s_available" % backend, lambda: True)():
        return None
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="envcheck-")
    try:
        place = os.path.join(folder, "store")
        ranks = [_fork(torch, backend, rank, processes, place) for rank in range(processes)]
        problems = _join(ranks, started + COLLECTIVE_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for status, reason in problems:
        record["status"], record["reason"] = status, reason
        break
    record["seconds"] = round(time.perf_counter() - started, 3)
    return record


def _fork(torch, backend, rank, processes, place):
    """(process id, file descriptor of its report)."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        os.close(read)
        answer = _all_reduce(torch, backend, rank, processes, place)
    except BaseException as error:
        answer = said(error)
    try:
        os.write(write, answer.encode("utf-8", "replace"))
    finally:
        os._exit(0)


def _all_reduce(torch, backend, rank, processes, place):
    """`ok`, or what was wrong with the sum."""
    import datetime  # noqa: ICN001

    import torch.distributed as distributed

    device = "cuda:%d" % rank if backend == "nccl" else "cpu"
    if backend == "nccl":
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        backend,
        store=distributed.FileStore(place, processes),
        rank=rank,
        world_size=processes,
        timeout=datetime.timedelta(seconds=COLLECTIVE_SECONDS),
    )
    tensor = torch.full((1024,), float(rank + 1), device=device)
    distributed.all_reduce(tensor)
    expected = processes * (processes + 1) / 2
    total = float(tensor.sum())
    return "ok" if total == expected * 1024 else "the sum is %r, not %r" % (total, expected * 1024)


def _join(ranks, end):
    """Wait for the forks; returns [(status, reason)] of what went wrong."""
    import select
    import signal

    problems = []
    for rank, (pid, fd) in enumerate(ranks):
        if problems:  # the others will wait for the one that failed
            end = min(end, time.perf_counter() + 1.0)
        left = max(0.0, end - time.perf_counter())
        if not select.select([fd], [], [], left)[0]:
            problems.append(("timeout", "rank %d did not answer" % rank))
            os.kill(pid, signal.SIGKILL)
        answer = os.read(fd, 65536).decode("utf-8", "replace")
        os.close(fd)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status) and not answer and not problems:
            name = signal.Signals(os.WTERMSIG(status)).name
            problems.append(("crash", "rank %d was killed by %s" % (rank, name)))
        elif answer and answer != "ok":
            problems.append(("error", answer[:500]))
    return problems
