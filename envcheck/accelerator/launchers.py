"""Several processes out of one: from a notebook, to debug, for ``launch``.

All stand on torchrun's machinery, ``torch.distributed.launcher``, and put right what it leaves
behind in the process that calls it: signal handlers, folders, a log.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import tempfile
import threading
from typing import Any

import torch

from envcheck.accelerator.config import Config, adopt, hardware, launched
from envcheck.accelerator.processes import AcceleratorState, initialized
from envcheck.accelerator.worker import lingering

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


class RankFailedError(RuntimeError):
    """One process failed, the others were ended. ``status``: its own; 128 + n after signal n."""

    def __init__(self, error: Any) -> None:
        # failures are in the order in which they were seen; SIGTERM is how the others are ended
        failures = [*error.failures.items()]
        rank, first = next((x for x in failures if x[1].exitcode != -signal.SIGTERM), failures[0])
        code = first.exitcode
        how = f"was killed by {first.signal_name()}" if code < 0 else f"ended with status {code}"
        said = first.error_file_data["message"]  # recorded for functions; programs use stderr
        trace = "" if isinstance(said, str) else ":\n" + said["extraInfo"]["py_callstack"]
        super().__init__(f"rank {rank} (process {first.pid}) {how}; all have ended{trace}")
        self.status = 128 - code if code < 0 else code


def run(processes: int, entrypoint: Any, *args: Any, **more: Any) -> None:
    """Run ``entrypoint``, a function or a program, in so many processes until all have ended.

    ``more`` goes to ``LaunchConfig``. Raises RankFailedError.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher import LaunchConfig, elastic_launch

    more.update(rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0", local_addr="127.0.0.1")
    log = logging.getLogger("torch.distributed.elastic.multiprocessing.api")
    in_main = threading.current_thread() is threading.main_thread()
    handlers = [(number, signal.getsignal(number)) for number in _SIGNALS if in_main]
    log.disabled = True  # the error below says it in one line
    gc.collect()  # stores of launches before: forks that collect them end by SIGSEGV
    try:
        with tempfile.TemporaryDirectory() as folder:
            more.update(logs_specs=DefaultLogsSpecs(log_dir=folder), run_id="launch")
            elastic_launch(LaunchConfig(1, 1, processes, **more), entrypoint)(*args)
    except ChildFailedError as error:
        raise RankFailedError(error) from None
    finally:
        log.disabled = False
        for number, handler in handlers:
            signal.signal(number, handler or signal.SIG_DFL)


def _child(function: Any, args: Any, config: Config) -> None:
    for number in _SIGNALS:  # Python's would wait until a collective ends that never will
        signal.signal(number, signal.SIG_DFL)
    if torch.distributed.is_initialized():
        raise RuntimeError("the process that was forked had a process group: destroy it before")
    torch.set_num_threads(1)  # GNU OpenMP hangs in a fork of a process that had more
    AcceleratorState._reset_state(reset_partial_state=True)
    adopt(config)
    with lingering():
        function(*args)


def _fork(function: Any, args: Any, config: Config, restarts: int = 0) -> None:
    forked = {"start_method": "fork", "max_restarts": restarts}
    run(config.num_processes or 1, _child, function, args, config, **forked)


def notebook_launcher(
    function: Any, args: Any = (), num_processes: int | None = None, mixed_precision: str = "no",
    max_restarts: int = 0, num_nodes: int = 1, **_addresses: Any,
) -> None:  # fmt: skip
    """Call ``function(*args)`` in forks of this process.

    ``num_processes``: by default one for each device; one is a plain call. Addresses and ports are
    not needed on one machine. Raises ValueError, before anything starts, if forks could not
    compute, and RuntimeError that names the rank if one fails; then the others are ended.
    """
    if num_nodes != 1:
        raise ValueError(f"num_nodes={num_nodes}: on several machines start a script with torchrun")
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
    _fork(function, args, config, max_restarts)


def debug_launcher(function: Any, args: Any = (), num_processes: int = 2) -> None:
    """Call ``function(*args)`` in forks that compute on the CPU; RuntimeError as above."""
    _fork(function, args, Config(num_processes=num_processes, use_cpu=True))
