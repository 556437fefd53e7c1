"""A process that is there and does not answer."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from programs import Program  # noqa: E402 -- it needs torch where it runs

pytestmark = pytest.mark.torch

TEXT = """
accelerator = Accelerator(
    cpu=True, kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(seconds=1))]
)
peer = accelerator.process.peers[1][1]
model = accelerator.prepare(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)))

def work():
    WORK

if RANK == 1:
    STOP
    os._exit(7)
since = time.monotonic()
error = raised(work)
os.kill(peer, signal.SIGKILL)
assert f"rank 1 (process {peer})" in str(error), error
assert time.monotonic() - since < 10
"""
WORK = {
    "barrier": "accelerator.wait_for_everyone()",
    "backward": "accelerator.backward(model(torch.ones(3, 4)).sum())",
    "save_state": "accelerator.save_state('checkpoint')",
}
STOPS = {
    "stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    "busy elsewhere": "time.sleep(30)",
}
LISTED = [
    Program(f"{how} during {place}", TEXT.replace("WORK", work).replace("STOP", stop), (0, -9))
    for place, work in WORK.items()
    for how, stop in STOPS.items()
    if how == "stopped" or place == "barrier"
]


@pytest.mark.parametrize("scenario", LISTED, ids=lambda scenario: scenario.name)
def test_the_others_end_and_name_the_rank(scenario, ran):
    scenario.check(ran.outcomes)
