"""Views of the process and of the processes around it, and how far gradients have come."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from envcheck.accelerator.config import launched
from envcheck.accelerator.process import current, forget, initialized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_precision: str | None = None  # of the first Accelerator: the others of this process have the same


class Ranks:
    """What can be asked of, and done with, the processes that compute together."""

    process = property(lambda _self: current())
    device = property(lambda self: self.process.device)
    distributed_type = property(lambda self: self.process.distributed_type)
    num_processes = property(lambda self: self.process.count)
    process_index = property(lambda self: self.process.index)
    local_process_index = property(lambda self: self.process.local_index)
    use_distributed = property(lambda self: self.process.count > 1)
    is_main_process = property(lambda self: self.process.index == 0)
    is_local_main_process = property(lambda self: self.process.local_index == 0)
    is_last_process = property(lambda self: self.process.index == self.process.count - 1)

    def wait_for_everyone(self) -> None:
        """Return when every process has come here. Raises RuntimeError that names who has ended."""
        if self.process.count > 1:
            try:
                distributed.barrier()
            except RuntimeError as error:
                raise self.process.explain(error) from error

    def print(self, *args: Any, **kwargs: Any) -> None:
        """As ``print``, once for each machine."""
        if self.is_local_main_process:
            print(*args, **kwargs)

    @contextmanager
    def _first(self, is_first: bool) -> Iterator[None]:
        if not is_first:
            self.wait_for_everyone()
        try:
            yield
        finally:
            if is_first:
                self.wait_for_everyone()

    def main_process_first(self) -> Any:
        """A context in which the main process goes before all others."""
        return self._first(self.is_main_process)

    def local_main_process_first(self) -> Any:
        """A context in which the first process of each machine goes before its others."""
        return self._first(self.is_local_main_process)

    @contextmanager
    def split_between_processes(self, inputs: Any, apply_padding: bool = False) -> Iterator[Any]:
        """The part of ``inputs`` (list, tuple, tensor, or dict of those) for this process.

        Parts differ by at most one; ``apply_padding`` repeats the last item in shorter ones.
        """
        parts = inputs if isinstance(inputs, dict) else {"": inputs}
        sizes = {len(value) for value in parts.values()}
        if len(sizes) > 1:
            raise ValueError(f"split_between_processes: values of unequal lengths {sorted(sizes)}")
        each, extra = divmod(max(sizes, default=0), self.num_processes)
        start = self.process_index * each + min(self.process_index, extra)
        end = start + each + (self.process_index < extra)
        short = apply_padding and bool(extra) and end - start == each

        def part(values: Any) -> Any:
            mine = values[start:end]
            if not short:
                return mine
            last = values[-1:]
            return torch.cat([mine, last]) if isinstance(values, torch.Tensor) else mine + last

        if isinstance(inputs, dict):
            yield type(inputs)({key: part(value) for key, value in inputs.items()})
        else:
            yield part(inputs)

    def _only(self, function: Callable[..., Any], wanted: Callable[[], bool]) -> Callable[..., Any]:
        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs) if wanted() else None

        return run

    def on_process(self, function: Any = None, process_index: int | None = None) -> Any:
        """Run ``function`` on the process with this rank only; elsewhere it returns None."""
        if function is None:
            return partial(self.on_process, process_index=process_index)
        return self._only(function, lambda: self.process_index == process_index)

    def on_local_process(self, function: Any = None, local_process_index: int | None = None) -> Any:
        """The same by the number of the process on its machine."""
        if function is None:
            return partial(self.on_local_process, local_process_index=local_process_index)
        return self._only(function, lambda: self.local_process_index == local_process_index)

    def on_main_process(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run ``function`` on the main process only."""
        return self._only(function, lambda: self.is_main_process)

    def on_local_main_process(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run ``function`` on the first process of each machine only."""
        return self._only(function, lambda: self.is_local_main_process)

    def on_last_process(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run ``function`` on the last process only."""
        return self._only(function, lambda: self.is_last_process)


class PartialState(Ranks):
    """A view of this process. The first one joins the group; ``cpu`` keeps it off other devices."""

    def __init__(self, cpu: bool = False, **group: Any) -> None:
        current(cpu=cpu, **group)

    backend = property(lambda self: self.process.backend)
    initialized = property(lambda _self: initialized())

    @staticmethod
    def _reset_state() -> None:
        """Forget what was found out; a process group stays."""
        forget()

    def destroy_process_group(self) -> None:
        """Leave the process group, if there is one."""
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()
        self._reset_state()


class AcceleratorState(PartialState):
    """The same, and the mixed precision: ``no``, ``bf16`` or ``fp16``.

    Raises ValueError if this process has settled on another one.
    """

    def __init__(self, mixed_precision: str | None = None, cpu: bool = False, **group: Any) -> None:
        global _precision
        super().__init__(cpu, **group)
        if _precision is None:
            _precision = mixed_precision or getattr(launched(), "mixed_precision", "no")
        elif mixed_precision not in (None, _precision):
            raise ValueError(
                "AcceleratorState has already been initialized and cannot be changed: "
                f"mixed_precision is {_precision!r} here, so it cannot become {mixed_precision!r}. "
                "Restart the process, or pass the same to every Accelerator."
            )

    mixed_precision = property(lambda _self: _precision or "no")

    @staticmethod
    def _reset_state(reset_partial_state: bool = False) -> None:
        global _precision
        _precision = None
        if reset_partial_state:
            PartialState._reset_state()


class GradientState:
    """How far gradients have come: whether the next step counts, and where the data is.

    ``remainder``: samples of the last round that are no duplicates; 0 if all, -1 if unknown.
    """

    def __init__(self, plugin: Any = None) -> None:
        self.sync_gradients = True
        self.num_steps: int = getattr(plugin, "num_steps", None) or 1
        self.adjust_scheduler: bool = getattr(plugin, "adjust_scheduler", True)
        self.sync_with_dataloader: bool = getattr(plugin, "sync_with_dataloader", True)
        self.sync_each_batch: bool = getattr(plugin, "sync_each_batch", False)
        self.dataloader_references: list[Any] = [None]  # those being iterated, innermost last

    active_dataloader = property(lambda self: self.dataloader_references[-1])
    in_dataloader = property(lambda self: self.active_dataloader is not None)
    end_of_dataloader = property(
        lambda self: getattr(self.active_dataloader, "end_of_dataloader", False)
    )
    remainder = property(lambda self: getattr(self.active_dataloader, "remainder", -1))

    @staticmethod
    def _reset_state() -> None:
        """Nothing to forget: every Accelerator has its own."""
