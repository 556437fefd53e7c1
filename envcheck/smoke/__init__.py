"""Small trainings that prove that an environment computes: they run inside of it.

``run`` tries the parts of ``PARTS``, each by itself, and reports every trial with a verdict, a
reason and its time. Nothing but torch and ``envcheck.accelerator`` is needed, and no network.

What each part proves, and its seconds of CPU (torch 2.13, one core of a server with AVX-512):

``processes``    1.1  Two forks join over TCP, train with gloo, and agree with each other (1e-6) and
                      with one process (1e-4). 0.9 s are the import of torch._dynamo, which any
                      optimizer needs: whoever comes first pays.
``mlp``          0.2  A perceptron learns parity: the loss falls to a tenth (really to less than a
                      hundredth). In fp32, bf16, fp16 on each kind of device, in fp32 on every one.
``transformer``  0.4  Causal attention finds the token before: the loss falls to a tenth as well. In
                      fp16 where it is emulated: 1.1.
``resume``       0.4  Model, optimizer, schedule, order of the data and dropout go on from a
                      checkpoint as they did without it: the next losses are the same (1e-4).
``compile``      4.2  torch.compile makes C++ (Triton's code on a GPU) whose losses and gradients
                      are torch's own (1e-4). Only plain C++: trying vector instructions, which
                      inductor does with a program for each set, and its precompiled header would
                      cost 10 s more.

All of it on a CPU: 8 s. A loss, gradient or weight that is not finite fails, and so does a layer
that computes in another format than was asked for. One thread computes: what happens with many
(two OpenMP runtimes, say) is not tried.
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
