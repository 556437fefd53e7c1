"""What goes along with the agent where smoke training is asked for: one more module of its own.

``envcheck/smoke`` and ``envcheck/accelerator`` are served from memory in the process that trains,
so nothing is installed or written where the target is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.targets.base import AgentRequest

MODULE = "probes/smoke_sources.py"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ISLANDS = ("accelerator", "smoke")


def sources(request: AgentRequest) -> dict[str, bytes]:
    """Path below ``agent/`` -> text of the module that ``smoke_run`` imports; empty if nothing is
    to be trained.
    """
    if not request.smoke:
        return {}
    text = f"SOURCES = {islands()!a}\nSCRIPT = {tuple(request.script)!a}\n"
    return {MODULE: text.encode("ascii")}


def islands() -> dict[str, str]:
    """Path below ``envcheck/`` -> source."""
    found = {}
    for island in _ISLANDS:
        folder = os.path.join(_PACKAGE, island)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    found[f"{island}/{name}"] = file.read()
    return found
