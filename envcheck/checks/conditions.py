"""The conditions that a requirement's ``when`` may name, decided from facts and wishes."""

from __future__ import annotations

from envcheck.model.condition import ARCHITECTURES, DEVICES, PRECISIONS, SYSTEMS
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

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
    if condition in ARCHITECTURES:
        machine = context.facts.fact("host.arch")
        return str(machine.value).lower() in ARCHITECTURES[condition] if machine.known else None
    if condition in DEVICES:
        return False if "cpu" in context.wants else _has_device(condition, context)
    if condition in PRECISIONS:
        return _configured(context, lambda values: values.get("mixed_precision") == condition)
    if condition in _LAUNCHES:
        return _is_launched(condition, context)
    return False  # `extensions`: nothing on a machine says that some will be built


_LAUNCHES = ("distributed", "fsdp", "deepspeed")


def _has_device(kind: str, context: Context) -> bool | None:
    kinds = context.facts.fact("devices.kinds")
    if isinstance(kinds.value, list) and kind in kinds.value:
        return True
    undecided = context.facts.fact("devices.undecided")  # one kind may be open, another settled
    if isinstance(undecided.value, dict):
        return None if kind in undecided.value else False
    return None if kinds.status == "unknown" else False


def _is_launched(condition: str, context: Context) -> bool | None:
    if condition == "distributed" and {"fsdp", "deepspeed"} & context.wants:
        return True

    def asks(values: Mapping[str, Any]) -> bool:
        kind = str(values.get("distributed_type", "NO")).lower()
        if condition != "distributed":
            return kind == condition
        processes = values.get("num_processes")
        return kind != "no" or (isinstance(processes, int) and processes > 1)

    return _configured(context, asks)


def _configured(context: Context, asks: Callable[[Mapping[str, Any]], bool]) -> bool | None:
    """What accelerate's configuration says; it asks for nothing where there is none."""
    values = context.facts.fact("launch.accelerate.config.values")
    if values.status == "unknown":
        return None
    return isinstance(values.value, dict) and asks(values.value)
