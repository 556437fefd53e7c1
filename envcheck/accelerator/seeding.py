"""Random number generators: seeding, keeping and restoring their states, making processes agree."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from typing import Any

import torch

from envcheck.accelerator import devices, operations, process


def set_seed(seed: int, device_specific: bool = False, deterministic: bool = False) -> None:
    """Seed Python's, NumPy's and torch's generators; ``device_specific`` adds the rank."""
    seed += process.current().index if device_specific else 0
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
    kind = process.current().device.type
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
    kind = process.current().device.type
    if kind in devices.BACKENDS and kind in states:
        getattr(torch, kind).set_rng_state(states[kind])


def synchronize_rng_states(rng_types: Iterable[str], generator: Any = None) -> None:
    """Give every process the first one's state of these: ``torch cuda xpu npu generator``."""
    here = process.current()
    for rng_type in rng_types if here.count > 1 else ():
        kind = str(getattr(rng_type, "value", rng_type))
        source = {"torch": torch, "generator": generator}.get(kind, getattr(torch, kind, None))
        if source is not None:
            name = "state" if kind == "generator" else "rng_state"
            own = getattr(source, f"get_{name}")().to(here.device)
            getattr(source, f"set_{name}")(operations.broadcast(own).cpu())
        elif kind != "generator":
            raise ValueError(f"rng_types: torch has no generator {kind!r}")
