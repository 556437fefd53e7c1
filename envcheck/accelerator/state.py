"""Views of the process and of the processes around it, and how far gradients have come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import torch
from torch import distributed

from envcheck.accelerator.config import launched
from envcheck.accelerator.options import GradientAccumulationPlugin
from envcheck.accelerator.process import DistributedType, current, forget, initialized

_precision: str | None = None  # of the first Accelerator: the others of this process have the same
_TYPES = {"cpu": "MULTI_CPU", "cuda": "MULTI_GPU", "xpu": "MULTI_XPU", "npu": "MULTI_NPU"}


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
    def distributed_type(self) -> DistributedType:
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

    def local_main_process_first(self) -> Any:
        """A context in which the first process of each machine goes before its others."""
        return self.main_process_first(local=True)

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
            pieces = [values[start:end], values[-1:]] if pad else [values[start:end]]
            tensor = isinstance(values, torch.Tensor)
            parts[key] = torch.cat(pieces) if tensor else sum(pieces[1:], pieces[0])
        yield type(inputs)(parts) if isinstance(inputs, dict) else parts[""]

    def _only(self, function: Callable[..., Any], name: str, value: Any = True) -> Any:
        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs) if getattr(self, name) == value else None

        return run

    def on_main_process(self, function: Callable[..., Any]) -> Any:
        """Run ``function`` on the main process only; elsewhere it returns None."""
        return self._only(function, "is_main_process")

    def on_local_main_process(self, function: Callable[..., Any]) -> Any:
        """Run ``function`` on the first process of each machine only."""
        return self._only(function, "is_local_main_process")

    def on_last_process(self, function: Callable[..., Any]) -> Any:
        """Run ``function`` on the last process only."""
        return self._only(function, "is_last_process")

    def on_process(self, function: Any = None, process_index: int | None = None) -> Any:
        """Run ``function`` on the process of this rank only."""
        if function is None:
            return partial(self.on_process, process_index=process_index)
        return self._only(function, "process_index", process_index)


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
            _precision = mixed_precision or getattr(launched(), "mixed_precision", "no")
        elif mixed_precision not in (None, _precision):
            raise ValueError(
                "AcceleratorState has already been initialized and cannot be changed from "
                f"mixed_precision={_precision!r} to {mixed_precision!r}: restart the process"
            )

    @staticmethod
    def _reset_state(reset_partial_state: bool = False) -> None:
        global _precision
        _precision = None
        if reset_partial_state:
            forget()


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
    end_of_dataloader = property(
        lambda self: getattr(self.active_dataloader, "end_of_dataloader", False)
    )
    remainder = property(lambda self: getattr(self.active_dataloader, "remainder", -1))

    @staticmethod
    def _reset_state() -> None:
        """Nothing to forget: every Accelerator has its own."""
