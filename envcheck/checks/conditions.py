"""The conditions that a requirement's ``when`` may name, decided from facts and wishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.checks.base import Context

_DEVICES = ("cuda", "rocm", "xpu", "npu", "mps")
_SYSTEMS = ("linux", "darwin", "windows")


def holds(condition: str, context: Context) -> bool | None:
    """Whether ``condition`` holds on this target; None if the facts do not tell.

    What the user wants (``--want cuda``, ``--want extensions``) decides; without a wish a device is
    wanted if the target has one or has a torch built for it.
    """
    if f"no-{condition}" in context.wants:
        return False
    if condition in context.wants:
        return True
    if condition in _SYSTEMS:
        system = context.facts.fact("host.os")
        return system.value == condition if system.known else None
    if condition in _DEVICES:
        return _wanted_device(condition, context)
    return False


def _wanted_device(kind: str, context: Context) -> bool | None:
    if context.get("torch.build.kind") == kind:
        return True
    devices = context.facts.fact("devices.kinds")
    if not devices.known or not isinstance(devices.value, list):
        return None if devices.status == "unknown" else False
    return kind in devices.value
