"""Random number generators: seeding, keeping and restoring their states, making processes agree."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

import torch

from envcheck.accelerator import operations, process

if TYPE_CHECKING:
    from collections.abc import Sequence


def set_seed(seed: int, device_specific: bool = False, deterministic: bool = False) -> None:
    """Seed Python's, NumPy's and torch's generators; ``device_specific`` adds the rank."""
    if device_specific:
        seed += process.current().index
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    torch.manual_seed(seed)  # of every device
    if deterministic:
        torch.use_deterministic_algorithms(True)


def capture(generators: Sequence[torch.Generator] = ()) -> dict[str, Any]:
    """The states of all generators, and of these, as values that ``weights_only`` accepts."""
    states = {"python": random.getstate(), "torch": torch.get_rng_state()}
    states["generators"] = [generator.get_state() for generator in generators]
    if "numpy" in sys.modules:
        kind, keys, *rest = sys.modules["numpy"].random.get_state()
        states["numpy"] = (kind, keys.tolist(), *rest)
    for kind, module in _devices():
        states[kind] = [module.get_rng_state(index) for index in range(module.device_count())]
    return states


def restore(states: dict[str, Any], generators: Sequence[torch.Generator] = ()) -> None:
    """Put back what ``capture`` returned. Raises what torch says of a state that does not fit."""
    random.setstate(states["python"])
    torch.set_rng_state(states["torch"])
    for generator, kept in zip(generators, states["generators"]):  # noqa: B905  # Python 3.9
        generator.set_state(kept)
    if "numpy" in states and "numpy" in sys.modules:
        sys.modules["numpy"].random.set_state(states["numpy"])
    for kind, module in _devices():
        for index, kept in enumerate(states.get(kind, ())[: module.device_count()]):
            module.set_rng_state(kept, index)


def _devices() -> list[tuple[str, Any]]:
    modules = [(kind, getattr(torch, kind, None)) for kind in ("cuda", "xpu", "npu")]
    return [(kind, module) for kind, module in modules if module and module.is_available()]


def synchronize_rng_states(rng_types: list[str], generator: torch.Generator | None = None) -> None:
    """Give every process the first one's state of these: ``torch cuda xpu npu generator``."""
    here = process.current()
    for rng_type in rng_types:
        kind = str(getattr(rng_type, "value", rng_type))
        source = generator if kind == "generator" else getattr(torch, kind, None)
        source = torch if kind == "torch" else source
        if source is None and kind != "generator":
            raise ValueError(f"rng_types: torch has no generator {kind!r}")
        if source is None or here.count == 1:
            continue
        name = "state" if kind == "generator" else "rng_state"
        own = getattr(source, f"get_{name}")()
        getattr(source, f"set_{name}")(operations.broadcast(own.to(here.device)).cpu())
