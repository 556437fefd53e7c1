"""A process that ends, or stops, while others are in the middle: who it was is said, and soon."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from programs import Program  # noqa: E402 -- it needs torch where it runs

pytestmark = pytest.mark.torch

#: What rank 0 is doing when rank 1 ends; it is done once by both before that.
PLACES = {
    "backward": "accelerator.backward(model(torch.ones(1, 4)).sum())",
    "gather": "accelerator.gather(torch.ones(3))",
    "gather_for_metrics of objects": "accelerator.gather_for_metrics(['text'])",
    "reduce": "accelerator.reduce(torch.ones(3))",
    "broadcast": "accelerator.broadcast(torch.ones(3))",
    "pad_across_processes": "accelerator.pad_across_processes(torch.ones(1 + RANK))",
    "barrier": "accelerator.wait_for_everyone()",
    "trigger": "accelerator.check_trigger()",
    "save_state": "accelerator.save_state('checkpoint')",
    "dispatched loader": "list(streamed)",
    "loader": "list(loader)",
    "join": """
with accelerator.join_uneven_inputs([model]):
    accelerator.backward(model(torch.ones(1, 4)).sum())
""",
}

ENDS = {
    "os._exit": ("os._exit(3)", 3),
    "SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL)", -9),
    "SIGSEGV": ("os.kill(os.getpid(), signal.SIGSEGV)", -11),
    "an exception": ("os.dup2(os.open(os.devnull, os.O_WRONLY), 2)\n    raise KeyError()", 1),
}

SET_UP = """
accelerator = Accelerator(
    cpu=True, kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(seconds=TIMEOUT))]
)
model = nn.Linear(4, 1)
model, optimizer, loader, streamed = accelerator.prepare(
    model, torch.optim.SGD(model.parameters(), lr=0.1), DataLoader(Rows(8), batch_size=2),
    DataLoader(Stream([torch.ones(1)] * 8), batch_size=2),
)

def work():
    WORK

def named(error, since, ended="has ended"):
    victim = f"rank 1 (process {accelerator.process.peers[1][1]})"
    assert type(error) is RuntimeError, repr(error)
    assert victim in str(error) and ended in str(error), error
    assert time.monotonic() - since < 15

work()
"""


def set_up(place: str, timeout: int = 60) -> str:
    work = PLACES[place].strip().replace("\n", "\n    ")
    return SET_UP.replace("TIMEOUT", str(timeout)).replace("WORK", work)


def ending(place: str, how: str) -> Program:
    code, status = ENDS[how]
    text = f"""
if RANK == 1:
    {code}
since = time.monotonic()
named(raised(work), since)
"""
    return Program(f"{how} during {place}", set_up(place) + text, (0, status))


#: It has ended before, and nobody has noticed yet.
LATER = Program(
    "many steps after one that ended",
    set_up("backward")
    + """
if RANK == 1:
    os._exit(0)
time.sleep(0.3)
since = time.monotonic()
named(raised(lambda: [work() for _ in range(100)]), since)
""",
)

FOUR = Program(
    "one of four",
    set_up("gather").replace("rank 1 (process {accelerator.process.peers[1][1]})", "rank 2 (")
    + """
if RANK == 2:
    os._exit(3)
since = time.monotonic()
error = raised(work)
if "rank 2 (" not in str(error):  # its neighbour has gone because of it
    assert "ended" in str(error), error
assert time.monotonic() - since < 15
""",
    (0, 0, 3, 0),
)

NORMED = "nn.Sequential(nn.Linear(4, 1), nn.BatchNorm1d(1))"
#: DistributedDataParallel talks when it is made, and in ``forward``.
ELSEWHERE = [
    Program(
        f"before {place}",
        set_up("barrier").replace("nn.Linear(4, 1)", NORMED)
        + f"""
if RANK == 1:
    os._exit(3)
since = time.monotonic()
named(raised(lambda: {work}), since)
""",
        (0, 3),
    )
    for place, work in {
        "a forward that shares buffers": "model(torch.ones(3, 4))",
        "another model is prepared": "accelerator.prepare(nn.Linear(1, 1))",
    }.items()
]

LISTED = [
    *(ending(place, "os._exit") for place in PLACES),
    *(ending("backward", how) for how in ENDS if how != "os._exit"),
    *ELSEWHERE,
    LATER,
    FOUR,
]


@pytest.mark.parametrize("scenario", LISTED, ids=lambda scenario: scenario.name)
def test_the_others_end_and_name_the_rank(scenario, ran):
    scenario.check(ran.outcomes)
