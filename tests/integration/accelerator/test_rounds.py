"""Rounds of batches as they are really read, whatever lengths say."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from programs import Program  # noqa: E402 -- it needs torch where it runs

pytestmark = pytest.mark.torch

HEAD = """
accelerator = Accelerator(cpu=True)

class Batches:
    drop_last = False
    def __init__(self, batches, **attributes):
        self.batches = batches
        self.__dict__.update(attributes)
    def __iter__(self):
        return iter(self.batches)
    def __len__(self):
        return len(self.batches)

def read(loader, gather=accelerator.gather_for_metrics):
    rows = []
    for batch in accelerator.prepare(loader):
        rows += numbers(gather(batch))
    return rows
"""

PROGRAMS = {
    "samplers that lie": """
assert read(DataLoader(Rows(8), batch_size=2, sampler=Lying(8, 5))) == list(range(8))
assert read(DataLoader(Rows(8), batch_size=2, sampler=Lying(5, 8))) == list(range(5))
""",
    "batch samplers with a batch size": """
batches = Batches([[0, 1], [2, 3], [4, 5]], batch_size=2)
assert read(DataLoader(Rows(8), batch_sampler=batches)) == list(range(6))
batches = Batches([torch.tensor([0, 1]), torch.tensor([2, 3])], batch_size=2)
assert read(DataLoader(Rows(8), batch_sampler=batches)) == list(range(4))
""",
    "one rank without a batch": """
accelerator.even_batches = False
loader = accelerator.prepare(DataLoader(Rows(2), batch_size=2))
assert [numbers(batch) for batch in loader] == ([[0, 1]] if RANK == 0 else [])
""",
    "objects that cannot be joined": """
for whole in ({"t": torch.ones(2), "s": "x"}, "text", 3, None):
    error = raised(accelerator.gather_for_metrics, whole)
    assert type(error) is TypeError, error
assert accelerator.gather_for_metrics([{"s": RANK}]) == [{"s": 0}, {"s": 1}]
""",
    "mappings of every kind": """
class Encoding(UserDict):
    encodings = None
encoding = Encoding(ids=torch.ones(1))
encoding.encodings = "kept"
table = defaultdict(list, ids=torch.ones(1))
for mapping in (encoding, table):
    for batch in accelerator.prepare(DataLoader([0, 1], collate_fn=lambda _: mapping)):
        assert type(batch) is type(mapping)
    together = accelerator.gather(mapping)
    assert type(together) is type(mapping) and together["ids"].shape == (2,)
    assert mapping["ids"].shape == (1,)
assert accelerator.gather(encoding).encodings == "kept"
""",
    "a loader in itself": """
loader = accelerator.prepare(DataLoader(Rows(4), batch_size=1))
assert sum(1 for _ in loader for _ in loader) == 4
""",
    "batch samplers that do not keep to it": """
for cut in ([[0, 1, 2], [3, 4], [5, 6], [7, 8]], [[0, 1], [2], [3, 4], [5], [6, 7], [8]]):
    for drop_last in (False, True):
        batches = Batches(cut, batch_size=2, drop_last=drop_last)
        try:
            rows = read(DataLoader(Rows(9), batch_sampler=batches), accelerator.gather_for_metrics)
        except ValueError as error:
            assert "no batches" not in str(error), error
        else:
            assert rows == list(range(9)), rows
""",
    "no false alarm without duplicates": """
assert read(DataLoader(Rows(8), batch_size=None)) == list(range(8))
assert read(DataLoader(Rows(8), batch_sampler=[[0, 1], [2, 3]])) == list(range(4))
""",
    "metrics of unequal numbers of batches": """
accelerator.even_batches = False
loader = accelerator.prepare(DataLoader(Rows(5), batch_size=2))
error = raised(lambda: [accelerator.gather_for_metrics(batch) for batch in loader])
assert "unequal numbers of batches" in str(error), error
""",
    "datasets of unequal length": """
loader = accelerator.prepare(DataLoader(Rows(7 + RANK), batch_size=2))
error = raised(list, loader)
assert type(error) is ValueError, error
""",
    "metrics that are not one for each sample": """
loader = accelerator.prepare(DataLoader(Rows(5), batch_size=2))
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    sums = [accelerator.gather_for_metrics(batch.sum()).tolist() for batch in loader]
assert len(said) == 1, [str(one.message) for one in said]
assert sums == [[1.0, 5.0], [4.0, 3.0]], sums
""",
    "losses that are none": """
accelerator = Accelerator(cpu=True)
for loss in (3.0, None, {"loss": torch.ones(())}):
    error = raised(accelerator.backward, loss)
    assert type(error) is TypeError and type(loss).__name__ in str(error), error
""",
    "containers of models": """
model = nn.Linear(1, 1)
for container in ([model], {"model": model}, (model, model)):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            accelerator.prepare(container)
        except TypeError:
            continue
    assert said
assert accelerator.prepare([1, 2]) == [1, 2]
""",
}
LISTED = [Program(name, HEAD + text) for name, text in PROGRAMS.items()]


@pytest.mark.parametrize("scenario", LISTED, ids=lambda scenario: scenario.name)
def test_rounds(scenario, ran):
    scenario.check(ran.outcomes)
