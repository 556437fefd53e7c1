"""Operations on tensors in nested containers, and between processes.

Containers are lists, tuples (named ones too), mappings and dataclasses; they keep their types.
Between processes every tensor must have the same shape and dtype: what differs is an error that
says where, instead of a hang or of garbage.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any
from zlib import crc32

import torch
from torch import distributed

from envcheck.accelerator import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def is_torch_tensor(value: Any) -> bool:
    """Whether it is a tensor."""
    return isinstance(value, torch.Tensor)


def is_namedtuple(value: Any) -> bool:
    """Whether it is a tuple with named fields."""
    return isinstance(value, tuple) and hasattr(value, "_asdict") and hasattr(value, "_fields")


def honor_type(container: Any, values: Any) -> Any:
    """``values`` as a list or tuple of the type of ``container``."""
    return type(container)(*values) if is_namedtuple(container) else type(container)(values)


def recursively_apply(
    func: Callable[..., Any],
    data: Any,
    *args: Any,
    test_type: Callable[[Any], bool] = is_torch_tensor,
    error_on_other_type: bool = False,
    **kwargs: Any,
) -> Any:
    """``data`` with ``func`` applied to what ``test_type`` accepts; the rest stays as it is.

    With ``error_on_other_type`` anything else raises TypeError.
    """

    def apply(value: Any) -> Any:
        if test_type(value):
            return func(value, *args, **kwargs)
        if isinstance(value, (list, tuple)):
            return honor_type(value, map(apply, value))
        if isinstance(value, Mapping):
            return type(value)({key: apply(item) for key, item in value.items()})
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changed = copy.copy(value)
            for field in dataclasses.fields(value):
                object.__setattr__(changed, field.name, apply(getattr(value, field.name)))
            return changed
        if error_on_other_type:
            name = getattr(func, "__name__", "this operation")
            raise TypeError(
                f"{name} takes tensors in lists, tuples, mappings or dataclasses, not "
                f"{type(value).__name__}"
            )
        return value

    return apply(data)


def only_tensors(data: Any) -> bool:
    """Whether there is nothing but tensors in the containers of ``data``."""
    try:
        recursively_apply(lambda tensor: tensor, data, error_on_other_type=True)
    except TypeError:
        return False
    return True


def tensors(data: Any) -> Iterator[torch.Tensor]:
    """Every tensor in ``data``, in order."""
    found: list[torch.Tensor] = []
    recursively_apply(found.append, data)
    yield from found


def send_to_device(
    tensor: Any, device: Any, non_blocking: bool = False, skip_keys: Any = ()
) -> Any:
    """``tensor``, or all in a container, on ``device``; objects with a ``to`` of their own too."""

    def send(value: Any) -> Any:
        try:
            return value.to(device, non_blocking=non_blocking)
        except TypeError:  # a `to` that takes a device only
            return value.to(device)

    if skip_keys and isinstance(tensor, Mapping):
        skipped = {skip_keys} if isinstance(skip_keys, str) else set(skip_keys)
        sent = {k: v if k in skipped else send_to_device(v, device) for k, v in tensor.items()}
        return type(tensor)(sent)
    return recursively_apply(send, tensor, test_type=lambda value: hasattr(value, "to"))


def find_batch_size(data: Any) -> int | None:
    """The first dimension of the first tensor that has one; None if there is none."""
    return next((int(tensor.shape[0]) for tensor in tensors(data) if tensor.ndim), None)


def find_device(data: Any) -> torch.device | None:
    """The device of the first tensor; None if there is none."""
    return next((tensor.device for tensor in tensors(data)), None)


def slice_tensors(data: Any, tensor_slice: slice, **_kwargs: Any) -> Any:
    """Every tensor in ``data`` cut along its first dimension."""
    return recursively_apply(lambda tensor: tensor[tensor_slice], data)


def listify(data: Any) -> Any:
    """Every tensor in ``data`` as plain lists and numbers."""
    return recursively_apply(
        lambda tensor: (
            tensor.detach().cpu().float().tolist()
            if tensor.dtype == torch.bfloat16
            else tensor.tolist()
        ),
        data,
    )


def concatenate(data: Any, dim: int = 0) -> Any:
    """Batches of equal structure as one. Raises TypeError for what is no tensor."""
    first = data[0]
    if isinstance(first, torch.Tensor):
        return torch.cat(list(data), dim=dim)
    if isinstance(first, (list, tuple)):
        return honor_type(first, (concatenate(items, dim) for items in zip(*data)))  # noqa: B905
    if isinstance(first, Mapping):
        return type(first)({key: concatenate([d[key] for d in data], dim) for key in first})
    raise TypeError(f"cannot concatenate batches of {type(first).__name__}: not tensors")


def convert_to_fp32(tensor: Any) -> Any:
    """Every fp16 or bf16 tensor as fp32."""
    half = (torch.float16, torch.bfloat16)
    return recursively_apply(
        torch.Tensor.float, tensor, test_type=lambda v: is_torch_tensor(v) and v.dtype in half
    )


def convert_outputs_to_fp32(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, returning fp32 where it returned fp16 or bf16."""

    @wraps(function)
    def convert(*args: Any, **kwargs: Any) -> Any:
        return convert_to_fp32(function(*args, **kwargs))

    return convert


def _agree(what: str, data: Any) -> None:
    """Raise ValueError if this process has other shapes or dtypes than another. A collective."""
    mine = [(tuple(tensor.shape), str(tensor.dtype)) for tensor in tensors(data)]
    here = process.current()
    mark = torch.tensor([crc32(repr(mine).encode())], device=here.device)
    marks = [torch.empty_like(mark) for _ in range(here.count)]
    distributed.all_gather(marks, mark)
    if all(torch.equal(other, mark) for other in marks):
        return
    every: list[Any] = [None] * here.count
    distributed.all_gather_object(every, mine)
    shown = "; ".join(f"rank {rank}: {shapes}" for rank, shapes in enumerate(every))
    raise ValueError(
        f"{what}: the processes have different tensors. {shown}. pad_across_processes makes "
        "shapes equal; gather_object takes anything."
    )


def _together(what: str, data: Any, operation: Callable[[torch.Tensor], Any]) -> Any:
    """``operation`` on every tensor, if there are others and all have the same."""
    here = process.current()
    if here.count == 1:
        return data
    try:
        _agree(what, data)
        return recursively_apply(operation, data, error_on_other_type=True)
    except RuntimeError as error:
        raise here.explain(error) from error


def gather(tensor: Any) -> Any:
    """Of shape (n, …) on each of N processes: shape (N*n, …) everywhere, in order of rank.

    Tensors without dimensions become one of length N.
    """

    def collect(own: torch.Tensor) -> torch.Tensor:
        own = own.contiguous() if own.ndim else own.reshape(1)
        parts = [torch.empty_like(own) for _ in range(process.current().count)]
        distributed.all_gather(parts, own)
        return torch.cat(parts)

    return _together("gather", tensor, collect)


def gather_object(object: Any) -> Any:  # noqa: A002
    """The lists of all processes as one list, in order of rank."""
    here = process.current()
    if here.count == 1:
        return object
    every: list[Any] = [None] * here.count
    try:
        distributed.all_gather_object(every, object)
    except RuntimeError as error:
        raise here.explain(error) from error
    return [item for part in every for item in part]


def reduce(tensor: Any, reduction: str = "mean", scale: float = 1.0) -> Any:
    """Sum (``sum``) or mean (``mean``) over the processes; ``none`` changes nothing.

    ``scale`` is for one process and for XLA in Accelerate, and has no effect here either.
    """
    del scale
    if reduction not in ("sum", "mean", "none"):
        raise ValueError(f"reduction={reduction!r}: one of sum, mean, none")

    def combine(own: torch.Tensor) -> torch.Tensor:
        total = own.clone()
        distributed.all_reduce(total)
        return total / process.current().count if reduction == "mean" else total

    return tensor if reduction == "none" else _together("reduce", tensor, combine)


def broadcast(tensor: Any, from_process: int = 0) -> Any:
    """What process ``from_process`` has, everywhere; the others give tensors of the same shape."""

    def send(own: torch.Tensor) -> torch.Tensor:
        own = own.contiguous()
        distributed.broadcast(own, src=from_process)
        return own

    return _together("broadcast", tensor, send)


def broadcast_object_list(object_list: list[Any], from_process: int = 0) -> list[Any]:
    """``object_list`` with the objects of process ``from_process``, changed in place."""
    here = process.current()
    if here.count > 1:
        try:
            distributed.broadcast_object_list(object_list, src=from_process)
        except RuntimeError as error:
            raise here.explain(error) from error
    return object_list


def pad_across_processes(
    tensor: Any, dim: int = 0, pad_index: int = 0, pad_first: bool = False
) -> Any:
    """Every tensor filled up with ``pad_index`` along ``dim`` to the longest on any process."""
    here = process.current()
    if here.count == 1:
        return tensor

    def pad(own: torch.Tensor) -> torch.Tensor:
        if dim >= own.ndim or dim < -own.ndim:
            return own
        sizes = gather(torch.tensor([own.shape[dim]], device=here.device))
        missing = int(sizes.max()) - own.shape[dim]
        if missing == 0:
            return own
        shape = list(own.shape)
        shape[dim] = missing
        filler = own.new_full(shape, pad_index)
        return torch.cat([filler, own] if pad_first else [own, filler], dim=dim)

    return recursively_apply(pad, tensor, error_on_other_type=True)


def pad_input_tensors(tensor: Any, batch_size: int, num_processes: int, dim: int = 0) -> Any:
    """Every tensor whose ``dim`` is ``batch_size`` made divisible, by repeating the last entry."""

    def pad(own: torch.Tensor) -> torch.Tensor:
        missing = -batch_size % num_processes
        if own.ndim <= dim or own.shape[dim] != batch_size or not missing:
            return own
        last = own.narrow(dim, batch_size - 1, 1)
        return torch.cat([own, *[last] * missing], dim=dim)

    return recursively_apply(pad, tensor, error_on_other_type=True)
