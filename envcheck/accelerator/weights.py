"""Files of weights and of other states: written, read without running what is in them, compared.

Weights go to safetensors where that is installed, else to torch's format; large ones in shards.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import warnings
import zipfile
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import torch

#: Names of what save_model writes, and save_state.
SHARDS = re.compile(
    r"(pytorch_model(-\d{5}-of-\d{5})?\.bin|model(-\d{5}-of-\d{5})?\.safetensors)(\.index\.json)?"
)
STATES = re.compile(
    r"(pytorch_)?model(_\d+)?\.(bin|safetensors)|(optimizer|scheduler)(_\d+)?\.bin|scaler\.pt"
    r"|(custom_checkpoint|random_states)_\d+\.pkl"
)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


def is_safe(wanted: bool) -> bool:
    """Whether safetensors is wanted and there; says so if it is wanted and not there."""
    there = find_spec("safetensors") is not None
    if wanted and not there:
        text = "safetensors is not installed: weights are written in torch's own format, as "
        warnings.warn(f"{text}{file_name(False)}", stacklevel=4)
    return wanted and there


def file_name(safe: bool, shard: str = "") -> str:
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
    if safe:
        from safetensors.torch import save_file

        save_file(distinct(obj), path, metadata={"format": "pt"})
    else:
        torch.save(obj, path)


def read(path: str, **options: Any) -> Any:
    """What was written to ``path``, on the CPU; of types that torch trusts, unless ``options`` say
    ``weights_only=False``.

    Raises FileNotFoundError, RuntimeError for a damaged file, pickle.UnpicklingError for others.
    """
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(path)
        if zipfile.is_zipfile(path) and (broken := zipfile.ZipFile(path).testzip()):
            raise ValueError(f"{broken} has changed since it was written")  # torch does not look
        return torch.load(path, **{"map_location": "cpu", "weights_only": True, **options})
    except (FileNotFoundError, ImportError):
        raise
    except Exception as error:
        types = re.findall(r"(?i)unsupported global:? (?:global )?([\w.]+)", str(error))
        with suppress(Exception):  # all of them, where the format tells
            types = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path)) or types
        if not types or not isinstance(error, pickle.UnpicklingError):
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise RuntimeError(f"{path} is damaged: {reason}") from error
        short = ", ".join(name.rpartition(".")[2] for name in types)
        text = f"{path} holds {', '.join(types)}, and loading that may run code. If you trust it:"
        text += f" torch.serialization.add_safe_globals([{short}]); if you trust the whole file:"
        text += ' load_state(..., load_kwargs={"weights_only": False})'
        raise pickle.UnpicklingError(text) from error


def put(state: Any, one: Any) -> None:
    """``one.load_state_dict(state)``. Raises RuntimeError for what torch does not look at."""
    own = one.state_dict()
    if own and not set(own) & set(state):
        raise RuntimeError(f"it has nothing that a {type(one).__name__} has")
    if not isinstance(one, torch.optim.Optimizer):
        one.load_state_dict(state)
        return
    saved, here = ([len(group["params"]) for group in s["param_groups"]] for s in (state, own))
    if saved != here:
        raise RuntimeError(f"groups of {saved} parameters, here {here}")
    one.load_state_dict(state)
    if lost := set(own["param_groups"][0]) - set(one.param_groups[0]):
        raise RuntimeError(f"{type(one).__name__} needs {', '.join(sorted(lost))}")


def compare(state: Any, one: Any, path: str) -> None:
    """Raise RuntimeError if ``state`` was not saved from such a model."""
    own = one.state_dict()
    tied = {_memory(tensor) for key, tensor in own.items() if key in state}
    wrong = [f"no {key}" for key in own if key not in state and _memory(own[key]) not in tied]
    shapes = {key: tuple(tensor.shape) for key, tensor in own.items()}
    for key, tensor in state.items():
        if tuple(tensor.shape) != shapes.get(key):
            wrong.append(f"{key} is {tuple(tensor.shape)}, here {shapes.get(key, 'unknown')}")
    if wrong:
        wrong[5:] = [f"{len(wrong) - 5} more"] if len(wrong) > 5 else []
        raise RuntimeError(f"{path} is of another {type(one).__name__}: {'; '.join(wrong)}")


def write_shards(place: str, state: Any, limit: int | str, safe: bool) -> None:
    """``state`` below ``place``, each file at most ``limit`` long unless one tensor is longer."""
    most, shards = size_of(limit), [{}]  # type: int, list[dict[str, torch.Tensor]]
    for key, tensor in state.items():
        if shards[-1] and tensor.nbytes + sum(t.nbytes for t in shards[-1].values()) > most:
            shards.append({})
        shards[-1][key] = tensor
    index = {}
    for number, shard in enumerate(shards, start=1):
        part = f"-{number:05}-of-{len(shards):05}" if len(shards) > 1 else ""
        write(shard, os.path.join(place, file_name(safe, part)), safe)
        index.update(dict.fromkeys(shard, file_name(safe, part)))
    if len(shards) > 1:
        total = sum(tensor.nbytes for shard in shards for tensor in shard.values())
        document = {"metadata": {"total_size": total}, "weight_map": index}
        path = os.path.join(place, f"{file_name(safe)}.index.json")
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=2, sort_keys=True)


def size_of(size: int | str) -> int:
    """Bytes of ``10GB`` (10**9 each), ``5MiB`` or an integer. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]I?|)B?", str(size).upper())
    if match is None:
        raise ValueError(f"max_shard_size={size!r}: a number of bytes, or one with KB, MB, GB, GiB")
    return int(float(match.group(1)) * _UNITS[match.group(2)])
