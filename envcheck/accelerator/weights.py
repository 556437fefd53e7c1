"""Files of weights: safetensors where that is installed, else torch's format; in shards."""

from __future__ import annotations

import json
import os
import pickle
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


def name(safe: bool, shard: str = "") -> str:
    """``model.safetensors``, ``model-00001-of-00002.safetensors`` … or torch's names."""
    return f"model{shard}.safetensors" if safe else f"pytorch_model{shard}.bin"


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


def read(path: str, **options: Any) -> Any:
    """What was written to ``path``, on the CPU; of types that torch trusts, unless ``options`` say
    ``weights_only=False``.

    Raises FileNotFoundError, RuntimeError for a damaged file, pickle.UnpicklingError for others.
    """
    types: list[str] = []
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, **{"map_location": "cpu", "weights_only": True, **options})
    except (FileNotFoundError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and "Unsupported global" in str(error):
            types = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
        if not types:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise RuntimeError(f"{path} is damaged: {reason}") from error
        short = ", ".join(name.rpartition(".")[2] for name in types)
        raise pickle.UnpicklingError(
            f"{path} holds {', '.join(types)}, and loading that may run code. If you trust it: "
            f"torch.serialization.add_safe_globals([{short}]); if you trust the whole file: "
            'load_state(..., load_kwargs={"weights_only": False})'
        ) from error


def compare(state: Any, one: Any, path: str) -> None:
    """Raise RuntimeError if ``state`` was not saved from such a model or optimizer."""
    if isinstance(one, torch.optim.Optimizer):
        groups = (state.get("param_groups", ()), one.param_groups)
        saved, here = ([len(group["params"]) for group in each] for each in groups)
        wrong = [] if saved == here else [f"groups of {saved} parameters, here {here}"]
    elif isinstance(one, torch.nn.Module):
        own = one.state_dict()
        tied = {_memory(tensor) for key, tensor in own.items() if key in state}
        wrong = [f"no {key}" for key in own if key not in state and _memory(own[key]) not in tied]
        shapes = {key: tuple(tensor.shape) for key, tensor in own.items()}
        for key, tensor in state.items():
            if tuple(tensor.shape) != shapes.get(key):
                wrong.append(f"{key} is {tuple(tensor.shape)}, here {shapes.get(key, 'unknown')}")
    else:
        return
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise RuntimeError(
            f"{path} is of another {type(one).__name__}: {'; '.join(wrong[:5])}{more}"
        )


def write_shards(place: str, state: Any, limit: int | str, safe: bool) -> None:
    """``state`` below ``place``, each file at most ``limit`` long unless one tensor is longer."""
    most, shards = size_of(limit), [{}]  # type: int, list[dict[str, torch.Tensor]]
    for key, tensor in distinct(state).items():
        if shards[-1] and tensor.nbytes + sum(t.nbytes for t in shards[-1].values()) > most:
            shards.append({})
        shards[-1][key] = tensor
    index = {}
    for number, shard in enumerate(shards, start=1):
        part = f"-{number:05}-of-{len(shards):05}" if len(shards) > 1 else ""
        write(shard, os.path.join(place, name(safe, part)), safe)
        index.update(dict.fromkeys(shard, name(safe, part)))
    if len(shards) > 1:
        total = sum(tensor.nbytes for shard in shards for tensor in shard.values())
        with open(os.path.join(place, f"{name(safe)}.index.json"), "w", encoding="utf-8") as stream:
            document = {"metadata": {"total_size": total}, "weight_map": index}
            json.dump(document, stream, indent=2, sort_keys=True)


def is_shard(file: str) -> bool:
    """Whether ``save_model`` gives files such names."""
    kind = r"(pytorch_model(-\d{5}-of-\d{5})?\.bin|model(-\d{5}-of-\d{5})?\.safetensors)"
    return re.fullmatch(kind + r"(\.index\.json)?", file) is not None


def size_of(size: int | str) -> int:
    """Bytes of ``10GB`` (10**9 each), ``5MiB`` or an integer. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]I?|)B?", str(size).upper())
    if match is None:
        raise ValueError(f"max_shard_size={size!r}: a number of bytes, or one with KB, MB, GB, GiB")
    return int(float(match.group(1)) * _UNITS[match.group(2)])
