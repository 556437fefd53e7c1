"""One process among the others, and how far its gradients have come.

A process has one process group and computes on one device: ``current`` finds out once and keeps
the record here. ``PartialState``, ``AcceleratorState`` and ``Accelerator`` are views of it.
"""

from __future__ import annotations

import atexit
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial, partialmethod, wraps
from typing import Any

import torch
from torch import distributed

from envcheck.accelerator import config, devices

#: torchrun's contract. MPI starts processes too, but says so by other names.
_NAMES = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
_LOST = (
    "closed",
    "reset by peer",
    "imed out",
    "timeout",
    "Broken pipe",
    "remote process",
    "NCCL",
    "Socket",
)
_PATIENCE = 3.0  # seconds until the kernel has taken a killed process away
_SETTLE = 0.1  # seconds until gloo's thread has dropped its last tensor; it aborts or hangs before
#: By the kind of device; programs compare with Accelerate's other names, which never occur here.
_TYPES = {"cpu": "MULTI_CPU", "cuda": "MULTI_GPU", "xpu": "MULTI_XPU", "npu": "MULTI_NPU"}
_NEVER = "XLA FSDP DEEPSPEED MEGATRON_LM TP MULTI_MLU MULTI_SDAA MULTI_MUSA MULTI_HPU MULTI_NEURON"
DistributedType = Enum(  # type: ignore[misc]
    "DistributedType", {name: name for name in ("NO", *_TYPES.values(), *_NEVER.split())}, type=str
)


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
        if self.count == 1:
            return operation(*args, **kwargs)
        with self.talking():
            return operation(*args, **kwargs)

    @contextmanager
    def talking(self) -> Iterator[None]:
        """A context in which the error that another process has ended names that."""
        try:
            yield
        except RuntimeError as error:
            if self.count == 1 or not any(sign in str(error) for sign in _LOST):
                raise
            late = "imed out" in str(error) or "timeout" in str(error)
            gone: list[str] = []
            here, end = platform.node(), time.monotonic() + (0 if late else _PATIENCE)
            local = {rank: pid for rank, (host, pid) in enumerate(self.peers) if host == here}
            local.pop(self.index, None)
            while not gone:
                gone = [
                    f"rank {rank} (process {pid})" for rank, pid in local.items() if not _runs(pid)
                ]
                if time.monotonic() > end:
                    break
                time.sleep(0.05)
            what = "ended" if gone else "not answered in time" if late else "not ended"
            gone = gone or [f"rank {rank} (process {pid})" for rank, pid in local.items()]
            text = f"{', '.join(gone) or 'a rank elsewhere'} has {what}, and rank"
            raise RuntimeError(f"{text} {self.index} cannot reach the others: {error}") from error


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
_precision: str | None = None  # of the first Accelerator: the others of this process have the same


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
            text = f"this is one of several processes ({several[0]}) and cannot join them ({why})"
            raise RuntimeError(f"{text}: `python -m envcheck.accelerator launch` or torchrun can")
        kind = devices.choose(cpu=cpu, index=int(os.environ["LOCAL_RANK"])).type
        distributed.init_process_group(**{"backend": devices.BACKENDS.get(kind, "gloo"), **group})
        atexit.register(time.sleep, _SETTLE)
    index, count = distributed.get_rank(), distributed.get_world_size()
    backend, local = distributed.get_backend(), int(os.environ.get("LOCAL_RANK") or index)
    device = devices.choose(cpu=cpu or (backend == "gloo" and count > 1), index=local)
    peers: list[Any] = [None] * count
    distributed.all_gather_object(peers, (platform.node(), os.getpid()))
    return Process(device, index, count, local, backend, tuple(peers))


class Ranks:
    """What can be asked of, and done with, the processes that compute together."""

    process = property(lambda _self: current())
    device = property(lambda self: self.process.device)
    num_processes = property(lambda self: self.process.count)
    process_index = property(lambda self: self.process.index)
    local_process_index = property(lambda self: self.process.local_index)
    use_distributed = property(lambda self: self.process.count > 1)
    is_main_process = property(lambda self: self.process.index == 0)
    is_local_main_process = property(lambda self: self.process.local_index == 0)
    is_last_process = property(lambda self: self.process.index == self.process.count - 1)

    @property
    def distributed_type(self) -> Any:
        return DistributedType(_TYPES[self.device.type] if self.use_distributed else "NO")

    def wait_for_everyone(self) -> None:
        """Return when every process has come here. Raises RuntimeError that names who has ended."""
        if self.num_processes > 1:
            self.process.talk(distributed.barrier)

    def print(self, *args: Any, **kwargs: Any) -> None:
        """As ``print``, once for each machine."""
        if self.is_local_main_process:
            print(*args, **kwargs)

    @contextmanager
    def main_process_first(self, local: bool = False) -> Iterator[None]:
        """A context in which the main process (``local``: of each machine) goes first."""
        first = self.is_local_main_process if local else self.is_main_process
        if not first:
            self.wait_for_everyone()
        try:
            yield
        finally:
            if first:
                self.wait_for_everyone()

    local_main_process_first = partialmethod(main_process_first, local=True)

    @contextmanager
    def split_between_processes(self, inputs: Any, apply_padding: bool = False) -> Iterator[Any]:
        """The part of ``inputs`` (list, tuple, tensor, or dict of those) for this process.

        Parts differ by at most one; ``apply_padding`` repeats the last item in shorter ones.
        """
        named = inputs if isinstance(inputs, dict) else {"": inputs}
        sizes = {len(values) for values in named.values()}
        if len(sizes) > 1:
            raise ValueError(f"split_between_processes: values of unequal lengths {sorted(sizes)}")
        each, extra = divmod(max(sizes, default=0), self.num_processes)
        start = self.process_index * each + min(self.process_index, extra)
        end = start + each + (self.process_index < extra)
        pad = apply_padding and extra and end - start == each
        parts = {}
        for key, values in named.items():
            parts[key] = part = values[start:end]
            if pad:
                last, tensor = values[-1:], isinstance(values, torch.Tensor)
                parts[key] = torch.cat([part, last]) if tensor else part + last
        yield type(inputs)(parts) if isinstance(inputs, dict) else parts[""]

    def on_process(
        self, function: Any = None, process_index: Any = True, fact: str = "process_index"
    ) -> Any:  # fmt: skip
        """Run ``function`` on the process of this rank only; elsewhere it returns None."""
        if function is None:
            return partial(self.on_process, process_index=process_index, fact=fact)

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs) if getattr(self, fact) == process_index else None

        return run

    on_main_process = partialmethod(on_process, fact="is_main_process")
    on_local_main_process = partialmethod(on_process, fact="is_local_main_process")
    on_last_process = partialmethod(on_process, fact="is_last_process")

    def on_local_process(self, function: Any = None, local_process_index: Any = None) -> Any:
        """Run ``function`` on the process of this number on its machine only."""
        return self.on_process(function, local_process_index, "local_process_index")


class PartialState(Ranks):
    """A view of this process. The first one joins the group; ``cpu`` keeps it off other devices."""

    backend = property(lambda self: self.process.backend)
    initialized = property(lambda _self: initialized())
    _reset_state = staticmethod(forget)

    def __init__(self, cpu: bool = False, **group: Any) -> None:
        current(cpu=cpu, **group)

    def destroy_process_group(self) -> None:
        """Leave the process group, if there is one."""
        if distributed.is_available() and distributed.is_initialized():
            time.sleep(_SETTLE)
            distributed.destroy_process_group()
        forget()


class AcceleratorState(PartialState):
    """The same, and the mixed precision: ``no``, ``bf16`` or ``fp16``.

    Raises ValueError if this process has settled on another one.
    """

    mixed_precision = property(lambda _self: _precision or "no")

    def __init__(self, mixed_precision: str | None = None, cpu: bool = False, **group: Any) -> None:
        global _precision
        super().__init__(cpu, **group)
        if _precision is None:
            _precision = mixed_precision or getattr(config.launched(), "mixed_precision", "no")
        elif mixed_precision not in (None, _precision):
            text = "AcceleratorState has already been initialized and cannot be changed, restart: "
            raise ValueError(f"{text}mixed_precision={_precision!r} is not {mixed_precision!r}")

    @staticmethod
    def _reset_state(reset_partial_state: bool = False) -> None:
        global _precision
        _precision = None
        if reset_partial_state:
            forget()


@dataclass
class GradientAccumulationPlugin:
    """``num_steps`` batches make one step. ``sync_with_dataloader``: the last batch steps too."""

    num_steps: int = 1
    adjust_scheduler: bool = True
    sync_with_dataloader: bool = True
    sync_each_batch: bool = False


@dataclass
class GradientState(GradientAccumulationPlugin):
    """How far gradients have come: whether the next step counts, and where the data is.

    ``dataloader_references``: those being iterated, innermost last. ``remainder``: samples of the
    last round that are no duplicates; 0 if all, -1 if unknown.
    """

    sync_gradients: bool = True
    dataloader_references: list[Any] = field(default_factory=lambda: [None])

    active_dataloader = property(lambda self: self.dataloader_references[-1])
    in_dataloader = property(lambda self: self.active_dataloader is not None)
    remainder = property(lambda self: getattr(self.active_dataloader, "remainder", -1))

    @property
    def end_of_dataloader(self) -> bool:
        return getattr(self.active_dataloader, "end_of_dataloader", False)

    @staticmethod
    def _reset_state() -> None:
        """Nothing to forget: every Accelerator has its own."""
