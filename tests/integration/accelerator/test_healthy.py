"""Programs in which nothing is wrong: they end well, and nothing at all is said.

In each a warning is an error. What a CPU only emulates is left out.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from programs import Program  # noqa: E402 -- it needs torch where it runs

pytestmark = pytest.mark.torch

QUICKSTART = """
def train():
    accelerator = Accelerator(cpu=True)
    model = nn.Linear(10, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    rows = [{"input": torch.rand(10), "target": torch.rand(1)} for _ in range(30)]
    dataloader = DataLoader(rows, batch_size=4, shuffle=True)
    model, optimizer, dataloader = accelerator.prepare(model, optimizer, dataloader)
    model.train()
    for batch in dataloader:
        optimizer.zero_grad()
        outputs = model(batch["input"])
        loss = nn.functional.mse_loss(outputs, batch["target"])
        accelerator.backward(loss)
        optimizer.step()
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        accelerator.save_model(model, "output/")
    accelerator.end_training()

train()
"""

TRAINER = """
set_seed(1)
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
model = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 1))
groups = [
    {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.1},
    {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=1e-2)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
training = DataLoader(Rows(32), batch_size=2, shuffle=True, num_workers=WORKERS)
evaluation = DataLoader(Rows(13), batch_size=4, num_workers=WORKERS)
model, optimizer, training, evaluation, scheduler = accelerator.prepare(
    model, optimizer, training, evaluation, scheduler
)
for epoch in range(2):
    model.train()
    total = torch.zeros(())
    for batch in training:
        with accelerator.accumulate(model):
            loss = nn.functional.mse_loss(model(batch / 32), batch.sin())
            total += loss.detach()
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    model.eval()
    seen = []
    with torch.no_grad():
        for batch in evaluation:
            outputs, rows = accelerator.gather_for_metrics((model(batch), batch))
            seen += numbers(rows)
    assert seen == list(range(13)), seen
    mean = accelerator.reduce(total, "mean").item()
    accelerator.save_state(f"checkpoint-{epoch}")
accelerator.load_state("checkpoint-0")
state = accelerator.get_state_dict(model)
accelerator.save_model(model, "model", max_shard_size="1KB")
accelerator.wait_for_everyone()
accelerator.free_memory()
"""

RESUMED = """
def parts():
    set_seed(2)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    loader = DataLoader(Rows(24), batch_size=2, shuffle=True, num_workers=WORKERS)
    accelerator = Accelerator(cpu=True)
    prepared = accelerator.prepare(model, optimizer, loader, scheduler)
    accelerator.register_for_checkpointing(accelerator.prepare(prepared[3]))
    return accelerator, prepared

def train(accelerator, model, optimizer, batches, scheduler, stop=None):
    losses = []
    for number, batch in enumerate(batches, 1):
        loss = model(batch / 24).square().mean()
        losses.append(loss.item())
        accelerator.backward(loss)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        if number == stop:
            break
    return losses

accelerator, (model, optimizer, loader, scheduler) = parts()
first = train(accelerator, model, optimizer, loader, scheduler, 2)
accelerator.save_state("checkpoint")
accelerator, (model, optimizer, loader, scheduler) = parts()
accelerator.load_state("checkpoint")
rest = accelerator.skip_first_batches(loader, 2)
second = train(accelerator, model, optimizer, rest, scheduler)
train(accelerator, model, optimizer, loader, scheduler)
accelerator, (model, optimizer, loader, scheduler) = parts()
assert train(accelerator, model, optimizer, loader, scheduler) == first + second
"""

TIED = """
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(8, 4)
        self.head = nn.Linear(4, 8, bias=False)
        self.head.weight = self.embedding.weight
    def forward(self, indices):
        return self.head(self.embedding(indices))

accelerator = Accelerator(cpu=True)
model = Tied()
model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters()))
for _ in range(2):
    accelerator.backward(model(torch.arange(8)).square().mean())
    optimizer.step()
    optimizer.zero_grad()
for safe in (True, False):
    accelerator.save_state(f"state{safe}", safe_serialization=safe)
    accelerator.save_model(model, f"model{safe}", max_shard_size=100, safe_serialization=safe)
    accelerator.wait_for_everyone()
    own = accelerator.unwrap_model(model)
    before = own.embedding.weight.detach().clone()
    with torch.no_grad():
        own.embedding.weight.zero_()
    accelerator.load_state(f"state{safe}")
    assert torch.equal(own.embedding.weight, before)
    assert own.head.weight is own.embedding.weight
"""

COMPILED = """
accelerator = Accelerator(cpu=True)
# compiling what DistributedDataParallel has made gives a warning of torch's own
for order in ("before", "after")[: 3 - accelerator.num_processes]:
    model = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    if order == "before":
        model = torch.compile(model, backend="eager")
    model, optimizer, loader = accelerator.prepare(
        model, optimizer, DataLoader(Rows(8), batch_size=2)
    )
    if order == "after":
        model = torch.compile(model, backend="eager")
    for batch in loader:
        accelerator.backward(model(batch).mean())
        optimizer.step()
        optimizer.zero_grad()
    accelerator.save_state(order)
    accelerator.load_state(order)
    accelerator.save_model(model, "model" + order)
    assert type(accelerator.unwrap_model(model, keep_torch_compile=False)) is nn.Sequential
    accelerator.wait_for_everyone()
"""

ODDS = """
accelerator = Accelerator(cpu=True, project_dir="project", step_scheduler_with_optimizer=False)
with accelerator.main_process_first(), accelerator.local_main_process_first():
    pass
assert accelerator.on_main_process(lambda: RANK)() == (0 if RANK == 0 else None)
with accelerator.split_between_processes(list(range(5)), apply_padding=True) as part:
    assert len(part) == 3 or accelerator.num_processes == 1
model, frozen = nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=40)
model, frozen, optimizer, scheduler, stream, nothing = accelerator.prepare(
    model, frozen, optimizer, scheduler,
    DataLoader(Stream([torch.ones(1)] * 16), batch_size=2), None,
)
with accelerator.autocast(), accelerator.no_sync(model):
    pass
for batch in stream:
    with torch.no_grad():
        target = frozen(batch)
    accelerator.backward((model(batch) - target).square().mean())
    accelerator.clip_grad_value_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
accelerator.set_trigger()
assert accelerator.check_trigger() and not accelerator.check_trigger()
with accelerator.join_uneven_inputs([model]):
    for batch in stream:
        accelerator.backward(model(batch).mean())
        optimizer.step()
        optimizer.zero_grad()
accelerator.end_training()
"""

TEXTS = {
    "the quickstart": QUICKSTART,
    "a trainer's loop": "WORKERS = 0\n" + TRAINER,
    "a trainer's loop, two workers": "WORKERS = 2\n" + TRAINER,
    "gone on with after a checkpoint": "WORKERS = 0\n" + RESUMED,
    "gone on with, two workers": "WORKERS = 2\n" + RESUMED,
    "tied weights": TIED,
    "compiled": COMPILED,
    "odds and ends": ODDS,
}

LISTED = [
    Program(f"{name}, {len(statuses)}", text, statuses, 60)
    for name, text in TEXTS.items()
    for statuses in ((0,), (0, 0))
]


@pytest.mark.parametrize("scenario", LISTED, ids=lambda scenario: scenario.name)
def test_nothing_is_said(scenario, ran):
    scenario.check(ran.outcomes)
