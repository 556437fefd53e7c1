"""Several processes: of a program, for ``launch``; out of this one, from a notebook or to debug."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import tempfile
import threading
from typing import Any

import torch
from torch import multiprocessing

from envcheck.accelerator.config import Config, adopt, hardware, launched
from envcheck.accelerator.processes import AcceleratorState, initialized
from envcheck.accelerator.worker import lingering

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


class RankFailedError(RuntimeError):
    """One process failed, the others were ended. ``status``: its own; 128 + n after signal n."""

    def __init__(self, rank: int, pid: int, code: int, trace: str = "") -> None:
        how = f"ended with status {code}"
        if code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        super().__init__(f"rank {rank} (process {pid}) {how}; all have ended{trace}")
        self.status = 128 - code if code < 0 else code


def run(processes: int, *words: str, max_restarts: int = 0) -> None:
    """Run the program ``words`` in so many processes until all have ended. Raises RankFailedError.

    What torchrun's machinery, which it stands on, leaves behind here is put right: signal
    handlers, folders, a log.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher import LaunchConfig, elastic_launch

    log = logging.getLogger("torch.distributed.elastic.multiprocessing.api")
    in_main = threading.current_thread() is threading.main_thread()
    handlers = [(number, signal.getsignal(number)) for number in _SIGNALS if in_main]
    log.disabled = True  # the error below says it in one line
    more: dict[str, Any] = {"rdzv_backend": "c10d", "rdzv_endpoint": "127.0.0.1:0"}
    more.update(run_id="launch", local_addr="127.0.0.1", max_restarts=max_restarts)
    try:
        with tempfile.TemporaryDirectory() as folder:
            more["logs_specs"] = DefaultLogsSpecs(log_dir=folder)
            elastic_launch(LaunchConfig(1, 1, processes, **more), words[0])(*words[1:])
    except ChildFailedError as error:
        # failures are in the order in which they were seen; SIGTERM is how the others are ended
        found = [*error.failures.items()]
        rank, first = next((x for x in found if x[1].exitcode != -signal.SIGTERM), found[0])
        raise RankFailedError(rank, first.pid, first.exitcode) from None
    finally:
        log.disabled = False
        for number, handler in handlers:
            signal.signal(number, handler or signal.SIG_DFL)


def _fork(function: Any, args: Any, config: Config) -> None:
    """Not by torchrun's machinery: it has threads by then, and forks that it made have hung."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gc.collect()  # stores of trainings before: forks that collect them end by SIGSEGV
    given = (function, args, config, port)
    try:
        multiprocessing.start_processes(_child, given, config.num_processes, start_method="fork")
    except multiprocessing.ProcessRaisedException as error:
        raise RankFailedError(error.error_index, error.error_pid, 1, f":\n{error}") from None
    except multiprocessing.ProcessExitedException as error:
        raise RankFailedError(error.error_index, error.error_pid, error.exit_code) from None


def _child(rank: int, function: Any, args: Any, config: Config, port: int) -> None:
    for number in _SIGNALS:  # Python's would wait until a collective ends that never will
        signal.signal(number, signal.SIG_DFL)
    if torch.distributed.is_initialized():
        raise RuntimeError("the process that was forked had a process group: destroy it before")
    here = {"RANK": rank, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    here.update(WORLD_SIZE=config.num_processes, LOCAL_WORLD_SIZE=config.num_processes)
    os.environ.update({name: str(value) for name, value in here.items()})  # as torchrun does
    torch.set_num_threads(1)  # GNU OpenMP hangs in a fork of a process that had more
    AcceleratorState._reset_state(reset_partial_state=True)
    adopt(config)
    with lingering():
        function(*args)


def notebook_launcher(
    function: Any, args: Any = (), num_processes: int | None = None, mixed_precision: str = "no",
    num_nodes: int = 1, max_restarts: int = 0, **_addresses: Any,
) -> None:  # fmt: skip
    """Call ``function(*args)`` in forks of this process.

    ``num_processes``: by default one for each device; one is a plain call. Addresses and ports are
    not needed on one machine. Raises ValueError, before anything starts, if forks could not
    compute, and RuntimeError that names the rank if one fails; then the others are ended.
    """
    if num_nodes != 1 or max_restarts:
        raise ValueError("several nodes and restarts are for scripts: start one with torchrun")
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # counting must not start CUDA
    kind, count = hardware()
    config = Config(mixed_precision, count if num_processes is None else num_processes)
    if config.num_processes == 1:
        before = launched()
        adopt(config)
        try:
            function(*args)
        finally:
            adopt(before)
        return
    if initialized() or torch.cuda.is_initialized():
        raise ValueError(
            "This process already has an Accelerator or has used CUDA, which forks of it cannot "
            "share. Restart it, and do both only inside the function that you pass here."
        )
    print(f"Launching {config.num_processes} processes on {kind}.")
    _fork(function, args, config)


def debug_launcher(function: Any, args: Any = (), num_processes: int = 2) -> None:
    """Call ``function(*args)`` in forks that compute on the CPU; RuntimeError as above."""
    _fork(function, args, Config(num_processes=num_processes, use_cpu=True))
