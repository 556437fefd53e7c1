"""Measures ``envcheck matrix predict`` and uv on the same questions; writes
``reports/prediction-speed.md``.

    python -m benchmarks.predict [--rounds 5] [--uv PATH] [--without vllm,large]

Every round runs every competitor once, in an order that changes from round to round. All use the
index that is public by default and no configuration of pip and uv. uv is asked as it is quickest:
one call a target with a shared cache, its interpreter given. It tells versions only; envcheck tells
the download and the disk besides. The numbers are kept in ``prediction-speed.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if __package__ in (None, ""):  # run as a file
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from benchmarks import environment, machine, prediction_scale
from benchmarks.paired import order
from benchmarks.tables import write_report
from envcheck import process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PYTHONS = ("3.9.25", "3.10.22", "3.11.18", "3.12.16", "3.13.18", "3.14.10")
PLATFORMS = {"slim-bookworm": "x86_64-manylinux_2_36", "alpine": "x86_64-unknown-linux-musl"}


class Case(NamedTuple):
    """One question. ``pythons``: full versions."""

    name: str
    requirement: str
    pythons: tuple[str, ...] = PYTHONS
    platforms: tuple[str, ...] = tuple(PLATFORMS)

    @property
    def targets(self) -> list[str]:
        """Words for envcheck."""
        return [f"{python}-{platform}" for python in self.pythons for platform in self.platforms]


CASES = (
    Case("accelerate", "accelerate==1.13.0"),
    Case("hopeless", "torch", ("3.12.16",), ("alpine",)),
    Case("vllm", "vllm==0.32.0", PYTHONS[:5]),
)


class Bench:
    """All competitors, and what they took."""

    def __init__(self, uv: str, folder: str) -> None:
        self.uv, self.folder = uv, folder
        self.seconds: dict[str, list[float]] = {}
        self.processor: dict[str, list[float]] = {}
        self.said: dict[str, str] = {}
        self.environment = _environment()

    def run(self, name: str, commands: Sequence[tuple[list[str], str]], cache: str) -> None:
        """All of ``commands`` (words, standard input), one after the other; times are of all."""
        extra = {"ENVCHECK_CACHE_DIR": cache, "UV_CACHE_DIR": cache}
        text = ""
        before = os.times()
        start = time.perf_counter()
        for words, given in commands:
            outcome = process.run(
                words, timeout=600, env={**self.environment, **extra}, stdin=given.encode()
            )
            text += outcome.stdout.decode(errors="replace")
        taken = time.perf_counter() - start
        after = os.times()
        spent = after.children_user + after.children_system
        spent -= before.children_user + before.children_system
        self.seconds.setdefault(name, []).append(taken)
        self.processor.setdefault(name, []).append(spent)
        self.said[name] = text

    def ours(self, case: Case, *words: str) -> list[tuple[list[str], str]]:
        """One process for all targets."""
        command = [sys.executable, "-m", "envcheck", "matrix", "predict", case.requirement]
        return [([*command, "--target", ",".join(case.targets), *words], "")]

    def theirs(self, case: Case, *words: str) -> list[tuple[list[str], str]]:
        """One process for each target."""
        return [
            (
                [
                    self.uv, "pip", "compile", "-q", "-", "-p", sys.executable,
                    "--python-version", python, "--python-platform", PLATFORMS[platform],
                    "--only-binary", ":all:", *words,
                ],
                case.requirement,
            )
            for python in case.pythons
            for platform in case.platforms
        ]  # fmt: skip

    def round(self, cases: Sequence[Case], number: int) -> None:
        """Every competitor once."""
        jobs: dict[str, Callable[[], None]] = {}
        for case in cases:
            jobs[f"{case.name} envcheck"] = partial(self._ours, case)
            jobs[f"{case.name} uv"] = partial(self._theirs, case)
        for name in order(list(jobs), number):
            jobs[name]()

    def _ours(self, case: Case) -> None:
        cache = tempfile.mkdtemp(dir=self.folder)
        self.run(f"{case.name} cold envcheck", self.ours(case, "-v"), cache)
        self.run(f"{case.name} anew envcheck", self.ours(case, "--report", "text"), cache)
        self.run(f"{case.name} first envcheck", self.ours(case), cache)
        self.run(f"{case.name} warm envcheck", self.ours(case), cache)
        shutil.rmtree(cache)

    def _theirs(self, case: Case) -> None:
        cache = tempfile.mkdtemp(dir=self.folder)
        self.run(f"{case.name} cold uv", self.theirs(case), cache)
        self.run(f"{case.name} warm uv", self.theirs(case, "--offline"), cache)
        shutil.rmtree(cache)

    def moved(self, case: Case) -> tuple[int, str]:
        """(requests, size moved) of the cold run, as envcheck itself says."""
        text = " ".join(self.said[f"{case.name} cold envcheck"].split())
        found = re.search(r"asked the index (\d+) times, (\S+) came", text)
        return (int(found[1]), found[2]) if found else (0, "")


def _environment() -> dict[str, str]:
    """No configuration of pip and uv; certificates stay."""
    kept = {
        name: value
        for name, value in environment.environ().items()
        if not name.startswith(("PIP_", "UV_")) or name == "PIP_CERT"
    }
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--uv", default=shutil.which("uv") or "uv")
    parser.add_argument("--without", default="", help="cases to leave out, by comma")
    parser.add_argument("-o", "--output", default="reports/prediction-speed.md")
    arguments = parser.parse_args(words)
    left_out = arguments.without.split(",")
    cases = [case for case in CASES if case.name not in left_out]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.uv, folder)
        for number in range(arguments.rounds):
            bench.round(cases, number)
        scale = [] if "large" in left_out else prediction_scale.measure()
        write(bench, cases, scale, arguments.output)
    return 0


def write(
    bench: Bench, cases: Sequence[Case], scale: Sequence[prediction_scale.Scale], output: str
) -> None:
    """The report and its numbers."""
    document = {
        "machine": machine.describe(),
        "uv": process.run([bench.uv, "--version"], timeout=30).stdout.decode().strip(),
        "seconds": bench.seconds,
        "processor": bench.processor,
        "moved": {case.name: bench.moved(case) for case in cases},
        "scale": [one._asdict() for one in scale],
    }
    path = output.removesuffix(".md") + ".json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    from benchmarks import prediction_speed_report as report

    write_report(output, report.render(document, cases, {c.name: len(c.targets) for c in cases}))


if __name__ == "__main__":
    sys.exit(main())
