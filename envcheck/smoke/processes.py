"""Two processes that train together get what one gets alone."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.nn import functional
from torch.utils.data import DataLoader

from envcheck.accelerator import (
    Accelerator,
    AcceleratorState,
    InitProcessGroupKwargs,
    set_seed,
)
from envcheck.smoke import models
from envcheck.smoke.forks import in_forks
from envcheck.smoke.trials import Failed, Skipped

if TYPE_CHECKING:
    from envcheck.smoke.trials import Trials

PROCESSES = 2
EPOCH = models.SAMPLES // models.BATCH  # steps
STEPS = 3 * EPOCH
LONGEST = 30.0  # seconds that the processes may take
AMONG = 1e-6  # largest difference between the processes …
ALONE = 1e-4  # … and from one process, relative; measured: 0 and 2e-7
LOOPBACK = "127.0.0.1"


def two_processes(trials: Trials, part: str) -> None:
    """Two forks join over TCP on this machine, as torchrun's do, and train with gloo on the CPU."""
    work = partial(_agree, trials)
    trials.trial(work, part=part, device="cpu", dtype="fp32", model="mlp", processes=PROCESSES)


def _agree(trials: Trials, record: dict[str, Any]) -> None:
    if not hasattr(os, "fork") or sys.platform == "darwin":
        raise Skipped("a process that has imported torch cannot be forked on this platform")
    if not distributed.is_available() or not distributed.is_gloo_available():
        raise Skipped("this torch was built without gloo")
    import torch._dynamo  # noqa: F401  (optimizers load it: once is enough)

    seconds = min(LONGEST, trials.left())
    port = _free_port()
    found = in_forks(lambda rank: _rank(rank, port, seconds), PROCESSES, seconds)
    one = _alone()
    before, after = (
        sum(losses) / EPOCH for losses in (one["losses"][:EPOCH], one["losses"][-EPOCH:])
    )
    record.update(steps=STEPS, first_loss=before, last_loss=after)
    for rank, other in enumerate(found[1:], 1):
        _compare(f"rank {rank}", other, "rank 0", found[0], AMONG)
    _compare(f"{PROCESSES} processes", found[0], "one process", one, ALONE)
    if not after < before:
        raise Failed("the loss does not fall: there is nothing to agree about")


def _compare(name: str, found: Any, other: str, expected: Any, tolerance: float) -> None:
    """Raise Failed if losses or weights differ by more than ``tolerance``, relative."""
    for what in ("losses", "weights"):
        scale = max(abs(value) for value in expected[what])
        differences = [abs(a - b) for a, b in zip(found[what], expected[what])]
        if not all(difference <= tolerance * scale for difference in differences):  # nan: not so
            most = max(differences) / (scale or 1.0)
            raise Failed(f"{what} of {name} differ from those of {other} by {most:.2g} of them")


def _free_port() -> int:
    """A port that nobody listens at: the store that found it is gone when this returns."""
    store = distributed.TCPStore(LOOPBACK, 0, is_master=True, wait_for_workers=False)
    return int(store.port)


def _rank(rank: int, port: int, seconds: float) -> dict[str, list[float]]:
    """In a fork: train as the process that torchrun would have started with these variables."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(PROCESSES))
    os.environ.update(MASTER_ADDR=LOOPBACK, MASTER_PORT=str(port))
    timeout = InitProcessGroupKwargs(timeout=timedelta(seconds=seconds))
    accelerator = Accelerator(cpu=True, kwargs_handlers=[timeout])
    if accelerator.num_processes != PROCESSES:
        raise Failed(f"{PROCESSES} processes train as {accelerator.num_processes}")
    result, model = _train(accelerator)
    accelerator.wait_for_everyone()
    _never_freed.extend((accelerator, model))
    return result


#: Of a fork, until it ends. Whoever frees the last reference to a group of gloo waits for its
#: threads with the interpreter's lock held; a thread that then has a tensor of Python's to free
#: waits for that lock (seen in torch 2.13 after ``destroy_process_group``, in one of three runs).
_never_freed: list[Any] = []


def _alone() -> dict[str, list[float]]:
    """In this process: what the forks have to come to."""
    try:
        return _train(Accelerator(cpu=True))[0]
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


def _train(accelerator: Accelerator) -> tuple[dict[str, list[float]], Any]:
    """(the losses of all processes and the weights in the end, the model).

    Each step takes 32 samples, whoever computes them. Plain gradient descent, for Adam makes large
    steps of small differences where a gradient is almost zero.
    """
    set_seed(7)
    model = models.Mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.5)
    loader = DataLoader(models.parity(), batch_size=models.BATCH // accelerator.num_processes)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    losses = []
    for inputs, targets in models.batches(loader, STEPS):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        losses.append(accelerator.gather(loss.detach()).mean().item())
    weights = torch.cat([value.detach().flatten() for value in model.parameters()])
    return {"losses": losses, "weights": weights.tolist()}, model
