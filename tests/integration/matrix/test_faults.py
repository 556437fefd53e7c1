"""Faults of a whole run on real engines: it loses nothing, leaves nothing, and says what it was."""

from __future__ import annotations

import random

import matrix_kills
import pytest
from index_server import IndexServer

SEEDS = (1, 2)


@pytest.mark.docker
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_moments_containers_go_on(workplace, seed):
    text = matrix_kills.MATRIX.format(pythons=["3.9", "3.11"], systems=["slim", "alpine"])
    killed(workplace, text, "docker", seed, longest=4.0)


@pytest.mark.interpreters
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_moments_interpreters_go_on(workplace, seed):
    text = matrix_kills.MATRIX.format(pythons=["3.9", "3.10", "3.11"], systems=["slim"])
    killed(workplace, text, "interpreters", seed, longest=3.0)


def killed(workplace, text, backend, seed, longest):
    chance = random.Random(seed)
    moments = [chance.uniform(0.2, longest) for _ in range(3)]
    with IndexServer(*matrix_kills.FILES) as index:
        outcome = matrix_kills.kill_and_resume(workplace, index, text, backend, moments)
    assert not outcome.problems, outcome
