"""Where programs written for Accelerate import its functions from; most live beside this file."""

from __future__ import annotations

from typing import Any

import torch

from envcheck import accelerator
from envcheck.accelerator import operations, stepping

extract_model_from_parallel = stepping.unwrap
convert_outputs_to_fp32 = stepping.MixedForward


def __getattr__(name: str) -> object:
    return getattr(accelerator, name)


def is_namedtuple(data: Any) -> bool:
    """Whether it is a named tuple."""
    return isinstance(data, tuple) and hasattr(data, "_fields")


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
