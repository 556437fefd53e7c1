"""Measures ``envcheck matrix run`` and what people do instead; writes ``reports/matrix-speed.md``.

    ENVCHECK_IMAGES=slim=…:{python}-slim,alpine=…:{python}-alpine python -m benchmarks.matrix
    python -m benchmarks.matrix --closure            # once: accelerate with torch's CUDA wheels

Every round runs every competitor once, in an order that changes from round to round. Ratios are
of medians of wall time: most of the work is done by an engine, whose processor time is not ours.
All use the index that is public by default, no configuration of pip and uv, and the same
certificates. ``ENVCHECK_BENCHMARK_DOCKER_ARGS``: further words for (b)'s ``docker run``.
The numbers are kept in ``matrix-speed.json`` beside the report, which is made of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shlex
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

if __package__ in (None, ""):  # run as a file
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from benchmarks import environment, machine, matrix_cells, matrix_competitors, matrix_ours
from benchmarks import matrix_report as report
from benchmarks.matrix_competitors import Where
from benchmarks.matrix_ours import Ours
from benchmarks.paired import order
from benchmarks.tables import write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.matrix_cells import Cells
    from benchmarks.matrix_ours import Document, Outcome

SPACE = 40 << 30  # bytes that must be free before torch's CUDA wheels are installed five times


class Entry(NamedTuple):
    """A competitor. ``once`` does all of its cells; name of a line -> seconds."""

    name: str
    once: Callable[[], dict[str, float]]


def interpreters(pythons: Sequence[str]) -> dict[str, str]:
    """Path of each of these Pythons that PATH or pyenv has."""
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    versions = os.path.join(root, "versions")
    names = sorted(os.listdir(versions)) if os.path.isdir(versions) else []
    found = {}
    for python in pythons:
        places = [
            os.path.join(versions, name, "bin") for name in names if name.startswith(f"{python}.")
        ]
        search = os.pathsep.join([*reversed(places), os.environ.get("PATH", "")])
        if path := shutil.which(f"python{python}", path=search):
            found[python] = path
    return found


class Bench:
    """All competitors over the same cells, and what they took."""

    def __init__(self, cells: Cells, where: Where, only: Sequence[str]) -> None:
        self.cells, self.where, self.only = cells, where, only
        self.seconds: dict[str, list[float]] = {}
        self.missing: dict[str, str] = {}
        self.last: dict[str, Outcome] = {}
        glibc = [matrix_cells.Cell(python, "slim", "") for python in where.interpreters]
        self.ours = {
            name: Ours(
                name,
                matrix_cells.matrix(chosen),
                name,
                where,
                matrix_cells.matrix(chosen, matrix_cells.BARE),
            )
            for name, chosen in (("docker", cells.there), ("interpreters", glibc))
        }

    def entries(self) -> list[Entry]:
        """Those that are asked for."""
        there, where = self.cells.there, self.where
        all_ = [
            Entry("build", lambda: {report.BUILD: matrix_competitors.build_loop(there, where)}),
            Entry("run", lambda: {report.RUN: matrix_competitors.run_loop(there, where)}),
            Entry("tox", lambda: {report.TOX: matrix_competitors.tox(where)}),
            Entry("nox", lambda: {report.NOX: matrix_competitors.nox(where)}),
            Entry("docker", lambda: self._envcheck("docker")),
            Entry("interpreters", lambda: self._envcheck("interpreters")),
        ]
        return [entry for entry in all_ if not self.only or entry.name in self.only]

    def measure(self, rounds: int) -> None:
        """Fill the caches of those that have one, then alternate."""
        entries = {entry.name: entry for entry in self.entries()}
        for name in ("run", "tox", "nox"):
            if name in entries:
                self._once(entries[name], keep=False)
        for turn in range(rounds):
            for name in order(list(entries), turn):
                self._once(entries[name])
            print(f"round {turn + 1} of {rounds}", file=sys.stderr)

    def _once(self, entry: Entry, *, keep: bool = True) -> None:
        if entry.name in self.missing:
            return
        try:
            took = entry.once()
        except (matrix_competitors.Failed, OSError) as error:
            print(f"{entry.name}: {error}", file=sys.stderr)
            self.missing.update(dict.fromkeys((entry.name, *_lines(entry.name)), "failed"))
            return
        said = ", ".join(f"{line} {seconds:.1f} s" for line, seconds in took.items())
        print(said if keep else f"{said} (cache filled)", file=sys.stderr)
        for line, seconds in took.items() if keep else ():
            self.seconds.setdefault(line, []).append(seconds)

    def _envcheck(self, backend: str) -> dict[str, float]:
        ours = self.ours[backend]
        outcomes = {"cold": ours.cold(), "warm": ours.run(), "bare": ours.run(bare=True)}
        named = {f"{backend} {state}": outcome for state, outcome in outcomes.items()}
        self.last.update(named)
        return {line: outcome.wall for line, outcome in named.items()}

    def numbers(self) -> Document:
        """All that the report is made of."""
        found: Document = {
            "date": dt.date.today().isoformat(),
            "machine": machine.describe(),
            "packages": list(matrix_cells.PACKAGES),
            "cells": self.cells.sentence(),
            "counts": {
                "images": len(self.cells.there),
                "interpreters": len(self.where.interpreters),
            },
            "seconds": self.seconds,
            "missing": self.missing,
            "overhead": {},
            "traffic": {},
            "thousand": {how: _usage(how) for how in ("together", "singly")},
        }
        for backend, ours in self.ours.items():
            if cold := self.last.get(f"{backend} cold"):
                found["traffic"][backend] = matrix_ours.traffic(cold.document)
                found["overhead"][backend] = matrix_ours.overhead(
                    ours.run("--jobs", "1", bare=True)
                )
                found["imports"] = matrix_ours.imports(cold.document)
        if cold := self.last.get("docker cold"):
            warm = matrix_ours.steps(self.last["docker warm"].document)
            found["steps"] = {
                name: [seconds, warm.get(name, 0.0)]
                for name, seconds in matrix_ours.steps(cold.document).items()
            }
        return found

    def clean(self) -> None:
        """Remove what was made."""
        for ours in self.ours.values():
            ours.forget()
        matrix_competitors.forget_pip_cache()


def closure(where: Where, with_pip: bool) -> Document:
    """Torch's CUDA wheels on five Pythons, once cold and once warm."""
    free = shutil.disk_usage(where.folder).free
    if free < SPACE:
        raise SystemExit(f"only {free >> 30} GiB are free: {SPACE >> 30} are needed")
    ours = Ours("closure", matrix_cells.closure(), "docker", where)
    try:
        cold, warm = ours.cold(), ours.run()
    finally:
        ours.forget()
    found: Document = {
        "date": dt.date.today().isoformat(),
        "cold": cold.wall,
        "warm": warm.wall,
        "traffic": matrix_ours.traffic(cold.document),
        "cells": [matrix_ours.row(result) for result in warm.document["results"]],
    }
    if with_pip:
        templates = matrix_cells.images(os.environ.get("ENVCHECK_IMAGES", ""))
        slim = matrix_cells.cells(templates, matrix_competitors.present, systems=("slim",))
        found["pip"] = matrix_competitors.pip_closure(slim.there, where)
    return found


def _usage(how: str) -> dict[str, float]:
    usage = matrix_ours.thousand(how)
    return {"wall": usage.wall, "peak": usage.peak}


def _lines(name: str) -> list[str]:
    return [line for line in report.LINES if line == name or line.startswith(f"{name} ")]


def _kept(path: str) -> Any:
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        return json.load(file)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these competitors")
    parser.add_argument("--python", nargs="*", default=list(matrix_cells.PYTHONS), metavar="X.Y")
    parser.add_argument("--os", nargs="*", default=list(matrix_cells.SYSTEMS), metavar="NAME")
    parser.add_argument("--tools", metavar="DIR", help="where tox and nox are, or are installed")
    parser.add_argument("--closure", action="store_true", help="accelerate with CUDA wheels, once")
    parser.add_argument("--pip", action="store_true", help="with --closure: pip's time, too")
    parser.add_argument(
        "--output", default=os.path.join(environment.ROOT, "reports", "matrix-speed.md")
    )
    options = parser.parse_args()
    templates = matrix_cells.images(os.environ.get("ENVCHECK_IMAGES", ""))
    cells = matrix_cells.cells(templates, matrix_competitors.present, options.python, options.os)
    if not cells.there and not options.closure:
        parser.error(f"no image is there for {', '.join(cells.missing)}: set ENVCHECK_IMAGES")
    numbers_path = os.path.splitext(options.output)[0] + ".json"
    numbers = _kept(numbers_path)
    with tempfile.TemporaryDirectory(
        prefix="envcheck-benchmark-", ignore_cleanup_errors=True
    ) as folder:
        where = Where(
            folder,
            matrix_competitors.bundle(),
            tuple(shlex.split(os.environ.get("ENVCHECK_BENCHMARK_DOCKER_ARGS", ""))),
            interpreters(options.python),
        )
        if options.closure:
            numbers["closure"] = closure(where, options.pip)
        else:
            tools = options.tools or os.path.join(folder, "tools")
            where = where._replace(tools=matrix_competitors.make_tools(tools))
            bench = Bench(cells, where, options.only)
            try:
                bench.measure(options.rounds)
                numbers = {
                    **bench.numbers(),
                    **{k: v for k, v in numbers.items() if k == "closure"},
                }
            finally:
                bench.clean()
    write_report(numbers_path, json.dumps(numbers, indent=1) + "\n")
    text = report.document(numbers)
    write_report(options.output, text)
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
