"""Measures training loops and writes ``reports/accelerator-speed.md``.

    python -m benchmarks.accelerator      # with torch, numpy and accelerate; 25 minutes
    python -m benchmarks.accelerator --device cuda --output reports/accelerator-speed-cuda.md
    python -m benchmarks.accelerator --rounds 1 --only "tiny, fp32"

Plain torch, ``envcheck.accelerator`` and Accelerate train the same model on the same data, each in
a process of its own (for a case with two processes: in two), an epoch each in turns, in every
possible order. Each round starts new processes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import sys
import tempfile
from typing import TYPE_CHECKING

if __package__ in (None, ""):  # run as a file
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from benchmarks import environment, machine
from benchmarks.accelerator_cases import ACCELERATE, CASES, OURS, PLAIN, SIZES, VARIANTS, Case
from benchmarks.accelerator_run import WARM, Trained, imports, one_round, snapshot
from benchmarks.paired import Overhead, confidence, middle, overhead
from benchmarks.tables import goals, table, write_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    #: Case -> variant -> what it costs over the plain loop.
    Costs = Mapping[Case, Mapping[str, Overhead]]

LIMIT = 3.0  # % over the plain loop, of the tiny model
IMPORT_LIMIT = 30.0  # ms over ``import torch``


def costs(trained: Mapping[Case, Trained], device: str) -> dict[Case, dict[str, Overhead]]:
    """In processor time, which a busy machine disturbs least; with a GPU in wall time."""
    found: dict[Case, dict[str, Overhead]] = {}
    for case, result in trained.items():
        times = result.cpu if device == "cpu" else result.wall
        others = [name for name in times if name != PLAIN]
        found[case] = {name: overhead(times[PLAIN], times[name]) for name in others}
    return found


def steps_table(trained: Mapping[Case, Trained]) -> str:
    """Steps per second of wall time, and whether all ended with the same weights."""
    rows = []
    for case, result in trained.items():
        speeds = [f"{1 / middle(result.wall[name]):.1f}" for name in result.wall]
        same = "–"
        if case.processes == 1:
            same = "yes" if len(set(result.weights.values())) == 1 else "**no**"
        rows.append([case.title, f"{middle(result.wall[PLAIN]) * 1e3:.3f}", *speeds, same])
    names = list(next(iter(trained.values())).wall)
    return table(rows, ["case", "plain, ms per step", *names, "same weights, bit for bit"])


def costs_table(found: Costs) -> str:
    """What each library adds to a step."""
    names = list(next(iter(found.values())))
    rows = []
    for case, by_name in found.items():
        row = [case.title]
        for name in names:
            cost = by_name[name]
            row += [
                f"{cost.typical * 1e6:+.1f} [{cost.low * 1e6:+.1f}, {cost.high * 1e6:+.1f}]",
                f"{cost.share:+.1%}",
                f"{cost.least * 1e6:+.1f}",
            ]
        rows.append(row)
    headers = ["case"]
    for name in names:
        headers += [f"{name}, µs per step [range]", "of plain", "by minima, µs"]
    return table(rows, headers)


def imports_table(found: Mapping[str, list[float]]) -> str:
    """Milliseconds of processor time; those of the libraries come on top of torch's."""
    rows = []
    for name, seconds in found.items():
        ordered = [f"{value * 1e3:.1f}" for value in sorted(seconds)]
        quarter = (len(ordered) - 1) // 4
        typical = f"{statistics.median(seconds) * 1e3:.1f}"
        spread = f"{typical} [{ordered[quarter]}, {ordered[-1 - quarter]}]"
        shown = "`import torch`" if name == PLAIN else f"after it: {name}"
        rows.append([shown, spread, ordered[0]])
    return table(rows, ["", "CPU ms, median [quartiles]", "smallest"])


def goals_table(found: Costs, loaded: Mapping[str, list[float]]) -> str:
    """The worst of each kind is what counts."""
    rows: list[tuple[str, float, float | None, str]] = []
    for title, chosen in (
        ("tiny, one process", [c for c in found if c.size == "tiny" and c.processes == 1]),
        ("tiny, two processes", [c for c in found if c.size == "tiny" and c.processes == 2]),
        ("medium", [c for c in found if c.size == "medium"]),
    ):
        ours = [case for case in chosen if OURS in found[case]]
        both = [case for case in ours if ACCELERATE in found[case]]
        worst = max(ours, key=lambda case: found[case][OURS].share, default=None)
        share = found[worst][OURS].share * 100 if worst else None
        where = f" ({worst.name})" if worst else ""
        rows.append((f"{title}: over the plain loop, worst case{where}", LIMIT, share, " %"))
        more = {c: found[c][OURS].typical - found[c][ACCELERATE].typical for c in both}
        closest = max(more, key=lambda case: more[case], default=None)
        difference = more[closest] * 1e6 if closest else None
        where = f" ({closest.name})" if closest else ""
        rows.append((f"{title}: over Accelerate, worst case{where}", 0.0, difference, " µs"))
    for name in (OURS, f"{OURS}, made"):
        cost = statistics.median(loaded[name]) * 1e3 if name in loaded else None
        rows.append((f"import: {name}, over `import torch`", IMPORT_LIMIT, cost, " ms"))
    return goals(rows)


def document(
    trained: Mapping[Case, Trained],
    loaded: Mapping[str, list[float]],
    facts: Mapping[str, str],
    device: str,
) -> str:
    """The whole report, Markdown."""
    rounds = len(next(iter(trained.values())).cpu[PLAIN]) if trained else 0
    clock = "processor time" if device == "cpu" else "wall time, the GPU waited for"
    sizes = ", ".join(f"{name} {s.steps} steps × {s.epochs}" for name, s in SIZES.items())
    parts = [
        "# What the accelerator costs\n",
        f"Measured on {dt.date.today().isoformat()} with `benchmarks/accelerator.py`.\n",
        f"- machine: {machine.describe()}; {facts.get('device', device)}",
        f"- Python {platform.python_version()}, torch {facts.get('torch', 'not started')}, "
        f"accelerate {_version('accelerate')}",
        f"- {rounds} rounds of fresh processes; in each, epochs of the programs in turns "
        f"({sizes}), {WARM} more before that warm up",
        "- plain is the loop that a user writes without a library: the same DataLoader, "
        "autocast around forward, DDP and a DistributedSampler with two processes "
        "(`benchmarks/accelerator_loops.py`)",
        "- freed memory stays with the process (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_MAX_`): "
        "page faults are the largest noise\n",
    ]
    if trained:
        found = costs(trained, device)
        parts += [
            "## Steps per second\n\nMedians of wall time.\n",
            steps_table(trained),
            f"\n## What a step costs more than in the plain loop\n\nIn {clock} of one process: the "
            "median over the rounds of each round's median of paired differences. The range is "
            "that of the rounds' medians; it holds the true median with "
            f"{confidence(rounds):.0%} confidence.\n",
            costs_table(found),
        ]
    else:
        found = {}
    if loaded:
        count = len(loaded[PLAIN])
        parts += [
            f"\n## Import\n\nProcessor time of {count} fresh processes each, in turns; "
            "*made*: an `Accelerator` was created too; nothing hides behind lazy imports.\n",
            imports_table(loaded),
        ]
    return "\n".join([*parts, "\n## Goals\n", goals_table(found, loaded)]) + "\n"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _present() -> tuple[str, ...]:
    """The variants that can be measured here."""
    modules = {PLAIN: "torch", OURS: "envcheck.accelerator", ACCELERATE: "accelerate"}
    return tuple(name for name in VARIANTS if importlib.util.find_spec(modules[name]))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=6, metavar="N")
    parser.add_argument("--variants", nargs="*", default=_present(), metavar="NAME")
    parser.add_argument(
        "--only", nargs="*", metavar="WORDS", help="cases whose title has one of these; or import"
    )
    parser.add_argument(
        "--output", default=os.path.join(environment.ROOT, "reports", "accelerator-speed.md")
    )
    options = parser.parse_args()
    chosen = [
        case
        for case in CASES
        if options.device in case.devices
        and (not options.only or any(words in case.title for words in options.only))
    ]
    trained = {case: Trained.nothing(options.variants) for case in chosen}
    facts: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        snapshot(folder)
        for turn in range(options.rounds):
            for case, into in trained.items():
                facts = one_round(case, options.variants, options.device, folder, into)
                print(f"round {turn + 1} of {options.rounds}: {case.title}", file=sys.stderr)
        wanted = not options.only or "import" in options.only
        loaded = imports(options.variants, 4 * options.rounds, folder) if wanted else {}
    text = document(trained, loaded, facts, options.device)
    write_report(options.output, text)
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
