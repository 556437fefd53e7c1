"""What ``envcheck doctor`` may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from benchmarks.candidates import BARE, DOCTOR


class Measurement(Protocol):
    """As ``doctor.Measured``."""

    @property
    def least(self) -> float: ...  # noqa: D102
    @property
    def peak(self) -> float: ...  # noqa: D102


Values = Mapping[str, Measurement]


class Goal(NamedTuple):
    """``value`` ≤ ``limit`` is reached; None where something it compares was not measured."""

    text: str
    limit: float
    unit: str
    value: Callable[[Values, float | None], float | None]


def _ratio(name: str, other: str) -> Callable[[Values, float | None], float | None]:
    def value(measured: Values, _deep: float | None) -> float | None:
        if name not in measured or other not in measured:
            return None
        return measured[name].least / measured[other].least

    return value


def _peak(name: str) -> Callable[[Values, float | None], float | None]:
    def value(measured: Values, _deep: float | None) -> float | None:
        return measured[name].peak if name in measured else None

    return value


def _deep(measured: Values, deep: float | None) -> float | None:
    torch = measured.get("python -c 'import torch'")
    return deep / torch.least if deep is not None and torch is not None else None


GOALS = (
    Goal("`doctor`, CPU against bare Python", 9, "×", _ratio(DOCTOR, BARE)),
    Goal(
        "`doctor`, CPU against torch's collect_env",
        1 / 20,
        "×",
        _ratio(DOCTOR, "torch's collect_env"),
    ),
    Goal("`doctor`, CPU against accelerate env", 1 / 25, "×", _ratio(DOCTOR, "accelerate env")),
    Goal("`doctor`, CPU against transformers env", 1 / 25, "×", _ratio(DOCTOR, "transformers env")),
    Goal("`doctor`, CPU against pip check", 1 / 4, "×", _ratio(DOCTOR, "pip check")),
    Goal("`doctor`, CPU against uv pip check", 4, "×", _ratio(DOCTOR, "uv pip check")),
    Goal("`doctor` to a pipe, peak memory of a process", 22, " MiB", _peak(DOCTOR)),
    Goal(
        "`doctor` on a terminal, peak memory of a process",
        30,
        " MiB",
        _peak("envcheck doctor, on a terminal"),
    ),
    Goal("`--version`, CPU against bare Python", 2, "×", _ratio("envcheck --version", BARE)),
    Goal(
        "`doctor --deep` before its own tests begin, CPU against `import torch`", 1.15, "×", _deep
    ),
)
