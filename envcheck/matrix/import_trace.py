"""Which modules take long in importing one: by a process of its own, which is not timed.

``-X importtime`` makes everything slower, and the process need not run alone: what counts is how
the time is shared out. It finds the bytecode that earlier processes have left.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.matrix.execution import execute, island
from envcheck.model.cell import SlowModule
from envcheck.report import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envcheck.matrix.backends.base import Room

BEGINS, ENDS = "envcheck: the import begins\n", "envcheck: the import ends\n"
SLOWEST = 10
_BYTES = 2 << 20
_LINE = re.compile(r"^import time:\s*(\d+) \|\s*(\d+) \|\s*(\S+)\s*$", re.MULTILINE)


def slowest(
    room: Room, module: str, *, seconds: float, env: Mapping[str, str | None]
) -> list[SlowModule]:
    """The modules that took longest themselves, of those that importing ``module`` loads; none if
    that cannot be told. Raises as ``execution.execute``.
    """
    script = room.put("importing.py", island("importing").encode())
    outcome = execute(
        room,
        [room.paths.python, "-I", "-X", "importtime", script, module, cache_of(room, 0)],
        name="trace",
        who="package",
        seconds=seconds,
        log_bytes=_BYTES,
        env=env,
        says=True,
    )
    if not outcome.ok:
        return []
    text = outcome.text.partition(BEGINS)[2].partition(ENDS)[0]
    found = [
        SlowModule(
            name=printable.shorten(name, 200),
            seconds=int(own) / 1e6,
            cumulative=int(cumulative) / 1e6,
        )
        for own, cumulative, name in _LINE.findall(text)
        if len(own) < 16 and len(cumulative) < 16
    ]
    return sorted(found, key=lambda one: -one.seconds)[:SLOWEST]


def cache_of(room: Room, number: int) -> str:
    """Where processes that import the module of this number find bytecode, and leave it."""
    return f"{room.paths.scratch}/.bytecode/{number}"
