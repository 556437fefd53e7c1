"""Evaluation: every row comes back once, in order, on every process, whatever the lengths are."""

import sys

import torch
from accelerate import Accelerator, DataLoaderConfiguration

from benchmarks.parity import problem

knobs, trace = problem.begin(sys.argv)
configuration = DataLoaderConfiguration(
    split_batches=knobs.split, even_batches=knobs.even, dispatch_batches=knobs.dispatch
)
accelerator = Accelerator(cpu=True, dataloader_config=configuration)
first = knobs.batch if knobs.dispatch else 1  # fewer than there are processes kill Accelerate
for length in range(first, knobs.length + 1):
    rows = [{"row": torch.tensor(row), "text": f"row {row}"} for row in range(length)]
    if knobs.dispatch:  # Accelerate can send tensors only
        rows = [{"row": row["row"]} for row in rows]
    loader = torch.utils.data.DataLoader(rows, batch_size=knobs.batch)
    loader = accelerator.prepare(loader)
    seen = []
    for batch in loader:
        seen += accelerator.gather_for_metrics(batch["row"]).tolist()
    trace.note("rows", seen)
    trace.note("batches", len(loader))
    trace.loss(torch.tensor(float(sum(seen))))
trace.save()
