"""Measures ``envcheck doctor`` and its peers and writes ``reports/doctor-speed.md``.

    python -m benchmarks.doctor --make-env /tmp/bench        # once: needs an index
    python -m benchmarks.doctor --python /tmp/bench/bin/python --install

Every round runs every candidate once, so that what else the machine does meets all of them alike.
Ratios are of the smallest processor time (user + system of the command and all its descendants):
the quantity that travels best between machines and between quiet and busy hours.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

if __package__ in (None, ""):  # run as a file
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from benchmarks import environment, launcher, machine, phases
from benchmarks.candidates import BARE, CANDIDATES, DOCTOR, Candidate
from benchmarks.goals import GOALS
from benchmarks.tables import goals, table, write_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.environment import Environment

SLOW = 0.5  # seconds of processor time: what costs more runs in fewer rounds


class Measured(NamedTuple):
    """All runs of one candidate; ``peak`` and ``together`` in MiB, times in seconds."""

    cpu: list[float]
    wall: list[float]
    peak: float
    together: float
    code: int

    @property
    def least(self) -> float:
        """The smallest processor time."""
        return min(self.cpu)


def measure_all(
    chosen: list[Candidate], env: Environment, variables: Mapping[str, str], rounds: int
) -> dict[str, Measured]:
    """Warm up once (also: write bytecode and caches), measure memory once, then alternate."""
    with tempfile.TemporaryDirectory() as folder:

        def once(candidate: Candidate, *, memory: bool = False) -> launcher.Usage:
            return launcher.measure(
                candidate.command(env),
                env=variables,
                cwd=folder,
                terminal=candidate.terminal,
                memory=memory,
            )

        warm = {candidate.name: once(candidate) for candidate in chosen}
        memory = {candidate.name: once(candidate, memory=True) for candidate in chosen}
        runs: dict[str, list[launcher.Usage]] = {candidate.name: [] for candidate in chosen}
        for turn in range(rounds):
            for candidate in chosen:
                if warm[candidate.name].cpu < SLOW or turn % 3 == 0:
                    runs[candidate.name].append(once(candidate))
            print(f"round {turn + 1} of {rounds}", file=sys.stderr)
    return {
        name: Measured(
            [usage.cpu for usage in usages],
            [usage.wall for usage in usages],
            max(usage.peak for usage in usages),
            memory[name].together,
            usages[-1].code,
        )
        for name, usages in runs.items()
    }


def speed_table(measured: Mapping[str, Measured], missing: Mapping[str, str]) -> str:
    """All candidates in their order, those that could not be measured with the reason."""
    bare, doctor = measured.get(BARE), measured.get(DOCTOR)
    rows = []
    for candidate in CANDIDATES:
        name = candidate.name
        if name in missing:
            rows.append([f"`{name}`", missing[name]] + [""] * 8)
        elif name in measured:
            m = measured[name]
            rows.append(
                [
                    f"`{name}`",
                    f"{m.least * 1e3:.1f}",
                    f"{statistics.median(m.cpu) * 1e3:.1f}",
                    f"{min(m.wall) * 1e3:.0f}",
                    f"{statistics.median(m.wall) * 1e3:.0f}",
                    f"{m.peak:.1f}",
                    f"{m.together:.1f}",
                    _times(m, bare),
                    _times(m, doctor),
                    f"{len(m.cpu)}, exit {m.code}",
                ]
            )
    headers = ["command", "CPU ms, min", "median", "wall ms, min", "median", "largest process MiB"]
    headers += ["all together MiB (PSS)", "CPU ÷ bare Python", "CPU ÷ doctor", "runs"]
    return table(rows, headers)


def _times(one: Measured, other: Measured | None) -> str:
    return f"{one.least / other.least:.2f}" if other else ""


def goals_table(measured: Mapping[str, Measured], deep: float | None) -> str:
    """Every goal, reached or not, with the number."""
    return goals([(goal.text, goal.limit, goal.value(measured, deep), goal.unit) for goal in GOALS])


def document(
    env: Environment,
    measured: Mapping[str, Measured],
    missing: Mapping[str, str],
    facts: phases.Phases | None,
    rounds: int,
) -> str:
    """The whole report, Markdown."""
    deep = measured[DOCTOR].least + facts.import_cpu if facts else None
    today = dt.date.today().isoformat()
    names = (
        "envcheck-ml",
        "torch",
        "transformers",
        "accelerate",
        "pip",
        "uv",
        "env-doctor",
        "cuda-doctor",
    )
    versions = ", ".join(f"{name} {env.versions.get(name, 'absent')}" for name in names)
    parts = [
        "# What `envcheck doctor` costs\n",
        f"Measured on {today} with `benchmarks/doctor.py`, {rounds} alternating rounds "
        f"(commands over {SLOW:g} s: every third round) after one that warmed up.\n",
        f"- machine: {machine.describe()}",
        f"- environment: Python {env.python_version}, {len(env.versions)} distributions, "
        f"{env.files:,} files in their RECORDs; {versions}",
        "- CPU: user + system of the command and all its descendants, from `wait4` in a small C "
        "program; ratios are of the minima",
        "- memory: the largest single process (`ru_maxrss`), and the largest sum of the "
        "proportional set sizes of all processes alive at the same time, from a run of its own\n",
        "A command of envcheck leaves without taking the interpreter apart, so `--version` may "
        "cost less than bare Python.\n",
        "## Commands\n",
        speed_table(measured, missing),
        "\n## Goals\n",
        goals_table(measured, deep),
    ]
    if facts:
        parts += ["\n" + facts.markdown(measured, env.files)]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--python", metavar="PATH", help="interpreter of the environment to measure in"
    )
    parser.add_argument("--make-env", metavar="DIR", help="create the environment there first")
    parser.add_argument(
        "--install", action="store_true", help="install this checkout into it first"
    )
    parser.add_argument("--rounds", type=int, default=15, metavar="N")
    parser.add_argument(
        "--only", nargs="*", metavar="WORD", help="candidates whose name has one of these"
    )
    parser.add_argument(
        "--output", default=os.path.join(environment.ROOT, "reports", "doctor-speed.md")
    )
    options = parser.parse_args()
    python = environment.make(options.make_env) if options.make_env else options.python
    if not python:
        parser.error("name the environment: --python PATH or --make-env DIR")
    if options.install and not options.make_env:
        environment.install_checkout(python)
    env = environment.describe(python)
    chosen = [
        c
        for c in CANDIDATES
        if not options.only or c.name == BARE or any(word in c.name for word in options.only)
    ]
    missing = {c.name: c.missing(env) for c in chosen if c.missing(env)}
    present = [c for c in chosen if c.name not in missing]
    with tempfile.TemporaryDirectory() as home:
        variables = environment.environ(HOME=home, TERM="xterm-256color")
        measured = measure_all(present, env, variables, options.rounds)
        facts = phases.observe(env, variables) if DOCTOR in measured else None
    text = document(env, measured, missing, facts, options.rounds)
    write_report(options.output, text)
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
