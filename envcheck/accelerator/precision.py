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

    def __init__(self, forward: Any, **autocast: Any) -> None:
        functools.update_wrapper(self, forward)
        self.forward = forward
        self.autocast = autocast

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(**self.autocast):
            result = self.forward(*args, **kwargs)
        return convert_to_fp32(result)


def unwrap(model: Any, keep_fp32_wrapper: bool = True, keep_torch_compile: bool = True) -> Any:
    """The model that was prepared, out of what distributes it; with ``keep_torch_compile`` false
    out of what compiles it too. ``keep_fp32_wrapper`` false restores its own ``forward``.
    """
    if isinstance(model, DistributedDataParallel):
        model = model.module
    inner = getattr(model, "_orig_mod", model)
    if isinstance(inner, DistributedDataParallel):  # compiled from outside
        model = inner = inner.module
    if not keep_fp32_wrapper and isinstance(inner.__dict__.get("forward"), MixedForward):
        del inner.forward
    return model if keep_torch_compile else inner
