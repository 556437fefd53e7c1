"""The noun: one damaged (or healthy) environment and what a tool should say of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.sandbox import Sandbox

if TYPE_CHECKING:
    from benchmarks.verdicts import Expectation

Make = Callable[[Sandbox], None]


class Fault(NamedTuple):
    """``make`` damages the sandbox. ``expected.healthy`` makes it a negative control.

    ``outside``: the environment cannot start, or tools live elsewhere: they run from the second
    environment, and those that can look at another one are pointed at it with ``point``.
    ``asks``: further words for envcheck where a fault needs a stated requirement; no peer can be
    asked for one. ``stand_in``: the devices are not real, no kernel can run on them: what needs
    that (``--deep``) is not run.
    """

    name: str
    summary: str
    make: Make
    expected: Expectation
    outside: bool = False
    point: str = ""
    asks: tuple[str, ...] = ()
    stand_in: bool = False


def nothing(_sandbox: Sandbox) -> None:
    """The environment as it is."""
