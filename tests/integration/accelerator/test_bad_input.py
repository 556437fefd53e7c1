"""Dataloaders that are odd, empty, uneven or wrong about themselves, and losses that are no use."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from programs import Program  # noqa: E402 -- it needs torch where it runs

pytestmark = pytest.mark.torch

STRUCTURES = Program(
    "batches of any structure",
    """
Pair = namedtuple("Pair", "a b")

@dataclass
class Record:
    x: object
    y: object = None

class Movable:
    moved = None
    def to(self, device):
        self.moved = device
        return self

class Encoding(UserDict):
    encodings = "none"
    def to(self, device, non_blocking=False):
        self.data = {key: value.to(device) for key, value in self.data.items()}
        return self

accelerator = Accelerator(cpu=True)
tensor = torch.full((2, 3), 1.0 + RANK)
movable, encoding = Movable(), Encoding(ids=tensor)
encoding.encodings = "kept"
STRUCTURES = [
    Record(tensor, [tensor]), Pair(tensor, {"k": (tensor,)}), [[tensor], [tensor, tensor[:1]]],
    "text", None, 3, 2.5, b"bytes", {1, 2}, object(), range(2), [], {}, [[], {}, ()], movable,
    encoding, tensor.half(), tensor.to_sparse(), nn.utils.rnn.pack_sequence([tensor]),
]
for structure in STRUCTURES:
    loader = accelerator.prepare(
        DataLoader(list(range(4)), batch_size=2, collate_fn=lambda _, own=structure: own)
    )
    batches = list(loader)
    assert len(batches) == 2 // accelerator.num_processes
    assert type(batches[0]) is type(structure), batches
assert movable.moved == accelerator.device
assert encoding.encodings == "kept"
together = accelerator.gather(Record(tensor, Pair([tensor[0]], {"k": torch.tensor(RANK)})))
assert type(together) is Record and type(together.y) is Pair
assert together.x[:, 0].tolist() == [1, 1, 2, 2][: 2 * accelerator.num_processes]
assert together.y.b["k"].tolist() in ([0, 1], 0)
assert accelerator.gather([[], {}]) == [[], {}]
assert accelerator.gather(torch.empty(0, 3)).shape == (0, 3)
assert accelerator.gather(torch.tensor([True])).dtype == torch.bool
if accelerator.num_processes > 1:
    for unsendable in ("text", 3, {"t": tensor, "s": "x"}, [None]):
        for operation in (accelerator.gather, accelerator.reduce, accelerator.broadcast):
            error = raised(operation, unsendable)
            assert type(error) is TypeError, error
    error = raised(accelerator.gather, [tensor[: 1 + RANK]])
    assert "rank 0: [((1, 3), 'torch.float32')]; rank 1: [((2, 3)" in str(error), error
""",
)

LOADERS = Program(
    "loaders of every kind",
    """
accelerator = Accelerator(cpu=True)
two = accelerator.num_processes == 2

def read(loader, epochs=1, gather=accelerator.gather_for_metrics):
    loader = accelerator.prepare(loader)
    state = accelerator.gradient_state
    read = []
    for _ in range(epochs):
        ends = []
        read.append([])
        for batch in loader:
            ends.append(state.end_of_dataloader)
            read[-1] += gather(batch).flatten().tolist()
        assert ends == [False] * (len(ends) - 1) + [True], ends
        assert not state.in_dataloader
    return read

whole, seven = [list(range(8))], [list(range(7))]
assert read(DataLoader(Rows(7), batch_size=2)) == seven
assert read(DataLoader(Rows(3), batch_size=16)) == [[0, 1, 2]]
kept = DataLoader(Rows(7), batch_size=2, num_workers=2, persistent_workers=True)
assert read(kept, epochs=3) == seven * 3
assert read(DataLoader(Rows(8), batch_size=2, sampler=Lying(8, 4))) == whole
assert read(DataLoader(Rows(8), batch_size=2, sampler=Lying(8, 12))) == whole
assert read(DataLoader(Stream([torch.ones(1) * i for i in range(7)]), batch_size=2)) == seven
full = [list(range(4 if two else 6))]
assert read(DataLoader(Rows(7), batch_size=2, drop_last=True)) == full
assert read(DataLoader(Rows(8), batch_size=None), gather=accelerator.gather) == whole
pairs = [[0, 1], [2, 3], [4, 5], [6, 7]]
assert read(DataLoader(Rows(8), batch_sampler=pairs), gather=accelerator.gather) == whole
picked = torch.utils.data.SubsetRandomSampler([1, 3, 5], torch.Generator())
assert sorted(read(DataLoader(Rows(8), batch_size=2, sampler=picked))[0]) == [1, 3, 5]
dealt = torch.utils.data.DistributedSampler(Rows(8), num_replicas=2, rank=RANK)
if two:
    assert "deals out" in str(raised(read, DataLoader(Rows(8), batch_size=2, sampler=dealt)))
empty = [
    DataLoader(Rows(0), batch_size=2), DataLoader(Stream([]), batch_size=2),
    DataLoader(Rows(3), batch_size=4, drop_last=True),
]
for loader in empty:
    error = raised(read, loader)
    assert type(error) is ValueError and "has no batches" in str(error), error

class Broken(Rows):
    def __getitem__(self, index):
        if index == 5:
            raise LookupError("row 5 is bad")
        return super().__getitem__(index)

loader = accelerator.prepare(DataLoader(Broken(8), batch_size=1 + 3 // accelerator.num_processes))
with suppress(LookupError):
    list(loader)
assert not accelerator.gradient_state.in_dataloader
assert [numbers(batch) for batch in accelerator.prepare(DataLoader(Rows(2), batch_size=1))]
""",
)

LOOPS = Program(
    "loops that are left, nested and zipped",
    """
accelerator = Accelerator(cpu=True)
count, state = accelerator.num_processes, accelerator.gradient_state
loader = accelerator.prepare(DataLoader(Rows(8), batch_size=1))
full = list(range(RANK, 8, count))
for workers in (0, 2):
    loader = accelerator.prepare(DataLoader(
        Rows(8), batch_size=1, num_workers=workers, persistent_workers=bool(workers)
    ))
    for batch in loader:
        break
    assert not state.in_dataloader
    assert [numbers(batch)[0] for batch in loader] == full
    try:
        for batch in loader:
            raise KeyError("in the loop")
    except KeyError:
        pass
    assert not state.in_dataloader
    assert [numbers(batch)[0] for batch in loader] == full
    held = iter(loader)
    next(held)
    assert [numbers(batch)[0] for batch in loader] == full
    del held
    assert not state.in_dataloader
inner = accelerator.prepare(DataLoader(Rows(4), batch_size=2))
for batch in loader:
    ends = []
    for _ in inner:
        ends.append(state.end_of_dataloader)
    assert ends == [False] * (len(ends) - 1) + [True]
    assert state.active_dataloader is loader
    assert state.end_of_dataloader == (numbers(batch)[0] == full[-1])
pairs = [(numbers(one), numbers(other)) for one, other in zip(loader, inner)]
assert len(pairs) == 2 // count
assert not state.in_dataloader
assert accelerator.prepare(loader) is loader
""",
)

UNEQUAL = Program(
    "unequal on two ranks",
    """
accelerator = Accelerator(cpu=True)
for workers in (0, 1):
    loader = DataLoader(Rows(4 + 3 * RANK), batch_size=1, num_workers=workers)
    error = raised(list, accelerator.prepare(loader))
    assert "unequal numbers of batches or samples, by rank [(2, " in str(error), error
each = accelerator.prepare_data_loader
accelerator.dataloader_config.dispatch_batches = False
for workers in (0, 1):
    items = [torch.ones(1) * i for i in range(4 + 3 * RANK)]
    error = raised(list, each(DataLoader(Stream(items), batch_size=1, num_workers=workers)))
    assert "ends on ranks [0] and goes on elsewhere" in str(error), error
accelerator.dataloader_config.dispatch_batches = None
items = [torch.ones(1) * i for i in range(4 + 3 * RANK)]
got = [numbers(batch)[0] for batch in each(DataLoader(Stream(items), batch_size=1))]
assert got == [RANK, 2 + RANK], got  # the main process reads for all
accelerator.split_batches = True
error = raised(each, DataLoader(Rows(8), batch_size=3))
assert "the batch size (3) is no" in str(error), error
""",
)

NOT_FINITE = Program(
    "a loss that is not finite on one rank",
    """
accelerator = Accelerator(cpu=True)
model = nn.Linear(1, 1)
model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))

def train():
    for number in range(4):
        value = float("nan") if number == 2 and RANK == 1 else 1.0
        accelerator.backward(model(torch.full((1, 1), value)).sum())
        optimizer.step()
        optimizer.zero_grad()

error = raised(train)
if RANK == 1:
    assert type(error) is FloatingPointError, error
    assert "on rank 1, number 3 is nan" in str(error), error
else:  # it waits for gradients of one that has gone
    assert "rank 1 (process" in str(error) and "ended" in str(error), error
assert all(parameter.isfinite().all() for parameter in model.parameters())
""",
)

SCALED = Program(
    "a loss that is not finite on one rank, with a loss scale",
    """
warnings.filterwarnings("ignore", "mixed_precision")
from envcheck.accelerator import GradScalerKwargs
scaling = [GradScalerKwargs(init_scale=64.0)]
accelerator = Accelerator(cpu=True, mixed_precision="fp16", kwargs_handlers=scaling)
model = nn.Linear(1, 1)
model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
skipped = []
for number in range(4):
    value = float("inf") if number == 2 and RANK == 1 else 1.0
    loss = model(torch.ones(1, 1)).square().sum() * value
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        accelerator.backward(loss)
    assert len(said) == (value != 1.0), [str(one.message) for one in said]
    optimizer.step()
    optimizer.zero_grad()
    skipped.append(accelerator.optimizer_step_was_skipped)
assert skipped == [False, False, True, False], skipped
weights = [parameter.detach() for parameter in model.parameters()]
assert all(weight.isfinite().all() for weight in weights)
for one, both in zip(weights, accelerator.reduce(weights, "mean")):
    assert torch.equal(one, both)
""",
)


def alone(program: Program) -> Program:
    """The same program, for one process."""
    return Program(f"{program.name}, alone", program.text, (0,), program.deadline)


@pytest.mark.parametrize(
    "scenario",
    [
        *(STRUCTURES, LOADERS, LOOPS, UNEQUAL, NOT_FINITE, SCALED),
        *(alone(STRUCTURES), alone(LOADERS), alone(LOOPS)),
    ],
    ids=lambda scenario: scenario.name,
)
def test_data(scenario, ran):
    scenario.check(ran.outcomes)
