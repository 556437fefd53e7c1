"""Kills ``envcheck matrix run`` again and again, and runs the fault tests; writes
``reports/matrix-faults.md``.

    python -m benchmarks.matrix_faults [--runs 30] [--backend docker]

Each run is started, killed by SIGKILL at one to three moments, drawn from the time that it takes
undisturbed or from the number of cells that are stored by then, and resumed to its end. The seed
is in the report.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

ROOT = Path(__file__).parents[1]
if __package__ in (None, ""):  # run as a file
    sys.path[0] = str(ROOT)
sys.path[1:1] = [str(ROOT / "tests" / "integration" / "matrix"), str(ROOT / "tests")]

import matrix_kills
from conftest import Workplace
from index_server import IndexServer
from tabulate import tabulate

from benchmarks import machine
from benchmarks.tables import write_report

if TYPE_CHECKING:
    from matrix_kills import Killed

PYTHONS = {"docker": ["3.9", "3.11", "3.13"], "interpreters": ["3.9", "3.10", "3.11", "3.12"]}
SYSTEMS = {"docker": ["slim", "alpine"], "interpreters": ["slim"]}
TESTS = ("test_faults.py", "test_engine_restart.py", "test_hostility.py")


class Series(NamedTuple):
    """All runs of a backend. ``undisturbed``: seconds of a run that nobody kills."""

    backend: str
    cells: int
    undisturbed: float
    runs: list[Killed]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--backend", action="append", choices=tuple(PYTHONS))
    parser.add_argument("--no-tests", action="store_true", help="only kill")
    parser.add_argument("--output", default=str(ROOT / "reports" / "matrix-faults.md"))
    arguments = parser.parse_args()
    series = [
        kill(backend, arguments.runs, arguments.seed) for backend in arguments.backend or PYTHONS
    ]
    tests = [] if arguments.no_tests else run_tests()
    text = report(series, arguments.seed, tests)
    write_report(arguments.output, text)
    return int(any(run.problems for one in series for run in one.runs))


def kill(backend: str, runs: int, seed: int) -> Series:
    """``runs`` runs of a small matrix, warm, in one cache."""
    chance = random.Random(f"{seed} {backend}")
    text = matrix_kills.MATRIX.format(pythons=PYTHONS[backend], systems=SYSTEMS[backend])
    done, cells = [], len(PYTHONS[backend]) * len(SYSTEMS[backend])
    with tempfile.TemporaryDirectory() as folder, IndexServer(*matrix_kills.FILES) as index:
        workplace = Workplace(Path(folder) / "place", programs(Path(folder) / "programs"))
        try:
            matrix_kills.kill_and_resume(_at(workplace, 0), index, text, backend, [])  # warms
            undisturbed = matrix_kills.kill_and_resume(
                _at(workplace, 1), index, text, backend, []
            ).seconds
            for number in range(runs):
                moments = _moments(chance, undisturbed, cells)
                one = matrix_kills.kill_and_resume(
                    _at(workplace, number + 2), index, text, backend, moments
                )
                print(backend, number + 1, one, flush=True)
                done.append(one)
        finally:
            workplace.remove()
    return Series(backend, cells, undisturbed, done)


def _moments(chance: random.Random, undisturbed: float, cells: int) -> list[float]:
    """One to three: anywhere in the time that a run takes, or when some cells are stored."""
    found: list[float] = []
    for _ in range(chance.randint(1, 3)):
        anywhere = chance.random() < 0.6
        found.append(chance.uniform(0, undisturbed) if anywhere else chance.randint(1, cells - 1))
    return found


def _at(workplace: Any, number: int) -> Any:
    """The same workplace with a store of its own."""
    workplace.store = workplace.folder / f"store-{number}"
    return workplace


def programs(cache: Path) -> Path:
    """A static uv, from the index that is configured here."""
    from envcheck.index.gateway import Gateway
    from envcheck.index.uv_program import uv_program

    gateway = Gateway(str(cache))
    try:
        path = uv_program("", "", cache=str(cache), gateway=gateway)
    finally:
        gateway.close()
    return Path(path).parents[1]


def run_tests() -> list[tuple[str, str, str, float]]:
    """The fault tests: module, what is tested, outcome, seconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "junit.xml"
        tests = [str(ROOT / "tests" / "integration" / "matrix" / name) for name in TESTS]
        words = [sys.executable, "-m", "pytest", "-q", f"--junitxml={file}", *tests]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(words, cwd=ROOT, env=env, check=False)
        cases = ET.parse(file).getroot().iter("testcase")
        return [_outcome(case) for case in cases]


def _outcome(case: ET.Element) -> tuple[str, str, str, float]:
    bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    module = case.get("classname", "").rpartition(".")[2]
    name = case.get("name", "").removeprefix("test_").replace("_", " ")
    return module, name, bad[0] if bad else "holds", float(case.get("time", 0))


def report(series: list[Series], seed: int, tests: list[tuple[str, str, str, float]]) -> str:
    """The page."""
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    lines = [
        "# Faults that a matrix run survives",
        "",
        f"Run on {today} with `benchmarks/matrix_faults.py` (seed {seed}) on {machine.describe()}.",
        "",
        "## Killed and resumed",
        "",
        "envcheck is killed (SIGKILL, itself alone: what it has started lives on) at one to three"
        " random moments of each run and resumed to its end. Afterwards every planned cell must be"
        " in the journal exactly once, no stored result may have changed, and no container, volume"
        " (but the cache's own), environment, directory, process or claim may be left.",
        "",
        tabulate(
            [_summary(one) for one in series],
            headers=[
                "backend",
                "cells",
                "undisturbed",
                "runs",
                "kills",
                "in the middle",
                "problems",
            ],
            tablefmt="github",
            disable_numparse=True,
        ),
        "",
        "*In the middle*: kills when some but not all cells were done.",
        "",
    ]
    for one in series:
        rows = [
            [
                str(number),
                ", ".join(f"{moment:.1f}" for moment in run.at),
                ", ".join(map(str, run.reached)),
                "; ".join(run.problems) or "none",
            ]
            for number, run in enumerate(one.runs, 1)
        ]
        headers = ["run", "killed after (s)", "cells done after each start", "problems"]
        table = tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)
        lines += [f"### {one.backend}", "", table, ""]
    lines += ["## Other faults, and hostile packages", ""]
    rows = [[module, name, outcome, f"{seconds:.1f}"] for module, name, outcome, seconds in tests]
    headers = ["test", "what it shows", "outcome", "s"]
    lines += [tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True), ""]
    return "\n".join(lines)


def _summary(one: Series) -> list[str]:
    kills = sum(len(run.at) for run in one.runs)
    middle = sum(0 < done < one.cells for run in one.runs for done in run.reached[: len(run.at)])
    problems = sum(bool(run.problems) for run in one.runs)
    return [
        one.backend,
        str(one.cells),
        f"{one.undisturbed:.1f} s",
        str(len(one.runs)),
        str(kills),
        str(middle),
        f"{problems} of {len(one.runs)} runs" if problems else "none",
    ]


if __name__ == "__main__":
    began = time.monotonic()
    status = main()
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(status)
