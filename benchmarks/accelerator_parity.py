"""Every scenario by a plain loop, ours and Accelerate: ``reports/accelerator-parity.md``.

    python -m benchmarks.accelerator_parity

Needs torch, accelerate, safetensors and numpy in the interpreter that runs it. Uses the CPU only.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import re
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if __package__ in (None, ""):  # run as a file
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from benchmarks import machine
from benchmarks.parity.cases import CASES
from benchmarks.parity.differences import observation
from benchmarks.parity.scenarios import (
    EVALUATIONS,
    ONE_PROCESS,
    ONLY_TOGETHER,
    RESUMPTIONS,
    SCENARIOS,
    SEVERAL_PROCESSES,
    TOLERANCE,
    Resumption,
    Scenario,
    compare,
    tail,
    traces,
)
from benchmarks.parity.worker import ROOT, Outcome, run
from benchmarks.tables import table, write_report

if TYPE_CHECKING:
    from benchmarks.parity.problem import Trace

REPORT = ROOT / "reports" / "accelerator-parity.md"
COMPARED = ["losses", "gradients", "weights", "verdict"]


def cells(pairs: list[tuple[Trace, Trace]]) -> list[str]:
    """Largest differences over all ranks, and the verdict."""
    ranks = [compare(*pair) for pair in pairs]
    numbers = [max(numbers) for numbers in zip(*(rank[:3] for rank in ranks), strict=True)]
    if all(rank.equal for rank in ranks):
        verdict = "same bits"
    else:
        verdict = f"≤ {TOLERANCE:g}" if max(numbers) < TOLERANCE else "**differs**"
    return [*(_number(number) for number in numbers), verdict]


def _number(value: float) -> str:
    return "0" if not value else "other steps" if value == float("inf") else f"{value:.1e}"


def side(
    folder: Path, outcomes: dict[str, Outcome], scenario: Scenario, pair: tuple[str, str]
) -> list[str]:
    """Two of plain, ours, accelerate; or how one of them ended."""
    for library in pair:
        if library == "plain" and not scenario.plain:
            return ["–"] * 4
        outcome = outcomes[f"{scenario.name}.{library}"]
        if not outcome.ok:
            return ["–", "–", "–", f"**{library} fails**: {observation(outcome)[:160]}"]
    loaded = [traces(folder, f"{scenario.name}.{library}", scenario.world) for library in pair]
    return cells(list(zip(*loaded, strict=True)))


def training(folder: Path, outcomes: dict[str, Outcome], scenarios: tuple[Scenario, ...]) -> str:
    """One row a scenario: ours against the plain loop, ours against Accelerate."""
    rows = []
    for scenario in scenarios:
        against_plain = side(folder, outcomes, scenario, ("plain", "ours"))
        against_theirs = side(folder, outcomes, scenario, ("accelerate", "ours"))
        rows.append([scenario.name, *against_plain, against_theirs[3], scenario.differs])
    headers = ["scenario", *COMPARED[:3], "ours and the plain loop", "ours and Accelerate"]
    return table(rows, [*headers, "where Accelerate differs: it"])


def resuming(folder: Path, outcomes: dict[str, Outcome]) -> str:
    """One row a way to stop: what follows, against the same training without the stop."""
    rows = []
    for scenario in RESUMPTIONS:
        ours, theirs = (
            _continuation(folder, outcomes, scenario, who) for who in ("ours", "accelerate")
        )
        rows.append(
            [scenario.name, *ours, theirs[3], scenario.differs if "differs" in theirs[3] else ""]
        )
    headers = ["scenario", *COMPARED[:3], "ours", "Accelerate"]
    return table(rows, [*headers, "why Accelerate differs"])


def _continuation(
    folder: Path, outcomes: dict[str, Outcome], scenario: Resumption, library: str
) -> list[str]:
    names = [f"{scenario.name}.{library}{stage}" for stage in ("", ".first", ".second")]
    failed = [outcomes[name] for name in names if not outcomes[name].ok]
    if failed:
        return ["–", "–", "–", f"**fails**: {observation(failed[0])[:160]}"]
    (whole,), (first,), (second,) = (traces(folder, name, 1) for name in names)
    return cells([(tail(whole, len(first.losses), len(first.gradients)), second)])


def evaluating(folder: Path, outcomes: dict[str, Outcome]) -> str:
    """One row a way to deal out: whether all rows came back once and in order, on every rank."""
    rows = []
    for scenario in EVALUATIONS:
        cells = []
        for library in ("ours", "accelerate"):
            outcome = outcomes[f"{scenario.name}.{library}"]
            if not outcome.ok:
                cells.append(f"**fails**: {observation(outcome)[:160]}")
                continue
            loaded = traces(folder, f"{scenario.name}.{library}", scenario.world)
            seen = [one for trace in loaded for one in trace.notes["rows"]]
            right = [one == list(range(len(one))) for one in seen]
            cells.append(f"{sum(right)} of {len(right)}")
        rows.append([scenario.name, *cells])
    return table(rows, ["scenario", "ours", "Accelerate"])


def differences(outcomes: dict[str, Outcome]) -> tuple[str, list[str]]:
    """What each was seen to do, and the titles of rows that are not as they are said to be."""
    rows, wrong = [], []
    for case in CASES:
        ours, theirs = (
            observation(outcomes[f"{case.name}.{who}"]) for who in ("ours", "accelerate")
        )
        if not (re.search(case.ours, ours) and re.search(case.theirs, theirs)):
            wrong.append(case.name)
        rows.append([case.name, theirs, ours, case.right])
    headers = ["what", "Accelerate", "envcheck.accelerator", "which is right, and why"]
    return table(rows, headers), wrong


def document(folder: Path, outcomes: dict[str, Outcome]) -> tuple[str, list[str]]:
    """The report, and what in it is not as expected."""
    seen, wrong = differences(outcomes)
    names = ("torch", "accelerate", "safetensors", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    parts = [
        "# `envcheck.accelerator` against a plain loop and against Accelerate\n",
        f"Run on {dt.date.today().isoformat()} with `benchmarks/accelerator_parity.py`: "
        f"{len(SCENARIOS)} scenarios and {len(CASES)} programs. "
        f"Python {platform.python_version()}, {versions}; "
        f"{machine.describe()}; CPU only, one thread a process, gloo.\n",
        "The plain loops are in `benchmarks/parity/plain.py`. Ours and Accelerate run the same "
        "text (`benchmarks/parity/scripts/`); only the import line is swapped. Numbers are the "
        "largest absolute differences of all losses, of all gradients before each step, and of "
        "the weights at the end. `tests/integration/accelerator/` holds them to the same.\n",
        "## One process\n",
        training(folder, outcomes, ONE_PROCESS),
        "\n## Several processes\n",
        "Plain is one process that computes what all ranks do: the mean of their gradients. Sums "
        f"in another order differ in the last bits; {TOLERANCE:g} is the tolerance.\n",
        training(folder, outcomes, SEVERAL_PROCESSES),
        "\nWhere each rank draws random numbers of its own there is no loop of one process:\n",
        training(folder, outcomes, ONLY_TOGETHER),
        "\n## Stopped and gone on with\n",
        "`save_state` in the middle of an epoch, then `load_state` and `skip_first_batches` in "
        "another process with another seed; compared with the same library's training that was "
        "never stopped.\n",
        resuming(folder, outcomes),
        "\n## Evaluation\n",
        "Data sets of 1 to 19 rows (dispatched: 4 to 19) through `gather_for_metrics`: how many "
        "came back complete, without duplicates and in order, counted on every rank.\n",
        evaluating(folder, outcomes),
        "\n## Differences, and who is right\n",
        "Each program was run with either library; what stands here is what it said, what it was "
        "warned of and how it ended.\n",
        seen,
    ]  # fmt: skip
    return "\n".join(parts) + "\n", wrong


def main() -> int:
    """Command line. Status 1 if a row of the differences is not as it is said to be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--output", default=str(REPORT))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        everything = (*SCENARIOS, *CASES)
        outcomes = run([job for one in everything for job in one.jobs()], folder)
        text, wrong = document(folder, outcomes)
    write_report(options.output, text)
    for title in wrong:
        print(f"not as its row says: {title}", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
