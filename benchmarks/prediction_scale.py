"""How the predictor grows: made-up indexes of many distributions, recorded and replayed.

Each distribution requires some of the following ones, with ranges; each has releases of which the
newest is not always allowed, wheels for some Pythons and both C libraries, and generic ones.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import time
from typing import NamedTuple

if __package__ in (None, ""):  # run as a file
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from envcheck import process
from envcheck.index.pages import File
from envcheck.index.recording import Listing, Recording
from envcheck.model.artifact import Contents, WheelFacts

SIZES = (125, 250, 500, 1000)
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
RELEASES = 30


class Scale(NamedTuple):
    """One size. ``memory``: largest resident set of the process, in bytes."""

    distributions: int
    targets: int
    seconds: float  # of processor time
    memory: int
    picked: int


def made_up(count: int, seed: int = 1) -> Recording:
    """An index of ``count`` distributions, all needed by the first."""
    choice = random.Random(seed)
    recording = Recording()
    for number in range(count):
        name = f"part-{number}"
        files = []
        for release in range(RELEASES):
            version = f"{release // 10}.{release % 10}"
            stem = f"part_{number}-{version}"
            names = [f"{stem}-py3-none-any.whl"]
            if number % 4 == 0:
                names = [
                    f"{stem}-cp{python.replace('.', '')}-cp{python.replace('.', '')}-{platform}.whl"
                    for python in PYTHONS
                    for platform in ("manylinux_2_17_x86_64", "musllinux_1_2_x86_64")
                ]
            files += [
                File(filename=one, url=f"recorded:{one}", size=10_000, uploaded="2026-01-01T00:00")
                for one in names
            ]
            if release >= RELEASES - 4:
                required = _required(choice, number, count)
                for one in names:
                    recording.wheels[one] = _facts(name, version, required)
        recording.listings[name] = Listing(files=files)
    return recording


def _required(choice: random.Random, number: int, count: int) -> list[str]:
    near = [number + step for step in (1, 2, 3, 7, 20) if number + step < count]
    lines = []
    for other in near:
        limit = choice.choice(("", ">=1.5", ">=2.0,<2.9", "<2.9", "!=2.9"))
        lines.append(f"part-{other}{limit}")
    return lines


def _facts(name: str, version: str, required: list[str]) -> WheelFacts:
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in required)]
    contents = Contents(members=10, site=50_000, allocated=65_536, python=8, python_bytes=40_000)
    return WheelFacts(size=10_000, metadata="\n".join(lines) + "\n", contents=contents)


def once(count: int) -> Scale:
    """Predict it in this process."""
    import datetime as dt

    from envcheck.index.session import IndexSession
    from envcheck.model.matrix import Index
    from envcheck.predict import targets
    from envcheck.predict.judgement import judge
    from envcheck.predict.requirements import parse
    from envcheck.predict.world import World

    recording = made_up(count)
    words = [f"{python}-{os}" for python in PYTHONS for os in ("slim", "alpine")]
    where = [targets.parse(word, today=dt.date(2026, 11, 20)) for word in words]
    start = time.process_time()
    with IndexSession("", Index(), replayed=recording) as session:
        world = World(session)
        wanted = parse("part-0")
        world.prefetch([(wanted, target) for target in where])
        picked = sum(len(judge(world, target, [wanted]).actual.picked) for target in where)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Scale(count, len(where), round(seconds, 3), peak, picked)


def measure() -> list[Scale]:
    """Each size in a process of its own."""
    found = []
    for size in SIZES:
        command = [sys.executable, os.path.abspath(__file__), str(size)]
        said = process.run(command, timeout=600).stdout.decode().split()
        numbers = [float(word) for word in said]
        found.append(
            Scale(int(numbers[0]), int(numbers[1]), numbers[2], int(numbers[3]), int(numbers[4]))
        )
    return found


if __name__ == "__main__":
    print(*once(int(sys.argv[1])))
