"""Which devices there are to train on, accelerators for them, and a place for files."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from envcheck.accelerator import Accelerator, AcceleratorState, devices
from envcheck.smoke.trials import Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Number formats, and what ``Accelerator`` calls them.
PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
DTYPES = {"fp32": torch.float32, **devices.DTYPES}


class Place(NamedTuple):
    """A device to train on. ``first``: of its kind; on the others one short training is enough."""

    device: torch.device
    first: bool


def places() -> list[Place]:
    """The devices that an ``Accelerator`` can take, and the CPU last."""
    kind = next((kind for kind in devices.ORDER if devices.count(kind)), "")
    found = [
        Place(torch.device(kind, i), i == 0) for i in range(devices.count(kind) if kind else 0)
    ]
    return [*found, Place(torch.device("cpu"), True)]


@contextmanager
def accelerator(device: torch.device, dtype: str, record: dict[str, Any]) -> Iterator[Accelerator]:
    """An accelerator that computes on ``device`` in ``dtype``; notes whether that is emulated.

    Raises Skipped if the device does not have the format.
    """
    if dtype != "fp32":
        record["emulated"] = _emulated(device, dtype)
    if device.type not in ("cpu", "mps"):
        getattr(torch, device.type).set_device(device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a format is emulated is in the record
        made = Accelerator(mixed_precision=PRECISIONS[dtype], cpu=device.type == "cpu")
    try:
        if (made.device.type, made.device.index or 0) != (device.type, device.index or 0):
            raise Skipped(f"the accelerator takes {made.device}, not {device}")
        yield made
    finally:
        made.free_memory()
        AcceleratorState._reset_state(reset_partial_state=True)


def _emulated(device: torch.device, dtype: str) -> bool | None:
    """Whether the device only emulates the format, None if nobody knows."""
    level, why = devices.support(device, dtype)
    if level == "none":
        raise Skipped(f"this device has no {dtype}: {why}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            known = torch.autocast(device.type, DTYPES[dtype])._enabled
    except RuntimeError as error:  # from releases that do not know this kind of device
        raise Skipped(str(error)) from error
    if not known:
        raise Skipped(f"torch's autocast does not know {dtype} on {device.type}")
    return {"native": False, "emulated": True}.get(level)


@contextmanager
def folder() -> Iterator[str]:
    """The path of a directory that is removed in the end. Raises Skipped if there can be none."""
    try:
        path = tempfile.mkdtemp(prefix="envcheck-smoke-")
    except OSError as error:
        raise Skipped(f"no directory can be written to: {error}") from error
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
