"""Mixed precision around a model's ``forward``: autocast in it, fp32 out of it."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from envcheck.accelerator.operations import convert_to_fp32


class MixedForward:
    """``forward`` of a model in autocast; what it returns in fp16 or bf16 becomes fp32.

    An attribute of the model, which stays the same object and can be copied and pickled with it.
    """

    def __init__(self, forward: Any, device: str, dtype: torch.dtype, options: dict[str, Any]):
        functools.update_wrapper(self, forward)
        self.forward = forward
        self.context = {"device_type": device, "dtype": dtype, **options}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(**self.context):
            result = self.forward(*args, **kwargs)
        return convert_to_fp32(result)


def wrap(model: Any, device: str, dtype: torch.dtype, options: dict[str, Any]) -> None:
    """Make the model's ``forward`` a MixedForward, once."""
    if not isinstance(model.forward, MixedForward):
        model.forward = MixedForward(model.forward, device, dtype, options)


def unwrap(model: Any, keep_fp32_wrapper: bool = True, keep_torch_compile: bool = True) -> Any:
    """The module that was prepared, out of what distributes it; with ``keep_torch_compile`` false
    out of what compiles it too. ``keep_fp32_wrapper`` false restores its own ``forward``.
    """
    compiled = getattr(model, "_orig_mod", None)
    inner = model if compiled is None else compiled
    if isinstance(inner, DistributedDataParallel):
        inner = inner.module
        if compiled is not None and keep_torch_compile:
            model.__dict__["_orig_mod"] = inner
    deepest = getattr(inner, "_orig_mod", inner)
    if not keep_fp32_wrapper and isinstance(deepest.__dict__.get("forward"), MixedForward):
        del deepest.forward
    if keep_torch_compile:
        return inner if compiled is None else model
    return deepest


extract_model_from_parallel = unwrap
