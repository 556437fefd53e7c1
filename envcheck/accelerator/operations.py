"""Operations on tensors in nested containers, between processes, and on random generators.

Containers are lists, tuples (named ones too), mappings and dataclasses; they keep their types.
Between processes every tensor must have the same shape and dtype: what differs is an error that
says where, instead of a hang or of garbage.
"""

from __future__ import annotations

import copy
import dataclasses
import random
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any
from zlib import crc32

import torch
from torch import distributed

from envcheck.accelerator import devices, processes


def is_torch_tensor(value: Any) -> bool:
    """Whether it is a tensor."""
    return isinstance(value, torch.Tensor)


def is_namedtuple(data: Any) -> bool:
    """Whether it is a named tuple."""
    return isinstance(data, tuple) and hasattr(data, "_fields")


def honor_type(obj: Any, generator: Any) -> Any:
    """The items of ``generator`` in a list or tuple of the type of ``obj``."""
    return type(obj)(*generator) if is_namedtuple(obj) else type(obj)(generator)


def recursively_apply(
    func: Callable[..., Any], data: Any, *args: Any,
    test_type: Callable[[Any], bool] = is_torch_tensor, error_on_other_type: bool = False,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """``data`` with ``func`` applied to what ``test_type`` accepts; the rest stays as it is.

    With ``error_on_other_type`` anything else raises TypeError.
    """

    def apply(value: Any) -> Any:
        if test_type(value):
            return func(value, *args, **kwargs)
        if isinstance(value, (list, tuple)):
            return honor_type(value, map(apply, value))
        if isinstance(value, Mapping):
            items = {key: apply(item) for key, item in value.items()}
            if type(value) is dict or not isinstance(value, MutableMapping):
                return type(value)(items)  # type: ignore[call-arg]
            mapping = copy.copy(value)  # what it knows besides, a factory or encodings, stays
            mapping.update(items)
            return mapping
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changed = copy.copy(value)
            for field in dataclasses.fields(value):
                object.__setattr__(changed, field.name, apply(getattr(value, field.name)))
            return changed
        if error_on_other_type:
            text = f"Unsupported types ({type(value)}) passed to `{func.__name__}`. Only nested"
            text += " list/tuple/dicts of objects that are valid for"
            raise TypeError(f"{text} `{test_type.__name__}` should be passed.")
        return value

    return apply(data)


def tensors(data: Any) -> list[torch.Tensor]:
    """Every tensor in ``data``, in order."""
    found: list[torch.Tensor] = []
    recursively_apply(found.append, data)
    return found


def only_tensors(data: Any) -> bool:
    """Whether there is nothing but tensors in the containers of ``data``."""
    with suppress(TypeError):
        recursively_apply(torch.Tensor.detach, data, error_on_other_type=True)
        return True
    return False


def send_to_device(tensor: Any, device: Any, non_blocking: bool = False) -> Any:
    """``tensor``, or all in a container, on ``device``; objects with a ``to`` of their own too."""
    kind, where = type(tensor), (device, non_blocking)
    if kind is dict:  # what batches mostly are goes the short way: this runs in every step
        return {key: send_to_device(tensor[key], *where) for key in tensor}
    if kind is list or kind is tuple:
        return kind([send_to_device(item, *where) for item in tensor])
    if not hasattr(tensor, "to"):
        return recursively_apply(send_to_device, tensor, *where, test_type=_moves)
    try:
        return tensor.to(device, non_blocking=non_blocking)
    except TypeError:  # a `to` that takes a device only
        return tensor.to(device)


def _moves(value: Any) -> bool:
    return hasattr(value, "to")


def slice_tensors(data: Any, tensor_slice: slice) -> Any:
    """Every tensor in ``data`` cut along its first dimension."""
    return recursively_apply(lambda tensor: tensor[tensor_slice], data)


def convert_to_fp32(tensor: Any) -> Any:
    """Every fp16 or bf16 tensor as fp32."""
    if isinstance(tensor, torch.Tensor):
        return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
    return recursively_apply(convert_to_fp32, tensor)


def _together(operation: Callable[[torch.Tensor], Any], data: Any) -> Any:
    """``operation`` on every tensor, if there are other processes and all have the same."""
    here = processes.current()
    if here.count == 1:
        return data
    mine = [(tuple(tensor.shape), str(tensor.dtype)) for tensor in tensors(data)]
    marks = torch.zeros(here.count, dtype=torch.int64, device=here.device)
    marks[here.index] = crc32(repr(mine).encode())
    here.talk(distributed.all_reduce, marks)
    if len(set(marks.tolist())) == 1:
        return here.talk(recursively_apply, operation, data, error_on_other_type=True)
    shown = "; ".join(f"rank {rank}: {every}" for rank, every in enumerate(gather_object([mine])))
    raise ValueError(f"the processes have different tensors ({shown}): see pad_across_processes")


def gather(tensor: Any) -> Any:
    """Of shape (n, …) on each of N processes: shape (N*n, …) everywhere, in order of rank.

    Tensors without dimensions become one of length N.
    """

    def collect(own: torch.Tensor) -> torch.Tensor:
        own = own.contiguous() if own.ndim else own.reshape(1)
        parts = [torch.empty_like(own) for _ in range(processes.current().count)]
        distributed.all_gather(parts, own)
        return torch.cat(parts)

    return _together(collect, tensor)


def reduce(tensor: Any, reduction: str = "mean", scale: float = 1.0) -> Any:
    """``sum``, ``mean``, ``max`` over the processes, or ``none``; then times ``scale``."""
    if reduction not in ("sum", "mean", "max", "none"):
        raise ValueError(f"reduction={reduction!r}: one of sum, mean, max, none")

    def combine(own: torch.Tensor) -> torch.Tensor:
        total, kinds = own.clone(), distributed.ReduceOp
        distributed.all_reduce(total, kinds.MAX if reduction == "max" else kinds.SUM)
        return total / processes.current().count if reduction == "mean" else total

    result = tensor if reduction == "none" else _together(combine, tensor)
    return result if scale == 1 else recursively_apply(lambda own: own * scale, result)


def broadcast(tensor: Any, from_process: int = 0) -> Any:
    """What process ``from_process`` has, everywhere; the others give tensors of the same shape."""

    def send(own: torch.Tensor) -> torch.Tensor:
        own = own.contiguous()
        distributed.broadcast(own, src=from_process)
        return own

    return _together(send, tensor)


def pad_across_processes(
    tensor: Any, dim: int = 0, pad_index: int = 0, pad_first: bool = False
) -> Any:
    """Every tensor filled up with ``pad_index`` along ``dim`` to the longest on any process."""

    def pad(own: torch.Tensor) -> torch.Tensor:
        if not -own.ndim <= dim < own.ndim:
            return own
        shape = list(own.shape)
        shape[dim] = max(gather_object([shape[dim]])) - shape[dim]
        parts = [own, own.new_full(shape, pad_index)]
        return torch.cat(parts[::-1] if pad_first else parts, dim=dim) if shape[dim] else own

    alone = processes.current().count == 1
    return tensor if alone else recursively_apply(pad, tensor, error_on_other_type=True)


def gather_object(object: Any) -> Any:  # noqa: A002
    """The lists of all processes as one list, in order of rank. Raises TypeError for no list."""
    here = processes.current()
    if here.count == 1:
        return object
    if not isinstance(object, (list, tuple)):
        raise TypeError(f"gather_object joins lists, and cannot join {type(object).__name__}")
    every: list[Any] = [None] * here.count
    here.talk(distributed.all_gather_object, every, object)
    return [item for part in every for item in part]


def broadcast_object_list(object_list: list[Any], from_process: int = 0) -> list[Any]:
    """``object_list`` with the objects of process ``from_process``, changed in place."""
    here = processes.current()
    if here.count > 1:
        here.talk(distributed.broadcast_object_list, object_list, src=from_process)
    return object_list


def set_seed(seed: int, device_specific: bool = False, deterministic: bool = False) -> None:
    """Seed Python's, NumPy's and torch's generators; ``device_specific`` adds the rank."""
    seed += processes.current().index if device_specific else 0
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    torch.manual_seed(seed)  # of every device
    if deterministic:
        torch.use_deterministic_algorithms(True)


def capture(generators: Iterable[Any] = ()) -> dict[str, Any]:
    """The states of all generators, and of these, as values that ``weights_only`` accepts.

    Of devices only that of this process: asking another would start its runtime.
    """
    states: dict[str, Any] = {"python": random.getstate(), "torch": torch.get_rng_state()}
    states["generators"] = [one.get_state() if one is not None else None for one in generators]
    if "numpy" in sys.modules:
        kind, keys, *rest = sys.modules["numpy"].random.get_state()
        states["numpy"] = (kind, keys.tolist(), *rest)
    kind = processes.current().device.type
    if kind in devices.BACKENDS:
        states[kind] = getattr(torch, kind).get_rng_state()
    return states


def restore(states: dict[str, Any], generators: Iterable[Any] = ()) -> None:
    """Put back what ``capture`` returned. Raises what torch says of a state that does not fit."""
    random.setstate(states["python"])
    torch.set_rng_state(states["torch"])
    for one, kept in zip(generators, states["generators"]):  # noqa: B905  # Python 3.9
        if one is not None and kept is not None:
            one.set_state(kept)
    if "numpy" in states and "numpy" in sys.modules:
        sys.modules["numpy"].random.set_state(states["numpy"])
    kind = processes.current().device.type
    if kind in devices.BACKENDS and kind in states:
        getattr(torch, kind).set_rng_state(states[kind])


def synchronize_rng_states(rng_types: Iterable[str], generator: Any = None) -> None:
    """Give every process the first one's state of these: ``torch cuda xpu npu generator``."""
    here = processes.current()
    for rng_type in rng_types if here.count > 1 else ():
        kind = str(getattr(rng_type, "value", rng_type))
        source = {"torch": torch, "generator": generator}.get(kind, getattr(torch, kind, None))
        if source is not None:
            name = "state" if kind == "generator" else "rng_state"
            own = getattr(source, f"get_{name}")().to(here.device)
            getattr(source, f"set_{name}")(broadcast(own).cpu())
        elif kind != "generator":
            raise ValueError(f"rng_types: torch has no generator {kind!r}")
