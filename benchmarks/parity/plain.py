"""The plain loops that everything else is measured by."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from benchmarks.parity import problem
from benchmarks.parity.problem import Knobs, Trace


def train(knobs: Knobs, trace: Trace) -> None:
    """One process. This is what a training loop means; nothing of any helper is in it."""
    problem.seed(knobs.seed)
    model, loader = problem.model_of(knobs), problem.loader_of(knobs)
    optimizer = problem.optimizer_of(knobs, model)
    scheduler = problem.scheduler_of(knobs, optimizer)
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(knobs.precision)
    scaled = knobs.precision == "fp16"
    scaler = torch.amp.GradScaler("cpu", enabled=scaled, init_scale=knobs.init_scale)
    batches = -(-knobs.length // knobs.batch)
    for _ in range(knobs.epochs):
        for number, (inputs, targets) in enumerate(loader, 1):
            with torch.autocast("cpu", dtype=half, enabled=half is not None):
                outputs = model(inputs)
            loss = mse_loss(outputs.float(), targets)
            trace.loss(loss)
            scaler.scale(loss / knobs.accumulation).backward()
            boundary = number % knobs.accumulation == 0 or number == batches
            if scheduler and not boundary and not knobs.scheduler_with_optimizer:
                scheduler.step()
            if not boundary:
                continue
            scaler.unscale_(optimizer)
            if knobs.clip_norm:
                trace.note("norm", clip_grad_norm_(model.parameters(), knobs.clip_norm).item())
            if knobs.clip_value:
                clip_grad_value_(model.parameters(), knobs.clip_value)
            trace.gradient(model)
            scale = scaler.get_scale()
            scaler.step(optimizer)
            scaler.update()
            skipped = scaler.get_scale() < scale
            if scheduler and not (skipped and knobs.scheduler_with_optimizer):
                scheduler.step(*([loss.item()] if knobs.scheduler == "plateau" else []))
            optimizer.zero_grad()
            trace.note("skipped", skipped)
            trace.note("rate", optimizer.param_groups[0]["lr"])
            if knobs.evaluate:
                model.eval()
                with torch.no_grad():
                    trace.note("evaluation", [model(rows).sum().item() for rows, _ in loader])
                model.train()
    trace.weight(model)


def gan(knobs: Knobs, trace: Trace) -> None:
    """Two models and two optimizers that take turns, one loader."""
    problem.seed(knobs.seed)
    maker, critic = problem.model_of(knobs), problem.model_of(knobs)
    makes = torch.optim.Adam(maker.parameters(), lr=1e-2)
    judges = torch.optim.SGD(critic.parameters(), lr=0.05, momentum=0.9)
    for _ in range(knobs.epochs):
        for inputs, targets in problem.loader_of(knobs):
            fake = torch.cat([maker(inputs), inputs[:, 1:]], dim=1)
            judges.zero_grad()
            real = torch.cat([targets, inputs[:, 1:]], dim=1)
            yes, no = critic(real), critic(fake.detach())
            loss = binary_cross_entropy_with_logits(yes, torch.ones_like(yes))
            loss = loss + binary_cross_entropy_with_logits(no, torch.zeros_like(no))
            loss.backward()
            trace.loss(loss)
            trace.gradient(critic)
            judges.step()
            makes.zero_grad()
            no = critic(fake)
            loss = binary_cross_entropy_with_logits(no, torch.ones_like(no))
            loss.backward()
            trace.loss(loss)
            trace.gradient(maker)
            makes.step()
    trace.weight(maker, critic)


def shares(knobs: Knobs, order: list[int], world: int) -> list[list[list[int]]]:
    """Which rows each rank gets at each step: ``[step][rank][row]``.

    ``even``: the order is repeated from its beginning until all ranks have full batches. Where
    one process reads and hands out, only until the last step can be divided.
    """
    dispatched = knobs.dispatch or (knobs.iterable and knobs.dispatch is None)
    per_rank = knobs.batch // world if knobs.split else knobs.batch
    together = per_rank * world
    rows = list(order)
    while knobs.even and len(rows) % (world if dispatched else together):
        rows.append(order[len(rows) % len(order)])
    steps = []
    for start in range(0, len(rows), together):
        step = rows[start : start + together]
        share = len(step) // world if dispatched else per_rank
        steps.append([step[rank * share : (rank + 1) * share] for rank in range(world)])
    return steps


def train_together(knobs: Knobs, world: int) -> list[Trace]:
    """What ``world`` processes compute, by one: gradients are the mean of the ranks' gradients.

    A rank that has run out of rows adds nothing (the others' sum is still divided by all).
    """
    problem.seed(knobs.seed)
    model = problem.model_of(knobs)
    optimizer = problem.optimizer_of(knobs, model)
    scheduler = problem.scheduler_of(knobs, optimizer)
    traces = [Trace() for _ in range(world)]
    inputs, targets = problem.table(knobs.length)
    for _ in range(knobs.epochs):
        steps = shares(knobs, list(range(knobs.length)), world)
        for number, ranks in enumerate(steps, 1):
            for rank, rows in enumerate(ranks):
                if rows:
                    with torch.autocast("cpu", torch.bfloat16, knobs.precision == "bf16"):
                        outputs = model(inputs[rows])
                    loss = mse_loss(outputs.float(), targets[rows])
                    traces[rank].loss(loss)
                    (loss / knobs.accumulation / world).backward()
            if number % knobs.accumulation and number < len(steps):
                continue
            if knobs.clip_norm:
                clip_grad_norm_(model.parameters(), knobs.clip_norm)
            for trace, rows in zip(traces, ranks, strict=True):
                if rows:
                    trace.gradient(model)
            optimizer.step()
            for _ in range(1 if knobs.split else world):
                if scheduler and not (
                    knobs.scheduler == "onecycle" and scheduler.last_epoch >= scheduler.total_steps
                ):
                    scheduler.step()
            optimizer.zero_grad()
            for trace in traces:
                trace.note("rate", optimizer.param_groups[0]["lr"])
    for trace in traces:
        trace.weight(model)
    return traces


def quickstart(knobs: Knobs, trace: Trace) -> None:
    """The quickstart without a helper: bf16, one epoch of shuffled rows."""
    torch.manual_seed(knobs.seed)
    model = torch.nn.Linear(10, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    rows = [{"input": torch.randn(10), "target": torch.randn(1)} for _ in range(50)]
    loader = torch.utils.data.DataLoader(rows, batch_size=8, shuffle=True)  # type: ignore[arg-type]
    for batch in loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(batch["input"])
        loss = mse_loss(outputs.float(), batch["target"])
        trace.loss(loss)
        loss.backward()
        trace.gradient(model)
        optimizer.step()
    trace.weight(model)
