"""The record of this process among the others: its device, its rank, who else takes part.

A process has one process group and computes on one device: ``current`` finds out once and keeps
the record here. What others see of it is in ``state.py``.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import torch
from torch import distributed

from envcheck.accelerator import config, devices

#: torchrun's contract. MPI starts processes too, but says so by other names.
_NAMES = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
_LOST = ("closed", "reset by peer", "imed out", "Broken pipe", "remote process", "NCCL", "Socket")
_PATIENCE = 3.0  # seconds until the kernel has taken a killed process away


class DistributedType(str, Enum):
    """One process, or several on devices of this kind. The last lines are Accelerate's alone:
    programs compare with them.
    """

    NO = "NO"
    MULTI_CPU = "MULTI_CPU"
    MULTI_GPU = "MULTI_GPU"
    MULTI_XPU = "MULTI_XPU"
    MULTI_NPU = "MULTI_NPU"
    XLA, FSDP, DEEPSPEED, MEGATRON_LM, TP = "XLA", "FSDP", "DEEPSPEED", "MEGATRON_LM", "TP"
    MULTI_MLU, MULTI_SDAA, MULTI_MUSA = "MULTI_MLU", "MULTI_SDAA", "MULTI_MUSA"
    MULTI_HPU, MULTI_NEURON = "MULTI_HPU", "MULTI_NEURON"


def _started_as() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in _NAMES[:3])


@dataclass(frozen=True)
class Process:
    """The facts of one process. ``peers``: host and process id of every rank, in order."""

    device: torch.device
    index: int = 0
    count: int = 1
    local_index: int = 0
    backend: str | None = None
    peers: tuple[tuple[str, int], ...] = ()
    pid: int = field(default_factory=os.getpid)
    started_as: tuple[str | None, ...] = field(default_factory=_started_as)

    def talk(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """``operation`` with the other processes. Raises RuntimeError that names who has ended."""
        try:
            return operation(*args, **kwargs)
        except RuntimeError as error:
            if self.count == 1 or not any(sign in str(error) for sign in _LOST):
                raise
            here, end = socket.gethostname(), time.monotonic() + _PATIENCE
            local = {rank: pid for rank, (host, pid) in enumerate(self.peers) if host == here}
            gone: list[str] = []
            while not gone and time.monotonic() < end:
                time.sleep(0.05)
                gone = [f"rank {r} (process {pid})" for r, pid in local.items() if not _runs(pid)]
            who = f"{', '.join(gone)} has ended" if gone else "no process on this machine has ended"
            text = f"{who}, and rank {self.index} cannot reach the others: {error}"
            raise RuntimeError(text) from error


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except ProcessLookupError:
        return False
    except OSError:  # not ours to ask, or no /proc here
        return True


_process: Process | None = None


def initialized() -> bool:
    """Whether this process knows its device and group; a fork that is another rank does not."""
    if _process is None:
        return False
    return _process.pid == os.getpid() or _process.started_as == _started_as()


def forget() -> None:
    """Find out anew when asked next; a process group stays."""
    global _process
    _process = None


def current(*, cpu: bool = False, **group: Any) -> Process:
    """The record of this process; the first call joins the process group, if there are others.

    ``group`` are keywords of ``init_process_group``. Raises RuntimeError if this is one of several
    processes and cannot join them: it never computes alone without saying so.
    """
    global _process
    if _process is None or not initialized():
        _process = _join(cpu or getattr(config.launched(), "use_cpu", False), group)
    return _process


def _join(cpu: bool, group: dict[str, Any]) -> Process:
    if not (distributed.is_available() and distributed.is_initialized()):
        sizes = {name: int(os.environ.get(name) or 1) for name in ("WORLD_SIZE", *_MPI)}
        several = [f"{name}={size}" for name, size in sizes.items() if size > 1]
        missing = [name for name in _NAMES if not os.environ.get(name)]
        if not several:
            return Process(devices.choose(cpu=cpu))
        if missing or not distributed.is_available():
            why = f"{', '.join(missing)} not set" if missing else "torch lacks torch.distributed"
            raise RuntimeError(
                f"this is one of several processes ({several[0]}) and cannot join them ({why}): "
                "start with `python -m envcheck.accelerator launch` or torchrun"
            )
        kind = devices.choose(cpu=cpu, index=int(os.environ["LOCAL_RANK"])).type
        distributed.init_process_group(**{"backend": devices.BACKENDS.get(kind, "gloo"), **group})
    index, count = distributed.get_rank(), distributed.get_world_size()
    backend, local = distributed.get_backend(), int(os.environ.get("LOCAL_RANK") or index)
    device = devices.choose(cpu=cpu or (backend == "gloo" and count > 1), index=local)
    peers: list[Any] = [None] * count
    distributed.all_gather_object(peers, (socket.gethostname(), os.getpid()))
    return Process(device, index, count, local, backend, tuple(peers))
