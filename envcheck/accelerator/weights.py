"""Files of weights: safetensors where that is installed, else torch's format; in shards."""

from __future__ import annotations

import json
import os
import re
import warnings
from typing import Any

import torch

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


def has_safetensors() -> bool:
    """Whether safetensors can be imported."""
    try:
        import safetensors.torch  # noqa: F401
    except ImportError:
        return False
    return True


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


def read(directory: str, number: int, model: Any) -> dict[str, torch.Tensor]:
    """The weights of model ``number``. Raises RuntimeError if the file is damaged or of another."""
    from envcheck.accelerator import checkpointing

    paths = [os.path.join(directory, name(safe, number)) for safe in (True, False)]
    path = paths[0] if os.path.exists(paths[0]) else paths[1]
    if path == paths[1]:
        state = checkpointing.read(path)
    else:
        from safetensors.torch import load_file

        try:
            state = load_file(path)
        except Exception as error:
            raise RuntimeError(f"{path} is damaged: {error}") from error
    own = model.state_dict()
    tied = {_memory(tensor) for key, tensor in own.items() if key in state}
    wrong = [f"no {key}" for key in own if key not in state and _memory(own[key]) not in tied]
    wrong += [f"{key}, unknown here" for key in state if key not in own]
    wrong += [
        f"{key} is {tuple(value.shape)}, here {tuple(own[key].shape)}"
        for key, value in state.items()
        if key in own and value.shape != own[key].shape
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise RuntimeError(f"{path} is of another model: {'; '.join(wrong[:5])}{more}")
    return state


class Shards:
    """The files of one model. ``files``: their names, known after ``write``."""

    def __init__(self, safe: bool) -> None:
        self.safe = safe and has_safetensors()
        if safe and not self.safe:
            warnings.warn(
                f"safetensors is not installed: the weights go to {name(False)}, in torch's format",
                stacklevel=3,
            )
        self.files: set[str] = set()

    def write(self, state: dict[str, torch.Tensor], place: str, limit: int | str) -> None:
        """``state`` below ``place``, no file larger than ``limit``, but one tensor in each."""
        shards: list[dict[str, torch.Tensor]] = [{}]
        room = most = size_of(limit)
        for key, tensor in distinct(state).items():
            if shards[-1] and tensor.nbytes > room:
                shards.append({})
                room = most
            shards[-1][key] = tensor
            room -= tensor.nbytes
        index = {}
        for number, shard in enumerate(shards, start=1):
            part = f"-{number:05}-of-{len(shards):05}" if len(shards) > 1 else ""
            file = name(self.safe, 0, part)
            write(shard, os.path.join(place, file), self.safe)
            index.update(dict.fromkeys(shard, file))
        self.files = set(index.values()) or {name(self.safe)}
        if len(shards) > 1:
            total = sum(tensor.nbytes for shard in shards for tensor in shard.values())
            file = f"{name(self.safe)}.index.json"
            with open(os.path.join(place, file), "w", encoding="utf-8") as stream:
                document = {"metadata": {"total_size": total}, "weight_map": index}
                json.dump(document, stream, indent=2, sort_keys=True)
            self.files.add(file)

    def is_stale(self, file: str) -> bool:
        """Whether ``file`` is of weights that were saved there before."""
        stem, _, suffix = name(self.safe).partition(".")
        pattern = rf"{stem}(-\d{{5}}-of-\d{{5}})?\.{suffix}(\.index\.json)?"
        return file not in self.files and re.fullmatch(pattern, file) is not None


def size_of(size: int | str) -> int:
    """Bytes of ``10GB`` (10**9 each), ``5MiB`` or an integer. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]I?|)B?", str(size).upper())
    if match is None:
        raise ValueError(f"max_shard_size={size!r}: a number of bytes, or one with KB, MB, GB, GiB")
    return int(float(match.group(1)) * _UNITS[match.group(2)])
