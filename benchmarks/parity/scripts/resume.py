"""Trains, and on the way saves and stops, or loads and goes on. Stages: whole, first, second."""

import sys

from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import set_seed
from torch.nn.functional import mse_loss

from benchmarks.parity import problem

FOLDER = "checkpoint"
knobs, trace = problem.begin(sys.argv)
set_seed(knobs.seed if knobs.stage != "second" else 12345)
seedable = {"use_seedable_sampler": True, "data_seed": 5} if knobs.seedable else {}
accelerator = Accelerator(
    cpu=True,
    mixed_precision=knobs.precision,
    gradient_accumulation_steps=knobs.accumulation,
    dataloader_config=DataLoaderConfiguration(**seedable),
)
model, loader = problem.model_of(knobs), problem.loader_of(knobs)
optimizer = problem.optimizer_of(knobs, model)
scheduler = problem.scheduler_of(knobs, optimizer)
model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
first_epoch, done = 0, 0
if knobs.stage == "second":
    accelerator.load_state(FOLDER)
    first_epoch, done = divmod(knobs.stop, len(loader))
step = knobs.stop if knobs.stage == "second" else 0

model.train()
for epoch in range(first_epoch, knobs.epochs):
    batches = loader
    if epoch == first_epoch and done:
        batches = accelerator.skip_first_batches(loader, done)
    batches.set_epoch(epoch)
    for inputs, targets in batches:
        with accelerator.accumulate(model):
            loss = mse_loss(model(inputs), targets)
            trace.loss(loss)
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.unscale_gradients()
                trace.gradient(model)
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            optimizer.zero_grad()
        step += 1
        if knobs.stage == "first" and step == knobs.stop:
            accelerator.save_state(FOLDER)
            break
    if knobs.stage == "first" and step == knobs.stop:
        break
trace.weight(accelerator.unwrap_model(model))
trace.save()
