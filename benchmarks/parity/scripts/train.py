"""A training script as one writes it for Accelerate."""

import contextlib
import os
import sys

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import GradScalerKwargs, set_seed
from torch.nn.functional import mse_loss

from benchmarks.parity import problem

knobs, trace = problem.begin(sys.argv)
set_seed(knobs.seed)
accelerator = Accelerator(
    cpu=True,
    mixed_precision=knobs.precision,
    gradient_accumulation_steps=knobs.accumulation,
    step_scheduler_with_optimizer=knobs.scheduler_with_optimizer,
    dataloader_config=DataLoaderConfiguration(
        split_batches=knobs.split, even_batches=knobs.even, dispatch_batches=knobs.dispatch
    ),
    kwargs_handlers=[GradScalerKwargs(init_scale=knobs.init_scale)],
)
world = int(os.environ.get("WORLD_SIZE", "1"))
assert accelerator.num_processes == world
model, loader = problem.model_of(knobs), problem.loader_of(knobs)
optimizer = problem.optimizer_of(knobs, model)
scheduler = problem.scheduler_of(knobs, optimizer)
if knobs.scheduler_first:
    scheduler, loader, model, optimizer = accelerator.prepare(scheduler, loader, model, optimizer)
else:
    model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)

evaluated = accelerator.prepare(problem.loader_of(knobs)) if knobs.evaluate else []
model.train()
for _ in range(knobs.epochs):
    together = accelerator.join_uneven_inputs([model]) if knobs.join else contextlib.nullcontext()
    number = 0
    with together:
        for inputs, targets in loader:
            with accelerator.accumulate(model):
                loss = mse_loss(model(inputs), targets)
                trace.loss(loss)
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    if knobs.clip_norm:
                        norm = accelerator.clip_grad_norm_(model.parameters(), knobs.clip_norm)
                        trace.note("norm", norm.item())
                    elif knobs.clip_value:
                        accelerator.clip_grad_value_(model.parameters(), knobs.clip_value)
                    else:
                        accelerator.unscale_gradients()
                    trace.gradient(model)
                optimizer.step()
                if scheduler is not None:
                    scheduler.step(*([loss.item()] if knobs.scheduler == "plateau" else []))
                optimizer.zero_grad()
                if accelerator.sync_gradients:
                    trace.note("skipped", accelerator.optimizer_step_was_skipped)
                    trace.note("rate", optimizer.param_groups[0]["lr"])
            if knobs.evaluate and accelerator.sync_gradients:
                model.eval()
                with torch.no_grad():
                    trace.note("evaluation", [model(rows).sum().item() for rows, _ in evaluated])
                model.train()
            number += 1
            if number == knobs.leave:
                break

trace.weight(accelerator.unwrap_model(model))
trace.save()
