"""Where programs written for Accelerate import its functions from; most live beside this file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import torch

from envcheck import accelerator
from envcheck.accelerator import devices, operations, processes, stepping, weights

extract_model_from_parallel = stepping.unwrap
convert_outputs_to_fp32 = stepping.MixedForward


def __getattr__(name: str) -> object:
    return getattr(accelerator, name)


def listify(data: Any) -> Any:
    """Every tensor in ``data`` as numbers in lists."""
    return operations.recursively_apply(torch.Tensor.tolist, data)


def find_device(data: Any) -> Any:
    """The device of the first tensor in ``data``, or None."""
    return next((tensor.device for tensor in operations.tensors(data)), None)


def find_batch_size(data: Any) -> Any:
    """The length of the first tensor in ``data``, or None."""
    return next((len(tensor) for tensor in operations.tensors(data) if tensor.ndim), None)


def concatenate(data: Any, dim: int = 0) -> Any:
    """One of several containers that are alike, of their tensors joined along ``dim``."""
    columns = zip(*map(operations.tensors, data))  # noqa: B905  # Python 3.9
    joined = (torch.cat(column, dim=dim) for column in columns)
    return operations.recursively_apply(
        lambda _first: next(joined), data[0], error_on_other_type=len(data) > 1
    )


def pad_input_tensors(tensor: Any, batch_size: int, num_processes: int, dim: int = 0) -> Any:
    """Tensors that are ``batch_size`` long, repeating the last entry until processes divide it."""

    def pad(own: torch.Tensor) -> torch.Tensor:
        missing = -batch_size % num_processes
        if own.ndim <= dim or own.shape[dim] != batch_size or not missing:
            return own
        return torch.cat([own, *[own.narrow(dim, batch_size - 1, 1)] * missing], dim=dim)

    return operations.recursively_apply(pad, tensor, error_on_other_type=True)


def save(
    obj: Any, f: Any, save_on_each_node: bool = False, safe_serialization: bool = False
) -> None:
    """Write ``obj`` on the main process (of each machine)."""
    state = processes.PartialState()
    if state.is_local_main_process if save_on_each_node else state.is_main_process:
        weights.write(obj, f, safe_serialization)


@contextmanager
def patch_environment(**variables: Any) -> Iterator[None]:
    """A context with these environment variables, their names in upper case."""
    named = {name.upper(): str(value) for name, value in variables.items()}
    before = {name: os.environ.get(name) for name in named}
    os.environ.update(named)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})


def is_bf16_available(ignore_tpu: bool = False) -> bool:
    """Whether the device computes in bf16, be it emulated."""
    del ignore_tpu
    return devices.support(processes.current().device, "bf16")[0] != "none"


def find_executable_batch_size(function: Any = None, starting_batch_size: int = 128) -> Any:
    """``function(batch_size, …)``, tried with halves of ``starting_batch_size`` until it fits.

    Raises RuntimeError if not even 1 does. What is no lack of memory is raised as it is.
    """
    if function is None:
        return partial(find_executable_batch_size, starting_batch_size=starting_batch_size)

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        size = starting_batch_size
        while size:
            try:
                return function(size, *args, **kwargs)
            except (RuntimeError, MemoryError) as error:
                if not (isinstance(error, MemoryError) or "out of memory" in str(error).lower()):
                    raise
            size //= 2
        raise RuntimeError("No executable batch size found, reached zero.")

    return run
