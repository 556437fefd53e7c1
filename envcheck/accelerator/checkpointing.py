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


class Checkpointing:
    """Saving and loading of everything that an Accelerator has prepared."""

    def register_for_checkpointing(self: Any, *objects: Any) -> None:
        """Save and load these too. Raises ValueError for what has no state_dict."""
        for one in objects:
            if not (hasattr(one, "state_dict") and hasattr(one, "load_state_dict")):
                raise ValueError(f"{type(one).__name__} has no state_dict() and load_state_dict()")
        self._custom_objects.extend(objects)

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
        share their memory with another are left out.
        """
        if self.is_main_process:
            state, safe = self.get_state_dict(model), weights.is_safe(safe_serialization)
            fill = lambda place: weights.write_shards(state, place, safe, max_shard_size)  # noqa: E731
            _replace(os.fspath(save_directory), fill, stale=weights.is_shard)

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
        safe, states = weights.is_safe(safe_serialization), map(self.get_state_dict, self._models)

        def fill(place: str) -> None:
            progress = [vars(loader.progress) for loader in self._dataloaders]
            rank = {"step": self.step, "random": seeding.capture(), "dataloaders": progress}
            torch.save(rank, os.path.join(place, f"random_states_{self.process_index}.pkl"))
            if self.is_main_process:
                for number, state in enumerate(states):
                    weights.write(state, os.path.join(place, weights.name(safe, number)), safe)
                for file, one in self._parts():
                    torch.save(one.state_dict(), os.path.join(place, file))

        _replace(os.fspath(output_dir), fill, self)
        if project.automatic_checkpoint_naming:
            project.iteration += 1
            if self.is_main_process and project.total_limit is not None:
                for _, old in _numbered(self._checkpoints)[: -project.total_limit]:
                    shutil.rmtree(old)
        return os.fspath(output_dir)

    def load_state(self: Any, input_dir: Any = None, load_kwargs: Any = None) -> None:
        """Everything as ``save_state`` wrote it to ``input_dir`` (default: the newest of its own).

        Raises ValueError if there is none, and what ``read`` raises or RuntimeError if it is of
        something else; nothing has changed then. ``load_kwargs`` go to ``torch.load``.
        """
        if input_dir is None:
            number, input_dir = (_numbered(self._checkpoints) or [(-1, self._checkpoints)])[-1]
            self.project_configuration.iteration = number + 1
        names = os.listdir(input_dir) if os.path.isdir(input_dir) else []
        if not any(name.startswith("random_states_") for name in names):
            raise ValueError(f"{input_dir} is no checkpoint of save_state")
        custom = sum(name.startswith("custom_checkpoint_") for name in names)
        if custom != len(self._custom_objects):
            raise RuntimeError(
                f"{input_dir} has {custom} custom objects, and {len(self._custom_objects)} are "
                "registered: register_for_checkpointing() the same before load_state()"
            )
        loads: list[tuple[Any, Any]] = []
        for number, model in enumerate(map(self.unwrap_model, self._models)):
            path = os.path.join(
                input_dir, weights.name(weights.name(True, number) in names, number)
            )
            state = read(path)
            weights.compare(state, model, path)
            loads.append(
                (lambda state, model=model: model.load_state_dict(state, strict=False), state)
            )
        for file, one in self._parts():
            state = read(os.path.join(input_dir, file), **(load_kwargs or {}))
            if isinstance(one, torch.optim.Optimizer):
                sizes = [[len(g["params"]) for g in s.param_groups] for s in (one,)]
                saved = [len(group["params"]) for group in state.get("param_groups", ())]
                if saved != sizes[0]:
                    raise RuntimeError(
                        f"{file} is of another optimizer: {saved} parameters, here {sizes[0]}"
                    )
            loads.append((one.load_state_dict, state))
        file = f"random_states_{self.process_index}.pkl"
        rank = read(os.path.join(input_dir, file)) if file in names else None
        for load, state in loads:
            load(state)
        if rank is None:
            warnings.warn(f"no {file}: random generators stay as they are", stacklevel=2)
            return
        self.step = rank["step"]
        seeding.restore(rank["random"])
        for loader, progress in zip(self._dataloaders, rank["dataloaders"]):  # noqa: B905
            loader.progress.set(**{**progress, "resumed": True})

    _checkpoints = property(lambda self: os.path.join(self.project_dir or ".", "checkpoints"))

    def _parts(self: Any) -> list[tuple[str, Any]]:
        """What is saved with ``state_dict``, by the name of its file."""
        kinds = (("optimizer", self._optimizers), ("scheduler", self._schedulers))
        found = [
            (f"{kind}{f'_{number}' if number else ''}.bin", one)
            for kind, objects in kinds
            for number, one in enumerate(objects)
        ]
        found += [("scaler.pt", self.scaler)] if self.scaler is not None else []
        custom = enumerate(self._custom_objects)
        return found + [(f"custom_checkpoint_{number}.pkl", one) for number, one in custom]


def _numbered(folder: str) -> list[tuple[int, str]]:
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [(re.fullmatch(r"checkpoint_(\d+)", name), name) for name in names]
    return sorted((int(m.group(1)), os.path.join(folder, name)) for m, name in found if m)


def _replace(
    directory: str, fill: Callable[[str], None], ranks: Any = None,
    stale: Callable[[str], bool] = lambda _: False,
) -> None:  # fmt: skip
    """Let ``fill`` write a new directory, on every process of ``ranks``; if that went well
    everywhere its files go to ``directory``, and ``stale`` ones go; else OSError is raised and
    nothing has changed.
    """
    directory = os.path.normpath(directory)
    if os.path.exists(directory) and not os.path.isdir(directory):
        raise NotADirectoryError(f"{directory} is a file; checkpoints are directories")
    place, leads, problem = f"{directory}.saving", ranks is None or ranks.is_main_process, ""
    try:
        if leads:
            shutil.rmtree(place, ignore_errors=True)
            os.makedirs(place)
        if ranks is not None:
            ranks.wait_for_everyone()
        fill(place)
    except Exception as error:  # of the system, of torch's writer, of safetensors
        problem = f"{type(error).__name__}: {error}"
    problems = [problem] if ranks is None else operations.gather_object([problem])
    failed = [f"rank {rank}: {text}" for rank, text in enumerate(problems) if text]
    if leads and failed:
        shutil.rmtree(place, ignore_errors=True)
    elif leads and not os.path.exists(directory):
        os.rename(place, directory)
    elif leads:
        names = os.listdir(place)
        for name in names:
            os.replace(os.path.join(place, name), os.path.join(directory, name))
        os.rmdir(place)
        for name in filter(stale, set(os.listdir(directory)) - set(names)):
            os.unlink(os.path.join(directory, name))
    if ranks is not None:
        ranks.wait_for_everyone()
    if failed:
        raise OSError(f"{directory} was not saved, and is as it was: {'; '.join(failed)}")
