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
_PORT = "29500"


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


def run(config: Config, entrypoint: Any, *args: Any, **more: Any) -> None:
    """Run this machine's share of the processes until all have ended.

    ``entrypoint``: a function or a program; ``more`` goes to ``LaunchConfig``. Raises
    RankFailedError.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher import LaunchConfig, elastic_launch

    machines, ip, port = config.num_machines, config.main_process_ip, config.main_process_port
    if machines > 1 or port:
        more.update(rdzv_backend="static", rdzv_configs={"rank": config.machine_rank})
        more["rdzv_endpoint"] = f"{ip or '127.0.0.1'}:{port or _PORT}"
    else:  # any free port
        more.update(rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0", local_addr="127.0.0.1")
    log = logging.getLogger("torch.distributed.elastic.multiprocessing.api")
    in_main = threading.current_thread() is threading.main_thread()
    handlers = [(number, signal.getsignal(number)) for number in _SIGNALS if in_main]
    log.disabled = True  # the error below says it in one line
    gc.collect()  # stores of launches before: forks that collect them end by SIGSEGV
    try:
        with tempfile.TemporaryDirectory() as folder:
            more.update(logs_specs=DefaultLogsSpecs(log_dir=folder), run_id="launch")
            each = (config.num_processes or 1) // machines
            elastic_launch(LaunchConfig(machines, machines, each, **more), entrypoint)(*args)
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


def notebook_launcher(
    function: Any,
    args: Any = (),
    num_processes: int | None = None,
    mixed_precision: str = "no",
    use_port: str = _PORT,
    max_restarts: int = 0,
) -> None:
    """Call ``function(*args)`` in forks of this process.

    ``num_processes``: by default one for each device; one is a plain call. ``use_port``: any free
    one, if left alone. Raises ValueError, before anything starts, if forks could not compute, and
    RuntimeError that names the rank if one fails; then the others are ended.
    """
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # counting must not start CUDA
    kind, count = hardware()
    port = int(use_port) if str(use_port) != _PORT else None
    number = count if num_processes is None else num_processes
    config, before = Config(mixed_precision, number, main_process_port=port), launched()
    if number == 1:
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
    print(f"Launching {number} processes on {kind}.")
    run(config, _child, function, args, config, start_method="fork", max_restarts=max_restarts)


def debug_launcher(function: Any, args: Any = (), num_processes: int = 2) -> None:
    """Call ``function(*args)`` in forks that compute on the CPU; RuntimeError as above."""
    config = Config(num_processes=num_processes, use_cpu=True)
    run(config, _child, function, args, config, start_method="fork", max_restarts=0)
