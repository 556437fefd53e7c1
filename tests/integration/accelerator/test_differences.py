"""What ``reports/accelerator-parity.md`` says of either library is what it does."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from benchmarks.parity.cases import CASES
from benchmarks.parity.differences import observation

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("library", ["ours", "accelerate"])
@pytest.mark.parametrize("scenario", CASES, ids=lambda case: case.name)
def test_it_does_what_the_table_says(scenario, library, ran):
    outcome = ran.outcomes[f"{scenario.name}.{library}"]
    pattern = scenario.ours if library == "ours" else scenario.theirs
    assert re.search(pattern, observation(outcome)), f"{observation(outcome)}\n{outcome}"
