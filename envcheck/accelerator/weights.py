"""Files of weights: safetensors where that is installed, else torch's format; in shards."""

from __future__ import annotations

import json
import os
import re
import warnings
from typing import Any

import torch

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


def is_safe(wanted: bool) -> bool:
    """Whether safetensors is wanted and there; says so if it is wanted and not there."""
    try:
        import safetensors.torch
    except ImportError:
        if wanted:
            text = "safetensors is not installed: weights are written in torch's own format, as "
            warnings.warn(f"{text}{name(False)}", stacklevel=4)
        return False
    return wanted and bool(safetensors.torch)


def name(safe: bool, number: int = 0, shard: str = "") -> str:
    """``model.safetensors``, ``model_1.safetensors``, ``model-00001-of-00002.safetensors`` …"""
    stem, suffix = ("model", "safetensors") if safe else ("pytorch_model", "bin")
    return f"{stem}{f'_{number}' if number else ''}{shard}.{suffix}"


def _memory(tensor: torch.Tensor) -> Any:
    return (tensor.device, tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)


def distinct(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of ``state`` without those that share their memory with an earlier one."""
    if any(tensor.is_meta for tensor in state.values()):
        raise RuntimeError("weights on the meta device have no values to save")
    first: dict[Any, str] = {}
    kept = {}
    for key, tensor in state.items():
        if not tensor.numel() or first.setdefault(_memory(tensor), key) == key:
            part = tensor.untyped_storage().nbytes() != tensor.nbytes
            kept[key] = tensor.clone() if part else tensor.contiguous()
    return kept


def write(obj: Any, path: Any, safe: bool) -> None:
    """``obj`` to ``path``; as safetensors, the distinct tensors of a state dict."""
    if not safe:
        torch.save(obj, path)
        return
    from safetensors.torch import save_file

    save_file(distinct(obj), path, metadata={"format": "pt"})


def compare(state: dict[str, torch.Tensor], model: Any, path: str) -> None:
    """Raise RuntimeError if ``state`` was not saved from such a model."""
    own = model.state_dict()
    tied = {_memory(tensor) for key, tensor in own.items() if key in state}
    wrong = [f"no {key}" for key in own if key not in state and _memory(own[key]) not in tied]
    for key, value in state.items():
        here = tuple(own[key].shape) if key in own else "unknown"
        if here != tuple(value.shape):
            wrong.append(f"{key} is {tuple(value.shape)}, here {here}")
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise RuntimeError(f"{path} is of another model: {'; '.join(wrong[:5])}{more}")


def write_shards(state: Any, place: str, safe: bool, limit: int | str) -> None:
    """``state`` below ``place``, each file at most ``limit`` long unless one tensor is longer."""
    most, shards = size_of(limit), [{}]  # type: int, list[dict[str, torch.Tensor]]
    for key, tensor in distinct(state).items():
        if shards[-1] and tensor.nbytes + sum(t.nbytes for t in shards[-1].values()) > most:
            shards.append({})
        shards[-1][key] = tensor
    index = {}
    for number, shard in enumerate(shards, start=1):
        part = f"-{number:05}-of-{len(shards):05}" if len(shards) > 1 else ""
        write(shard, os.path.join(place, name(safe, 0, part)), safe)
        index.update(dict.fromkeys(shard, name(safe, 0, part)))
    if len(shards) > 1:
        total = sum(tensor.nbytes for shard in shards for tensor in shard.values())
        with open(os.path.join(place, f"{name(safe)}.index.json"), "w", encoding="utf-8") as stream:
            document = {"metadata": {"total_size": total}, "weight_map": index}
            json.dump(document, stream, indent=2, sort_keys=True)


def is_shard(file: str) -> bool:
    """Whether ``save_model`` gives files such names."""
    shapes = [rf"{stem}(-\d{{5}}-of-\d{{5}})?\.{suffix}(\.index\.json)?"
              for stem, suffix in (("model", "safetensors"), ("pytorch_model", "bin"))]  # fmt: skip
    return any(re.fullmatch(shape, file) for shape in shapes)


def size_of(size: int | str) -> int:
    """Bytes of ``10GB`` (10**9 each), ``5MiB`` or an integer. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]I?|)B?", str(size).upper())
    if match is None:
        raise ValueError(f"max_shard_size={size!r}: a number of bytes, or one with KB, MB, GB, GiB")
    return int(float(match.group(1)) * _UNITS[match.group(2)])
