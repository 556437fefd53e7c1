"""What ``save_model`` writes: whole, sharded, tied weights, torch's own format."""

import sys

import torch
from accelerate import Accelerator

from benchmarks.parity import problem

knobs, trace = problem.begin(sys.argv)
torch.manual_seed(knobs.seed)
accelerator = Accelerator(cpu=True)


class Tied(torch.nn.Module):
    """The head has the embedding's weights."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(20, 8)
        self.body = torch.nn.Linear(8, 8)
        self.head = torch.nn.Linear(8, 20, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, rows):
        """Logits of each row."""
        return self.head(self.body(self.embedding(rows)))


for name, model in (("plain", problem.model_of(knobs)), ("tied", Tied())):
    prepared = accelerator.prepare(model)
    for safe in (True, False):
        kind = "safe" if safe else "torch"
        accelerator.save_model(prepared, f"{name}-{kind}", safe_serialization=safe)
        accelerator.save_model(
            prepared, f"{name}-{kind}-sharded", max_shard_size=400, safe_serialization=safe
        )
trace.loss(torch.zeros(()))
trace.save()
