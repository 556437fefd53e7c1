"""The record of this process among the others: its device, its rank, who else takes part.

A process has one process group and computes on one device: ``current`` finds out once and keeps
the record here. What others see of it is in ``state.py``.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import torch
from torch import distributed

from envcheck.accelerator import config, devices

#: torchrun's contract. MPI starts processes too, but says so by other names.
_NAMES = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
_LOST = ("closed", "reset by peer", "timed out", "Broken pipe", "remote process", "NCCL", "Socket")
_PATIENCE = 3.0  # seconds until the kernel has taken a killed process away


class DistributedType(str, Enum):
    """What kind of processes compute together."""

    NO = "NO"
    MULTI_CPU = "MULTI_CPU"
    MULTI_GPU = "MULTI_GPU"
    MULTI_XPU = "MULTI_XPU"
    MULTI_NPU = "MULTI_NPU"


_TYPES = {"cpu": "MULTI_CPU", "cuda": "MULTI_GPU", "xpu": "MULTI_XPU", "npu": "MULTI_NPU"}


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
    started_as: tuple[str | None, ...] = field(default_factory=lambda: _started_as())

    distributed_type = property(
        lambda self: DistributedType(_TYPES[self.device.type] if self.count > 1 else "NO")
    )

    def explain(self, error: RuntimeError) -> RuntimeError:
        """``error``, or if it came because other processes have ended, one that names them."""
        if self.count == 1 or not any(sign in str(error) for sign in _LOST):
            return error
        end = time.monotonic() + _PATIENCE
        while not (gone := self._ended()) and time.monotonic() < end:
            time.sleep(0.05)
        if gone:
            which = ", ".join(f"rank {rank} (process {self.peers[rank][1]})" for rank in gone)
            return RuntimeError(f"{which} has ended, so rank {self.index} cannot go on: {error}")
        elsewhere = [r for r, (host, _) in enumerate(self.peers) if host != socket.gethostname()]
        hint = f" Ranks {elsewhere} are on other machines: look there." if elsewhere else ""
        text = f"rank {self.index} lost the others, though those on this machine still run.{hint}"
        return RuntimeError(f"{text} A process that hangs, or that is not at this point? {error}")

    def _ended(self) -> list[int]:
        host = socket.gethostname()
        local = [(rank, pid) for rank, (name, pid) in enumerate(self.peers) if name == host]
        return [rank for rank, pid in local if not _runs(pid)]


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


def _started_as() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in _NAMES[:3])


def initialized() -> bool:
    """Whether this process already knows its device and its group."""
    return _process is not None and (_process.pid == os.getpid() or not _is_new_rank(_process))


def _is_new_rank(process: Process) -> bool:
    """In a fork of ``process``: whether it was started as another rank, not as a data worker."""
    return process.started_as != _started_as()


def current(*, cpu: bool = False, **group: Any) -> Process:
    """The record of this process; the first call joins the process group, if there are others.

    ``group`` are keywords of ``init_process_group``. Raises RuntimeError if this is one of several
    processes and cannot join them: it never computes alone without saying so.
    """
    global _process
    if _process is None or not initialized():
        _process = _join(cpu or bool(getattr(config.launched(), "use_cpu", False)), group)
    return _process


def _join(cpu: bool, group: dict[str, Any]) -> Process:
    if distributed.is_available() and distributed.is_initialized():
        return _joined(cpu)
    count = int(os.environ.get("WORLD_SIZE") or 1)
    if count == 1:
        for name in _MPI:
            if int(os.environ.get(name) or 1) > 1:
                raise RuntimeError(
                    f"{name}={os.environ[name]}: MPI has started several processes, but not told "
                    f"torch ({', '.join(_NAMES)} are not set), so each would train alone. Start "
                    "with `python -m envcheck.accelerator launch`, or set them."
                )
        return Process(devices.choose(cpu=cpu))
    missing = [name for name in _NAMES if not os.environ.get(name)]
    if missing:
        raise RuntimeError(
            f"WORLD_SIZE={count}, so there are other processes, but {', '.join(missing)} is not "
            "set. Start with `python -m envcheck.accelerator launch` or torchrun."
        )
    if not distributed.is_available():
        raise RuntimeError(f"WORLD_SIZE={count}, but this torch was built without distributed")
    device = _device(cpu, int(os.environ["LOCAL_RANK"]))
    wanted = {name: value for name, value in group.items() if value is not None}
    wanted.setdefault("backend", devices.BACKENDS.get(device.type, "gloo"))
    distributed.init_process_group(**wanted)
    return _joined(cpu)


def _device(cpu: bool, index: int) -> torch.device:
    device = devices.choose(cpu=cpu, index=index)
    return torch.device("cpu") if device.type == "mps" else device  # no backend connects those


def _joined(cpu: bool) -> Process:
    index, count = distributed.get_rank(), distributed.get_world_size()
    backend = distributed.get_backend()
    local = int(os.environ.get("LOCAL_RANK") or index)
    device = _device(cpu or (backend == "gloo" and count > 1), local)
    peers: list[Any] = [None] * count
    distributed.all_gather_object(peers, (socket.gethostname(), os.getpid()))
    return Process(device, index, count, local, backend, tuple(peers))


def forget() -> None:
    """Find out anew when asked next; a process group stays."""
    global _process
    _process = None
