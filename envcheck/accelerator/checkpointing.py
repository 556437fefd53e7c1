"""Checkpoints: written whole or not at all, read without running what is in them.

All files are read and compared with what is to be loaded before anything is changed.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from envcheck.accelerator import operations, weights
from envcheck.accelerator.data_loader import Progress


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
            weights.write(obj, f, safe_serialization)

    def save_model(
        self: Any, model: Any, save_directory: Any, max_shard_size: int | str = "10GB",
        safe_serialization: bool = True,
    ) -> None:  # fmt: skip
        """The weights of ``model`` in files of at most ``max_shard_size``; several have an index.

        As safetensors where that is installed, else in torch's format, with a warning. Names that
        share their memory with another are left out. Raises OSError if they cannot be written.
        """
        if self.is_main_process:
            safe = weights.is_safe(safe_serialization)
            state = weights.distinct(self.get_state_dict(model))
            limit = max_shard_size
            fill = partial(weights.write_shards, state=state, limit=limit, safe=safe)
            _replace(save_directory, fill, weights.SHARDS)

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
        kept = (vars(loader.progress) for loader in self._dataloaders)
        progress = [{k: v for k, v in one.items() if k != "resumed"} for one in kept]
        rank = {"step": self.step, "random": operations.capture(), "dataloaders": progress}
        states = list(map(self.get_state_dict, self._models))
        safe = weights.is_safe(safe_serialization)

        def fill(place: str) -> None:
            for hook in self._hooks["save"].values():
                hook(self._models, states, place)
            torch.save(rank, os.path.join(place, f"random_states_{self.process_index}.pkl"))
            for file, one in self._parts(safe, states) if self.is_main_process else ():
                state = one.state_dict() if hasattr(one, "state_dict") else one
                weights.write(state, os.path.join(place, file), file.endswith(".safetensors"))

        _replace(output_dir, fill, weights.STATES, self)
        if project.automatic_checkpoint_naming:
            project.iteration += 1
            if self.is_main_process and project.total_limit is not None:
                for _, old in _automatic(self._checkpoints)[: -project.total_limit]:
                    shutil.rmtree(old)
        return os.fspath(output_dir)

    def load_state(self: Any, input_dir: Any = None, load_kwargs: Any = None) -> None:
        """Everything as ``save_state`` wrote it to ``input_dir`` (default: the newest of its own).

        Raises ValueError if there is none, and what ``weights.read`` raises or RuntimeError if it
        is of something else; nothing has changed then. ``load_kwargs`` go to ``torch.load``.
        """
        if input_dir is None:
            number, input_dir = (_automatic(self._checkpoints) or [(-1, self._checkpoints)])[-1]
            self.project_configuration.iteration = number + 1
        names = os.listdir(input_dir) if os.path.isdir(input_dir) else []
        if not any(name.startswith("random_states_") for name in names):
            raise ValueError(f"{input_dir} is no checkpoint of save_state")
        models = list(self._models)
        for hook in self._hooks["load"].values():
            hook(models, input_dir)
        undo: list[tuple[Any, Any]] = []
        trained: list[tuple[Any, Any]] = []  # models come last: what they had cannot be put back
        problem: Exception | None = None
        path, rank = "", {"step": self.step, "dataloaders": []}
        now = operations.capture()
        try:
            trained, others = self._read(input_dir, names, models, load_kwargs or {})
            for path, one, state in others:
                undo.append((copy.deepcopy(one.state_dict()), one))
                _fitting(path, weights.put, state, one)
            path = os.path.join(input_dir, f"random_states_{self.process_index}.pkl")
            if sum(name.startswith("random_states_") for name in names) == self.num_processes:
                rank = weights.read(path)
                _fitting(path, self._restore, rank)
        except Exception as error:
            problem = error
        told = operations.gather_object([problem and f"{type(problem).__name__}: {problem}"])
        if any(told):
            for state, one in reversed(undo):
                one.load_state_dict(state)
            operations.restore(now)
            failed = "; ".join(f"rank {r}: {text}" for r, text in enumerate(told) if text)
            raise problem or RuntimeError(f"{input_dir} was not loaded: {failed}")
        for model, state in trained:
            model.load_state_dict(state, strict=False)
        if len(rank["dataloaders"]) != len(self._dataloaders):
            text = f"{path} is of {len(rank['dataloaders'])} dataloaders, or of another number of "
            warnings.warn(f"{text}processes: data and random numbers begin anew", stacklevel=2)
        elif "random" not in rank:
            text = f"{input_dir} is of another number of processes: random numbers begin anew"
            warnings.warn(text, stacklevel=2)
        self.step = rank["step"]
        for loader, progress in zip(self._dataloaders, rank["dataloaders"]):  # noqa: B905
            loader.progress.set(**progress, resumed=True)

    def _read(self: Any, folder: str, names: list[str], models: Any, options: Any) -> Any:
        """(model, weights) of each of ``models``, which fit, and (path, object, state) of the rest.

        Raises RuntimeError if the files are not those of what is prepared, and what ``read`` does.
        """
        parts = dict(self._parts("model.safetensors" in names, map(self.unwrap_model, models)))
        saved = {n for n in names if weights.STATES.fullmatch(n) and "random" not in n}
        if saved != set(parts):
            raise RuntimeError(
                f"{folder} is of something else: too much {sorted(saved - set(parts))}, "
                f"missing {sorted(set(parts) - saved)}. Prepare the same, and register what "
                "there is of custom objects with register_for_checkpointing, before"
            )
        trained, others = [], []
        for file, one in parts.items():
            path = os.path.join(folder, file)
            state = weights.read(path, **options)
            if isinstance(one, torch.nn.Module):
                weights.compare(state, one, path)
                trained.append((one, state))
            else:
                others.append((path, one, state))
        return trained, others

    @staticmethod
    def _restore(rank: dict[str, Any]) -> None:
        for progress in rank["dataloaders"]:
            Progress(**progress, resumed=True)
        if type(rank["step"]) is not int:
            raise TypeError(f"step is {rank['step']!r}")
        operations.restore(rank["random"])

    def _parts(self: Any, safe: bool, models: Any) -> list[tuple[str, Any]]:
        """What is saved, ``models`` or their weights too, by the name of its file."""
        kinds = {weights.file_name(safe): models, "optimizer.bin": self._optimizers}
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


def _fitting(path: str, function: Callable[..., Any], *arguments: Any) -> None:
    """``function(*arguments)``. Raises RuntimeError that names the file for what it raises."""
    try:
        function(*arguments)
    except Exception as error:
        raise RuntimeError(
            f"{path} is of something else: {type(error).__name__}: {error}"
        ) from error


def _replace(
    directory: Any, fill: Callable[[str], None], kind: re.Pattern[str], ranks: Any = None
) -> None:
    """Let ``fill`` write a new directory, on every process of ``ranks``; if that went well
    everywhere its files go to ``directory``, in place of all others with names of this ``kind``;
    else OSError is raised and nothing has changed.
    """
    folder, name = os.path.split(os.path.abspath(directory))
    place, problem = os.path.join(folder, f".{name}.saving"), None
    leads = ranks is None or ranks.is_main_process
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
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
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
            if kind.fullmatch(name):
                os.unlink(os.path.join(directory, name))
    if ranks is not None:
        ranks.wait_for_everyone()
