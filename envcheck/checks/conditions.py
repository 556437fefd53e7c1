"""The conditions that a requirement's ``when`` may name, decided from facts and wishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.model.condition import DEVICES, SYSTEMS

if TYPE_CHECKING:
    from envcheck.checks.base import Context


def holds(condition: str, context: Context) -> bool | None:
    """Whether ``condition`` holds on this target; None if the facts do not tell.

    What the user wants (``--want cuda``, ``no-cuda``, ``cpu``) decides. Without a wish a device is
    wanted if the target has one: a torch that is built for CUDA runs on the CPU as well, and a
    machine without a GPU is not broken because pip installed that build.
    """
    if f"no-{condition}" in context.wants:
        return False
    if condition in context.wants:
        return True
    if condition in SYSTEMS:
        system = context.facts.fact("host.os")
        return system.value == condition if system.known else None
    if condition in DEVICES:
        return False if "cpu" in context.wants else _has_device(condition, context)
    return False


def _has_device(kind: str, context: Context) -> bool | None:
    devices = context.facts.fact("devices.kinds")
    if devices.status == "unknown":
        return None
    return isinstance(devices.value, list) and kind in devices.value
