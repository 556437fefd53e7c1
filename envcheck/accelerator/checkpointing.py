"""Checkpoints: written whole or not at all, read without running what is in them.

All files are read and compared with what is to be loaded before anything is changed.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from envcheck.accelerator import operations

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
    types: list[str] = []
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, **{"map_location": "cpu", "weights_only": True, **options})
    except (FileNotFoundError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and "unsupported global" in str(error).lower():
            types = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
        if not types:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise RuntimeError(f"{path} is damaged: {reason}") from error
        short = ", ".join(name.rpartition(".")[2] for name in types)
        text = f"{path} holds {', '.join(types)}, and loading that may run code. If you trust it:"
        text += f" torch.serialization.add_safe_globals([{short}]); if you trust the whole file:"
        text += ' load_state(..., load_kwargs={"weights_only": False})'
        raise pickle.UnpicklingError(text) from error


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


class Checkpointing:
    """Saving and loading of everything that an Accelerator has prepared."""

    _checkpoints = property(lambda self: os.path.join(self.project_dir or ".", "checkpoints"))

    def register_for_checkpointing(self: Any, *objects: Any) -> None:
        """Save and load these too. Raises ValueError for what has no state_dict."""
        wrong = [n for n, one in enumerate(objects) if not hasattr(one, "load_state_dict")]
        if wrong:
            text = ", ".join(f"Item at index {n} ({type(objects[n]).__name__})" for n in wrong)
            raise ValueError(f"register_for_checkpointing: {text}: no load_state_dict()")
        self._custom_objects.extend(objects)

    def _hooked(self: Any, when: str, hook: Callable[..., None]) -> RemovableHandle:
        handle = RemovableHandle(self._hooks[when])
        self._hooks[when][handle.id] = hook
        return handle

    def register_save_state_pre_hook(self: Any, hook: Callable[..., None]) -> RemovableHandle:
        """Call ``hook(models, weights, directory)`` on each process before files are written; what
        it takes out of ``weights``, the models' state dicts, it has saved itself.
        """
        return self._hooked("save", hook)

    def register_load_state_pre_hook(self: Any, hook: Callable[..., None]) -> RemovableHandle:
        """Call ``hook(models, directory)`` first in ``load_state``; it may take out ``models``."""
        return self._hooked("load", hook)

    def get_state_dict(self: Any, model: Any, unwrap: bool = True) -> dict[str, Any]:
        """The weights of a prepared model."""
        return (self.unwrap_model(model) if unwrap else model).state_dict()

    def save(self: Any, obj: Any, f: Any, safe_serialization: bool = False) -> None:
        """Write ``obj`` on the main process: as torch does, or weights as safetensors."""
        if self.is_main_process:
            write(obj, f, safe_serialization)

    def save_model(
        self: Any, model: Any, save_directory: Any, max_shard_size: int | str = "10GB",
        safe_serialization: bool = True,
    ) -> None:  # fmt: skip
        """The weights of ``model`` in files of at most ``max_shard_size``; several have an index.

        As safetensors where that is installed, else in torch's format, with a warning. Names that
        share their memory with another are left out. Raises OSError if they cannot be written.
        """
        if self.is_main_process:
            state, safe = distinct(self.get_state_dict(model)), is_safe(safe_serialization)
            _replace(save_directory, lambda place: write_shards(place, state, max_shard_size, safe))

    def save_state(self: Any, output_dir: Any = None, safe_serialization: bool = True) -> str:
        """Everything that was prepared or registered, in ``output_dir``; returns that.

        Raises OSError, and the checkpoint before is as it was, if any process cannot write.
        """
        project = self.project_configuration
        if project.automatic_checkpoint_naming:
            output_dir = os.path.join(self._checkpoints, f"checkpoint_{project.iteration}")
            if os.path.exists(output_dir):
                raise ValueError(f"{output_dir} exists; set project_config.iteration past it")
        if output_dir is None:
            raise ValueError("save_state needs output_dir, or automatic_checkpoint_naming")
        if not self.sync_gradients:
            warnings.warn("gradients of an incomplete accumulation are not saved", stacklevel=2)
        self.traps.update_scale()
        progress = [vars(loader.progress) for loader in self._dataloaders]
        rank = {"step": self.step, "random": operations.capture(), "dataloaders": progress}
        weights = list(map(self.get_state_dict, self._models))
        safe = is_safe(safe_serialization)

        def fill(place: str) -> None:
            for hook in self._hooks["save"].values():
                hook(self._models, weights, place)
            torch.save(rank, os.path.join(place, f"random_states_{self.process_index}.pkl"))
            for file, one in self._parts(safe, weights) if self.is_main_process else ():
                state = one.state_dict() if hasattr(one, "state_dict") else one
                write(state, os.path.join(place, file), file.endswith(".safetensors"))

        _replace(output_dir, fill, self)
        if project.automatic_checkpoint_naming:
            project.iteration += 1
            if self.is_main_process and project.total_limit is not None:
                for _, old in _automatic(self._checkpoints)[: -project.total_limit]:
                    shutil.rmtree(old)
        return os.fspath(output_dir)

    def load_state(self: Any, input_dir: Any = None, load_kwargs: Any = None) -> None:
        """Everything as ``save_state`` wrote it to ``input_dir`` (default: the newest of its own).

        Raises ValueError if there is none, and what ``read`` raises or RuntimeError if it
        is of something else; nothing has changed then. ``load_kwargs`` go to ``torch.load``.
        """
        if input_dir is None:
            number, input_dir = (_automatic(self._checkpoints) or [(-1, self._checkpoints)])[-1]
            self.project_configuration.iteration = number + 1
        names = os.listdir(input_dir) if os.path.isdir(input_dir) else []
        if not any(name.startswith("random_states_") for name in names):
            raise ValueError(f"{input_dir} is no checkpoint of save_state")
        custom = sum(name.startswith("custom_checkpoint_") for name in names)
        if custom != len(self._custom_objects):
            text = f"{input_dir} has {custom} custom objects, not {len(self._custom_objects)}"
            raise RuntimeError(f"{text}: register_for_checkpointing() the same before load_state()")
        models = list(self._models)
        for hook in self._hooks["load"].values():
            hook(models, input_dir)
        states = []
        for file, one in self._parts("model.safetensors" in names, map(self.unwrap_model, models)):
            path = os.path.join(input_dir, file)
            states.append((one, read(path, **(load_kwargs or {}))))
            compare(states[-1][1], one, path)
        file = f"random_states_{self.process_index}.pkl"
        rank = read(os.path.join(input_dir, file)) if file in names else None
        for one, state in states:
            one.load_state_dict(state, **({"strict": False} if hasattr(one, "forward") else {}))
        if rank is None:
            warnings.warn(f"no {file}: random generators stay as they are", stacklevel=2)
            return
        self.step = rank["step"]
        operations.restore(rank["random"])
        for loader, progress in zip(self._dataloaders, rank["dataloaders"]):  # noqa: B905
            loader.progress.set(**{**progress, "resumed": True})

    def _parts(self: Any, safe: bool, models: Any) -> list[tuple[str, Any]]:
        """What is saved, ``models`` or their weights too, by the name of its file."""
        kinds = {file_name(safe): models, "optimizer.bin": self._optimizers}
        kinds["scaler.pt"] = [] if self.scaler is None else [self.scaler]
        kinds["scheduler.bin"] = self._schedulers
        found = [(f"custom_checkpoint_{n}.pkl", one) for n, one in enumerate(self._custom_objects)]
        for file, objects in kinds.items():
            stem, suffix = os.path.splitext(file)
            found += [(f"{stem}_{n}{suffix}" if n else file, one) for n, one in enumerate(objects)]
        return found


def _automatic(folder: str) -> list[tuple[int, str]]:
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [(re.fullmatch(r"checkpoint_(\d+)", name), name) for name in names]
    return sorted((int(m.group(1)), os.path.join(folder, name)) for m, name in found if m)


def _replace(directory: Any, fill: Callable[[str], None], ranks: Any = None) -> None:
    """Let ``fill`` write a new directory, on every process of ``ranks``; if that went well
    everywhere its files go to ``directory``, in place of all others of its kind; else OSError is
    raised and nothing has changed.
    """
    directory = os.path.normpath(directory)
    place, leads, problem = f"{directory}.saving", ranks is None or ranks.is_main_process, None
    if leads:
        shutil.rmtree(place, ignore_errors=True)
    if ranks is not None:
        ranks.wait_for_everyone()
    try:
        if os.path.isfile(directory):
            raise NotADirectoryError(f"{directory} is a file")
        os.makedirs(place, exist_ok=True)
        fill(place)
    except Exception as error:  # of the system, of torch's writer, of safetensors
        problem = f"{type(error).__name__}: {error}"
    problems = [problem] if ranks is None else operations.gather_object([problem])
    failed = "; ".join(f"rank {rank}: {text}" for rank, text in enumerate(problems) if text)
    if failed:
        shutil.rmtree(place, ignore_errors=True)
        raise OSError(f"{directory} was not saved, and is as it was: {failed}")
    if leads and not os.path.exists(directory):
        os.rename(place, directory)
    elif leads:
        names = os.listdir(place)
        for name in names:
            goal = os.path.join(directory, name)
            if os.path.isdir(goal):  # of a hook
                shutil.rmtree(goal)
            os.replace(os.path.join(place, name), goal)
        os.rmdir(place)
        for name in set(os.listdir(directory)) - set(names):
            if ranks is None and is_shard(name):
                os.unlink(os.path.join(directory, name))
    if ranks is not None:
        ranks.wait_for_everyone()
