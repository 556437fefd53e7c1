"""Two models and two optimizers under one Accelerator."""

import sys

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.parity import problem

knobs, trace = problem.begin(sys.argv)
set_seed(knobs.seed)
accelerator = Accelerator(cpu=True, mixed_precision=knobs.precision)
maker, critic = problem.model_of(knobs), problem.model_of(knobs)
makes = torch.optim.Adam(maker.parameters(), lr=1e-2)
judges = torch.optim.SGD(critic.parameters(), lr=0.05, momentum=0.9)
maker, critic, makes, judges = accelerator.prepare(maker, critic, makes, judges)
loader = accelerator.prepare(problem.loader_of(knobs))
for _ in range(knobs.epochs):
    for inputs, targets in loader:
        fake = torch.cat([maker(inputs), inputs[:, 1:]], dim=1)
        judges.zero_grad()
        real = torch.cat([targets, inputs[:, 1:]], dim=1)
        yes, no = critic(real), critic(fake.detach())
        loss = binary_cross_entropy_with_logits(yes, torch.ones_like(yes))
        loss = loss + binary_cross_entropy_with_logits(no, torch.zeros_like(no))
        accelerator.backward(loss)
        trace.loss(loss)
        trace.gradient(critic)
        judges.step()
        makes.zero_grad()
        no = critic(fake)
        loss = binary_cross_entropy_with_logits(no, torch.ones_like(no))
        accelerator.backward(loss)
        trace.loss(loss)
        trace.gradient(maker)
        makes.step()
trace.weight(accelerator.unwrap_model(maker), accelerator.unwrap_model(critic))
trace.save()
