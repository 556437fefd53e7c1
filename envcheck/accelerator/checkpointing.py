"""Checkpoints: written whole or not at all, read without running what is in them.

All files are read and compared with what is to be loaded before anything is changed.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import warnings
from typing import TYPE_CHECKING, Any

import torch

from envcheck.accelerator import operations, seeding, weights

if TYPE_CHECKING:
    from collections.abc import Callable


def read(path: str, **options: Any) -> Any:
    """What ``torch.save`` wrote, on the CPU; of types that torch trusts, unless ``options`` say
    ``weights_only=False``.

    Raises FileNotFoundError, RuntimeError for a damaged file, pickle.UnpicklingError for others.
    """
    try:
        return torch.load(path, **{"map_location": "cpu", "weights_only": True, **options})
    except FileNotFoundError:
        raise
    except pickle.UnpicklingError as error:
        types = _refused(path)
        if not types:
            raise RuntimeError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
        raise pickle.UnpicklingError(
            f"{path} holds {', '.join(types)}, and loading that may run code from the file. If you "
            "trust these types: torch.serialization.add_safe_globals("
            f"[{', '.join(name.rpartition('.')[2] for name in types)}]); if you trust the whole "
            'file: load_state(..., load_kwargs={"weights_only": False})'
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise RuntimeError(f"{path} is damaged: {str(error).splitlines()[0]}") from error


def _refused(path: str) -> list[str]:
    try:
        return list(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:
        return []


class Checkpointing:
    """Saving and loading of everything that an Accelerator has prepared."""

    def register_for_checkpointing(self: Any, *objects: Any) -> None:
        """Save and load these too. Raises ValueError for what has no state_dict."""
        for one in objects:
            if not (hasattr(one, "state_dict") and hasattr(one, "load_state_dict")):
                raise ValueError(f"{type(one).__name__} has no state_dict() and load_state_dict()")
        self._custom_objects.extend(objects)

    def register_save_state_pre_hook(self: Any, hook: Callable[..., None]) -> Any:
        """Call ``hook(models, weights, output_dir)`` before saving; returns a removable handle."""
        return _registered(self._save_hooks, hook)

    def register_load_state_pre_hook(self: Any, hook: Callable[..., None]) -> Any:
        """Call ``hook(models, input_dir)`` before loading; returns a removable handle."""
        return _registered(self._load_hooks, hook)

    def get_state_dict(self: Any, model: Any, unwrap: bool = True) -> dict[str, Any]:
        """The weights of a prepared model."""
        return (self.unwrap_model(model) if unwrap else model).state_dict()

    def save(self: Any, obj: Any, f: Any, safe_serialization: bool = False) -> None:
        """Write ``obj`` on the main process: as torch does, or weights as safetensors."""
        if self._writes:
            weights.write(obj, f, safe_serialization)

    _writes = property(
        lambda self: (
            self.is_local_main_process
            if self.project_configuration.save_on_each_node
            else self.is_main_process
        )
    )

    def save_model(
        self: Any, model: Any, save_directory: str | os.PathLike[str],
        max_shard_size: int | str = "10GB", safe_serialization: bool = True,
    ) -> None:  # fmt: skip
        """The weights of ``model`` in files of at most ``max_shard_size``; several have an index.

        As safetensors where that is installed, else in torch's format, with a warning. Names that
        share their memory with another are left out.
        """
        if not self._writes:
            return
        state, shards = self.get_state_dict(model), weights.Shards(safe_serialization)
        _replace(
            os.fspath(save_directory), lambda place: shards.write(state, place, max_shard_size)
        )
        for name in os.listdir(save_directory):
            if shards.is_stale(name):
                os.unlink(os.path.join(save_directory, name))

    def save_state(
        self: Any, output_dir: str | os.PathLike[str] | None = None, safe_serialization: bool = True
    ) -> str:
        """Everything that was prepared or registered, in ``output_dir``; returns that.

        Raises OSError, and the checkpoint before is as it was, if any process cannot write.
        """
        configuration, directory = self.project_configuration, output_dir
        if configuration.automatic_checkpoint_naming:
            name = f"checkpoint_{configuration.iteration}"
            directory = os.path.join(self.project_dir or ".", "checkpoints", name)
            if os.path.exists(directory):
                raise ValueError(f"{directory} exists; set project_config.iteration past it")
        if directory is None:
            raise ValueError("save_state needs output_dir, or automatic_checkpoint_naming")
        if not self.sync_gradients:
            warnings.warn("gradients of an incomplete accumulation are not saved", stacklevel=2)
        self.traps.update_scale(self.scaler)
        states = [self.get_state_dict(model) for model in self._models]
        for hook in list(self._save_hooks.values()):
            hook(self._models, states, os.fspath(directory))

        def write(place: str) -> None:
            path = os.path.join(place, f"random_states_{self.process_index}.pkl")
            progress = [vars(loader.progress) for loader in self._dataloaders]
            random = seeding.capture()
            torch.save({"step": self.step, "random": random, "dataloaders": progress}, path)
            if not self._writes:
                return
            for number, state in enumerate(states):
                safe = safe_serialization and weights.has_safetensors()
                weights.write(state, os.path.join(place, weights.name(safe, number)), safe)
            for file, one in self._parts():
                torch.save(one.state_dict(), os.path.join(place, file))

        _replace(os.fspath(directory), write, self)
        if configuration.automatic_checkpoint_naming:
            configuration.iteration += 1
            if self._writes and configuration.total_limit is not None:
                for _, old in _checkpoints(os.path.dirname(directory))[
                    : -configuration.total_limit
                ]:
                    shutil.rmtree(old)
        return os.fspath(directory)

    def load_state(
        self: Any, input_dir: str | os.PathLike[str] | None = None,
        load_kwargs: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Everything as ``save_state`` wrote it to ``input_dir`` (default: the newest of its own).

        Raises ValueError if there is none, and what ``read`` raises or RuntimeError if it is of
        something else; nothing has changed then. ``load_kwargs`` go to ``torch.load``.
        """
        if input_dir is None:
            found = _checkpoints(os.path.join(self.project_dir or ".", "checkpoints"))
            input_dir = found[-1][1] if found else ""
            self.project_configuration.iteration = found[-1][0] + 1 if found else 0
        directory = os.fspath(input_dir)
        if not os.path.isdir(directory):
            raise ValueError(f"there is no checkpoint {directory or 'below project_dir'}")
        for hook in list(self._load_hooks.values()):
            hook(self._models, directory)
        names, options = os.listdir(directory), load_kwargs or {}
        custom = sum(name.startswith("custom_checkpoint_") for name in names)
        if custom != len(self._custom_objects):
            raise RuntimeError(
                f"{directory} has {custom} custom objects, and {len(self._custom_objects)} are "
                "registered: register_for_checkpointing() the same before load_state()"
            )
        models = [self.unwrap_model(model) for model in self._models]
        states = [weights.read(directory, number, model) for number, model in enumerate(models)]
        parts = [(one, os.path.join(directory, file)) for file, one in self._parts()]
        loaded = [(one, path, read(path, **options)) for one, path in parts]
        for one, path, state in loaded:
            _compare_groups(one, state, path)
        random = os.path.join(directory, f"random_states_{self.process_index}.pkl")
        if os.path.exists(random):
            states_of_rank = read(random, **options)
        else:
            states_of_rank = None
            warnings.warn(f"no {random}: random generators stay as they are", stacklevel=2)
        for model, state in zip(models, states):  # noqa: B905
            model.load_state_dict(state, strict=False)
        for one, _, state in loaded:
            one.load_state_dict(state)
        if states_of_rank is not None:
            self.step = states_of_rank["step"]
            seeding.restore(states_of_rank["random"])
            for loader, progress in zip(self._dataloaders, states_of_rank["dataloaders"]):  # noqa: B905
                loader.progress.set(**{**progress, "resumed": True})

    def _parts(self: Any) -> list[tuple[str, Any]]:
        """What is saved with ``state_dict``, by the name of its file."""
        numbered = [("optimizer", self._optimizers), ("scheduler", self._schedulers)]
        found = [
            (f"{kind}{f'_{number}' if number else ''}.bin", one)
            for kind, objects in numbered
            for number, one in enumerate(objects)
        ]
        if self.scaler is not None:
            found.append(("scaler.pt", self.scaler))
        custom = enumerate(self._custom_objects)
        return found + [(f"custom_checkpoint_{number}.pkl", one) for number, one in custom]


def _registered(hooks: dict[int, Any], hook: Any) -> Any:
    handle = torch.utils.hooks.RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def _compare_groups(one: Any, state: dict[str, Any], path: str) -> None:
    if isinstance(one, torch.optim.Optimizer):
        saved = [len(group["params"]) for group in state.get("param_groups", ())]
        own = [len(group["params"]) for group in one.param_groups]
        if saved != own:
            raise RuntimeError(
                f"{path} is of another optimizer: parameters in groups {saved}, here {own}"
            )


def _checkpoints(folder: str) -> list[tuple[int, str]]:
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [(re.fullmatch(r"checkpoint_(\d+)", name), name) for name in names]
    return sorted((int(m.group(1)), os.path.join(folder, name)) for m, name in found if m)


def _replace(directory: str, write: Callable[[str], None], ranks: Any = None) -> None:
    """Let ``write`` fill a new directory, on every process of ``ranks``; if that went well
    everywhere its files go to ``directory``, else OSError is raised and nothing has changed.
    """
    directory = os.path.normpath(directory)
    if os.path.exists(directory) and not os.path.isdir(directory):
        raise NotADirectoryError(f"{directory} is a file; checkpoints are directories")
    place, leads = f"{directory}.saving", ranks is None or ranks._writes
    problem = None
    try:
        if leads:
            shutil.rmtree(place, ignore_errors=True)
            os.makedirs(place)
        if ranks is not None:
            ranks.wait_for_everyone()
        write(place)
    except Exception as error:  # of the system, of torch's writer, of safetensors
        problem = f"{type(error).__name__}: {error}"
    problems = [problem] if ranks is None else operations.gather_object([problem])
    failed = [f"rank {rank}: {text}" for rank, text in enumerate(problems) if text]
    if leads and failed:
        shutil.rmtree(place, ignore_errors=True)
    elif leads and not os.path.exists(directory):
        os.rename(place, directory)
    elif leads:
        for name in os.listdir(place):
            os.replace(os.path.join(place, name), os.path.join(directory, name))
        os.rmdir(place)
    if ranks is not None:
        ranks.wait_for_everyone()
    if failed:
        raise OSError(f"{directory} was not saved, and is as it was: {'; '.join(failed)}")
