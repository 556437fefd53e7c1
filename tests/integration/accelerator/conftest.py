"""Runs the scenarios of the selected tests, once, in processes of their own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

ROOT = str(Path(__file__).resolve().parents[3])
if ROOT not in sys.path:  # `benchmarks` is not installed
    sys.path.append(ROOT)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checkpoints import Training

    from benchmarks.parity.problem import Trace
    from benchmarks.parity.worker import Outcome


class Ran(NamedTuple):
    """Where the traces are, and how the programs ended."""

    folder: Path
    outcomes: dict[str, Outcome]

    def traces(self, name: str, library: str, world: int = 1) -> list[Trace]:
        """Of every rank. What did not end well fails the test with its output."""
        from benchmarks.parity.scenarios import traces

        job = f"{name}.{library}"
        if not self.outcomes[job].ok:
            pytest.fail(f"{job}\n{self.outcomes[job]}")
        return traces(self.folder, job, world)


@pytest.fixture(scope="session")
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    from benchmarks.parity.worker import run

    chosen = {}
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if hasattr(parameters.get("scenario"), "jobs"):
            chosen[parameters["scenario"].name] = parameters["scenario"]
    jobs = [job for scenario in chosen.values() for job in scenario.jobs()]
    folder = tmp_path_factory.mktemp("scenarios")
    return Ran(folder, run(jobs, folder))


@pytest.fixture
def fresh() -> Iterator[None]:
    """No Accelerator has been made in this process; generators and threads are as before after."""
    import torch

    from envcheck.accelerator import AcceleratorState

    generators, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    torch.set_rng_state(generators)
    torch.set_num_threads(threads)


@pytest.fixture
def training(tmp_path: Path, fresh: None) -> Training:
    """One that has gone on since it wrote a checkpoint."""
    pytest.importorskip("numpy")
    pytest.importorskip("safetensors")
    from checkpoints import FILES, Training

    training = Training(tmp_path / "checkpoint")
    training.train()
    training.accelerator.save_state(training.folder)
    assert {path.name for path in training.folder.iterdir()} == FILES
    training.train()
    return training


@pytest.fixture
def refused(training: Training) -> Callable[..., str]:
    """Loads the checkpoint, which must fail and change nothing, and returns what was raised."""

    def load(kind: Any = Exception, **keywords: Any) -> str:
        before = training.everything()
        with pytest.raises(kind) as caught:
            training.accelerator.load_state(training.folder, **keywords)
        assert training.everything() == before
        return str(caught.value)

    return load
