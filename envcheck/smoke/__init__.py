"""Small trainings that prove that an environment computes: they run inside of it.

``run`` tries the parts of ``PARTS``, each by itself, and reports every trial with a verdict, a
reason and its time. Nothing but torch and ``envcheck.accelerator`` is needed, and no network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

#: What can be asked for, in the order in which it runs: first what forks, before there are threads.
PARTS: tuple[str, ...] = ("processes", "mlp", "transformer", "resume", "compile")
#: Where each part is: ``module:function``.
FUNCTIONS = {
    "processes": "envcheck.smoke.processes:two_processes",
    "mlp": "envcheck.smoke.training:mlp",
    "transformer": "envcheck.smoke.training:transformer",
    "resume": "envcheck.smoke.checkpoint:resume",
    "compile": "envcheck.smoke.compilation:compiled",
}


def run(
    report: Callable[[dict[str, Any]], None],
    parts: Collection[str] | None = None,
    seconds: float = 60.0,
) -> None:
    """Try ``parts`` (None: all) within about ``seconds`` of wall time.

    ``report`` gets a dictionary of plain values twice for each trial: as it starts, with the
    ``status`` ``running``, and as it ends, with ``pass``, ``fail``, ``skip`` or ``unknown``.
    Raises ValueError for a part that there is not. What goes wrong in a trial raises nothing.
    """
    from envcheck.smoke.trials import Trials

    wanted = PARTS if parts is None else tuple(parts)
    for name in wanted:
        if name not in FUNCTIONS:
            raise ValueError(f"no part of the smoke is {name!r}: there are {', '.join(PARTS)}")
    Trials(report, seconds).run([(name, FUNCTIONS[name]) for name in PARTS if name in wanted])
