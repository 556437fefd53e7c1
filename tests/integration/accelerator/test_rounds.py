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

class Lying(Sampler):
    def __init__(self, count, says):
        self.count, self.says = count, says
    def __iter__(self):
        return iter(range(self.count))
    def __len__(self):
        return self.says

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
}
LISTED = [Program(name, HEAD + text) for name, text in PROGRAMS.items()]


@pytest.mark.parametrize("scenario", LISTED, ids=lambda scenario: scenario.name)
def test_rounds(scenario, ran):
    scenario.check(ran.outcomes)
