# ruff: noqa: E501 - tables of scenarios
"""The table of scenarios: what is trained, how, by how many processes; and how it is compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import torch

from benchmarks.parity.problem import Knobs, Trace
from benchmarks.parity.worker import Job

if TYPE_CHECKING:
    from pathlib import Path

#: Of gradients and weights, absolute: fp32 sums in another order, amplified by a dozen steps of
#: AdamW. Gradients here are of the order of 1, weights of 0.3.
TOLERANCE = 5e-6


@dataclass(frozen=True)
class Scenario:
    """``differs``: why Accelerate does not compute the same, empty where it must.

    ``plain`` is false where no loop of one process computes it, as random numbers of each rank.
    """

    name: str
    knobs: Knobs = field(default_factory=Knobs)
    script: str = "train"
    world: int = 1
    differs: str = ""
    plain: bool = True

    def jobs(self) -> list[Job]:
        """The plain loop, ours and Accelerate's."""
        knobs = self.knobs.write()
        jobs = [
            Job(f"{self.name}.{library}", library, self.script, (knobs,), self.world)
            for library in ("ours", "accelerate")
        ]
        if self.plain:
            script = "train_together" if self.world > 1 else self.script
            arguments = (knobs, str(self.world)) if self.world > 1 else (knobs,)
            jobs.append(Job(f"{self.name}.plain", "plain", script, arguments))
        return jobs


@dataclass(frozen=True)
class Resumption:
    """Training stopped after ``knobs.stop`` batches and gone on with in another process."""

    name: str
    knobs: Knobs
    differs: str = ""
    world: int = 1

    @property
    def plain(self) -> bool:
        """A seedable sampler shuffles otherwise than torch's."""
        return not self.knobs.seedable

    def jobs(self) -> list[Job]:
        """Each library: the whole, its beginning with a checkpoint, what follows; and plain."""
        jobs = [Job(f"{self.name}.plain", "plain", "train", (self.knobs.write(),))]
        for library in ("ours", "accelerate"):
            for stage in ("whole", "first", "second"):
                jobs.append(
                    Job(
                        f"{self.name}.{library}" + (f".{stage}" if stage != "whole" else ""),
                        library,
                        "resume",
                        (replace(self.knobs, stage=stage).write(),),
                        folder=f"{self.name}.{library}.work",
                        after=f"{self.name}.{library}.first" if stage == "second" else "",
                    )
                )
        return jobs


def _(
    name: str,
    script: str = "train",
    world: int = 1,
    differs: str = "",
    plain: bool = True,
    **knobs: object,
) -> Scenario:
    return Scenario(name, Knobs(**knobs), script, world, differs, plain)  # type: ignore[arg-type]


LOOK_AHEAD = "fetches one batch ahead: the dataset's random numbers come before the model's"
NO_FP16 = "fp16 on a CPU trains in fp32, without a word"

ONE_PROCESS = (
    _("plain training"),
    _("SGD with momentum", optimizer="momentum"),
    _("accumulation", accumulation=3),
    _("accumulation, tail of 1 of 4", accumulation=4, length=17),
    _("accumulation longer than the epoch", accumulation=100),
    _("clipping by norm", clip_norm=0.5),
    _("clipping by value", clip_value=0.05),
    _("clipping and accumulation", clip_norm=0.5, accumulation=2),
    _("StepLR", scheduler="step"),
    _("OneCycleLR", scheduler="onecycle"),
    _("LambdaLR", scheduler="lambda"),
    _("cosine, prepared before its optimizer", scheduler="cosine", scheduler_first=True),
    _("StepLR and accumulation", scheduler="step", accumulation=2),
    _(
        "scheduler on its own (step_scheduler_with_optimizer=False)",
        scheduler="lambda",
        scheduler_with_optimizer=False,
        accumulation=2,
    ),
    _("ReduceLROnPlateau", scheduler="plateau"),
    _("batch normalisation", norm=True, accumulation=2),
    _("evaluation inside an accumulation", evaluate=True, accumulation=3),
    _("epochs left early, accumulation", leave=3, accumulation=2, epochs=4, plain=False),
    _("dropout", dropout=0.3),
    _("random augmentation", augment=True),
    _("dropout and random augmentation", dropout=0.3, augment=True, differs=LOOK_AHEAD),
    _("shuffled, dropout", shuffle=True, dropout=0.3),
    _("shuffled by a generator, dropout", shuffle=True, generator=True, dropout=0.3),
    _("drop_last, shuffled", shuffle=True, drop_last=True, length=24),
    _("two workers, augmentation, dropout", workers=2, augment=True, dropout=0.2, shuffle=True),
    _("iterable dataset, accumulation", iterable=True, accumulation=4),
    _("GAN: two models, two optimizers", "gan", dropout=0.2),
    _("bf16", precision="bf16"),
    _("bf16, clipping, accumulation, cosine", precision="bf16", clip_norm=0.5, accumulation=2, scheduler="cosine"),
    _("fp16", precision="fp16", init_scale=1024.0, differs=NO_FP16),
    _("fp16, overflows: step and scheduler skipped", precision="fp16", init_scale=2.0**18, scheduler="step", differs=NO_FP16),
    _("fp16, clipping and accumulation", precision="fp16", init_scale=1024.0, clip_norm=0.5, accumulation=3, differs=NO_FP16),
    _("quickstart", "quickstart", seed=0),
)  # fmt: skip

JOIN = "join_uneven_inputs does nothing without a GPU: the other rank waits for one that has gone"

SEVERAL_PROCESSES = (
    _("2 processes, 22 rows by 4", world=2),
    _("2 processes, 21 rows by 4", world=2, length=21),
    _("4 processes, 22 rows by 4", world=4),
    _("4 processes, 3 rows by 4", world=4, length=3),
    _("2 processes, split batches, 21 rows", world=2, split=True, length=21),
    _("4 processes, split batches, 21 rows", world=4, split=True, length=21),
    _("2 processes, uneven, joined", world=2, even=False, join=True, optimizer="sgd", length=18, differs=JOIN),
    _("4 processes, uneven, joined", world=4, even=False, join=True, optimizer="sgd", length=38, differs=JOIN),
    _("2 processes, split, uneven, joined", world=2, split=True, even=False, join=True, optimizer="sgd", length=21, differs=JOIN),
    _("2 processes, accumulation, clipping", world=2, accumulation=2, clip_norm=0.5),
    _("4 processes, accumulation with tail", world=4, accumulation=3, length=75),
    _("2 processes, StepLR", world=2, scheduler="step"),
    _("2 processes, OneCycleLR", world=2, scheduler="onecycle"),
    _("2 processes, cosine, split batches", world=2, scheduler="cosine", split=True),
    _("2 processes, bf16", world=2, precision="bf16"),
    _("2 processes, iterable, dispatched", world=2, iterable=True, length=21),
    _("4 processes, iterable, dispatched", world=4, iterable=True, length=21),
    _("2 processes, iterable, dispatched, split", world=2, iterable=True, split=True, length=21),
    _("2 processes, iterable, each reads", world=2, iterable=True, dispatch=False, length=21),
    _("2 processes, map-style, dispatched", world=2, dispatch=True, length=21),
)  # fmt: skip

#: Each rank has random numbers of its own: no loop of one process computes these.
ONLY_TOGETHER = (
    _("2 processes, shuffled", world=2, plain=False, shuffle=True),
    _("2 processes, shuffled by a generator, dropout", world=2, plain=False, shuffle=True, generator=True, dropout=0.3),
    _("4 processes, shuffled, uneven", world=4, plain=False, shuffle=True, length=37),
    _("2 processes, batch normalisation", world=2, plain=False, norm=True),
    _("2 processes, evaluation inside an accumulation", world=2, plain=False, evaluate=True, accumulation=3),
    _("2 processes, epochs left early, accumulation", world=2, plain=False, leave=3, accumulation=2, epochs=4, length=40),
    _("2 processes, GAN", "gan", world=2, plain=False, dropout=0.2),
    _("2 processes, quickstart", "quickstart", world=2, plain=False),
)  # fmt: skip

EVALUATIONS = tuple(
    _(
        f"evaluation by {world}{', split' * split}{', dispatched' * dispatch}",
        "metrics",
        world=world,
        plain=False,
        length=19,
        split=bool(split),
        dispatch=bool(dispatch),
    )
    for world in (1, 2, 4)
    for split in (0, 1)
    for dispatch in (0, 1)
)

SAVING = _("save_model", "saving", plain=False)


def _r(name: str, stop: int, differs: str = "", **knobs: object) -> Resumption:
    return Resumption(name, Knobs(stop=stop, **knobs), differs)  # type: ignore[arg-type]


SHUFFLE = "load_state restores the generator as it was at the stop: another order is skipped in"
DRAW = "the iterator made after load_state draws from the generator that it had restored"
AHEAD = "the random state is saved after the look-ahead"

RESUMPTIONS = (
    _r("resume, momentum and scheduler", 3, optimizer="momentum", scheduler="cosine"),
    _r("resume, AdamW, dropout", 3, dropout=0.3, differs=DRAW),
    _r("resume, shuffled", 3, shuffle=True, differs=SHUFFLE),
    _r("resume, shuffled by a generator", 3, shuffle=True, generator=True),
    _r("resume, shuffled by a seedable sampler, dropout", 3, shuffle=True, dropout=0.3, seedable=True, differs=DRAW),
    _r("resume, shuffled, dropout, augmentation", 3, shuffle=True, dropout=0.3, augment=True, differs=AHEAD),
    _r("resume, on an accumulation boundary", 4, accumulation=2, scheduler="step"),
    _r("resume, second epoch, shuffled", 9, shuffle=True, dropout=0.3, epochs=3, differs=SHUFFLE),
    _r("resume, between two epochs", 6, shuffle=True, dropout=0.3),
    _r("resume, fp16 with overflows", 4, precision="fp16"),
)  # fmt: skip

SCENARIOS = (*ONE_PROCESS, *SEVERAL_PROCESSES, *ONLY_TOGETHER, *EVALUATIONS, *RESUMPTIONS)


class Difference(NamedTuple):
    """Largest absolute differences; ``inf`` where one has more steps than the other."""

    losses: float
    gradients: float
    weights: float
    equal: bool

    @property
    def largest(self) -> float:
        """Of the three."""
        return max(self.losses, self.gradients, self.weights)


def compare(one: Trace, other: Trace) -> Difference:
    """Losses, gradients and weights of two traces."""
    pairs = ((one.losses, other.losses), (one.gradients, other.gradients))
    numbers = [_largest(*pair) for pair in (*pairs, ([one.weights], [other.weights]))]
    return Difference(*numbers, equal=not any(numbers))


def _largest(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> float:
    if [tensor.shape for tensor in ours] != [tensor.shape for tensor in theirs]:
        return float("inf")
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        if not torch.equal(torch.nan_to_num(one), torch.nan_to_num(other)):
            worst = max(
                worst,
                (one.double() - other.double()).abs().nan_to_num(nan=float("inf")).max().item(),
            )
    return worst


def traces(folder: Path, job: str, world: int) -> list[Trace]:
    return [Trace.load(str(folder / job / f"trace.{rank}")) for rank in range(world)]


def tail(trace: Trace, batches: int, steps: int) -> Trace:
    """``trace`` from its batch and its step of these numbers on."""
    rest = Trace()
    rest.losses, rest.gradients = trace.losses[batches:], trace.gradients[steps:]
    rest.weights = trace.weights
    return rest
