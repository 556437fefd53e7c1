"""``reports/matrix-speed.md`` from the numbers beside it. Nothing is measured here."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.tables import goals, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Numbers = "Mapping[str, Any]"

BUILD, RUN, TOX, NOX = "build", "run", "tox", "nox"
DOCKER_COLD, DOCKER_WARM, DOCKER_BARE = "docker cold", "docker warm", "docker bare"
VENV_COLD, VENV_WARM, VENV_BARE = (f"interpreters {state}" for state in ("cold", "warm", "bare"))

#: line -> what it is, whose cells it does
LINES = {
    BUILD: ("(a) a loop of `docker build --no-cache`, pip", "images"),
    RUN: ("(b) a loop of `docker run`, pip with a cache that all share, filled", "images"),
    DOCKER_COLD: ("(d) `envcheck matrix run --backend docker`, cold", "images"),
    DOCKER_WARM: ("(d) the same, warm", "images"),
    DOCKER_BARE: ("(d) warm, and no more than the others do", "images"),
    TOX: ("(c) `tox run --recreate`, pip's cache filled", "interpreters"),
    NOX: ("(c) `nox` with uv, its cache filled", "interpreters"),
    VENV_COLD: ("(e) `envcheck matrix run --backend interpreters`, cold", "interpreters"),
    VENV_WARM: ("(e) the same, warm", "interpreters"),
    VENV_BARE: ("(e) warm, and no more than the others do", "interpreters"),
}

PIP_CLOSURE = 315.0  # seconds, of five installations by pip without a cache, one after the other


class Goal(NamedTuple):
    """``value`` ≤ ``limit`` is reached; ``value`` is None where something was not measured."""

    text: str
    limit: float
    unit: str
    value: Callable[[Mapping[str, Any]], float | None]


def median(numbers: Mapping[str, Any], line: str) -> float | None:
    """Of all rounds, seconds."""
    seconds = numbers.get("seconds", {}).get(line)
    return statistics.median(seconds) if seconds else None


def _ratio(line: str, other: str) -> Callable[[Mapping[str, Any]], float | None]:
    def value(numbers: Mapping[str, Any]) -> float | None:
        one, two = median(numbers, line), median(numbers, other)
        return one / two if one is not None and two else None

    return value


def _at(*keys: str) -> Callable[[Mapping[str, Any]], float | None]:
    def value(numbers: Any) -> float | None:
        for key in keys:
            if not isinstance(numbers, dict) or key not in numbers:
                return None
            numbers = numbers[key]
        return float(numbers) if numbers is not None else None

    return value


GOALS = (
    Goal("docker, warm, against (a)", 1 / 8, "×", _ratio(DOCKER_WARM, BUILD)),
    Goal("docker, warm, against (b)", 1 / 4, "×", _ratio(DOCKER_WARM, RUN)),
    Goal(
        "docker, warm, no more than the others do, against (a)",
        1 / 8,
        "×",
        _ratio(DOCKER_BARE, BUILD),
    ),
    Goal(
        "docker, warm, no more than the others do, against (b)",
        1 / 4,
        "×",
        _ratio(DOCKER_BARE, RUN),
    ),
    Goal("docker, cold, against (a)", 1 / 2, "×", _ratio(DOCKER_COLD, BUILD)),
    Goal("docker: our own per cell", 0.3, " s", _at("overhead", "docker")),
    Goal("interpreters: our own per cell", 0.3, " s", _at("overhead", "interpreters")),
    Goal(
        "a cold run: bytes fetched, pages and all, against one of each wheel",
        1.2,
        "×",
        _at("traffic", "docker", "share"),
    ),
    Goal("1,000 cells planned and stored", 1, " s", _at("thousand", "together", "wall")),
    Goal(
        "1,000 cells planned and stored, peak memory",
        100,
        " MiB",
        _at("thousand", "together", "peak"),
    ),
    Goal(
        "accelerate with torch's CUDA wheels, five Pythons, cold", 50, " s", _at("closure", "cold")
    ),
    Goal("the same, warm", 25, " s", _at("closure", "warm")),
)


def goals_table(numbers: Mapping[str, Any]) -> str:
    """Every goal, reached or not, with the number."""
    return goals([(goal.text, goal.limit, goal.value(numbers), goal.unit) for goal in GOALS])


def speed_table(numbers: Mapping[str, Any]) -> str:
    """All lines in their order; those that were not measured with the reason."""
    rows = []
    for line, (text, kind) in LINES.items():
        seconds = numbers.get("seconds", {}).get(line)
        if not seconds:
            reason = numbers.get("missing", {}).get(line, "not measured")
            rows.append([text, reason, *[""] * 5])
            continue
        count = numbers["counts"][kind]
        middle = statistics.median(seconds)
        others = [(median(numbers, other) or 0.0) / middle for other in (BUILD, RUN, TOX)]
        same = (True, True, False) if kind == "images" else (False, False, True)
        times = [
            f"{ratio:.1f}" if ours and ratio else ""
            for ratio, ours in zip(others, same, strict=True)
        ]
        spread = f"{min(seconds):.1f} – {max(seconds):.1f}"
        rows.append([text, f"{middle:.1f}", spread, f"{middle / count:.2f}", *times])
    headers = ["", "seconds, median", "min – max", "per cell"]
    return table(rows, [*headers, "(a) ÷ this", "(b) ÷ this", "tox ÷ this"])


def document(numbers: Mapping[str, Any]) -> str:
    """The whole report, Markdown."""
    parts = ["# What `envcheck matrix run` costs\n"]
    if numbers.get("seconds"):
        parts += _rounds(numbers)
    if numbers.get("closure"):
        parts += ["\n" + closure(numbers["closure"])]
    parts += ["\n## Goals\n", goals_table(numbers)]
    return "\n".join(parts) + "\n"


def _rounds(numbers: Mapping[str, Any]) -> list[str]:
    rounds = max(len(seconds) for seconds in numbers["seconds"].values())
    packages, counts = ", ".join(numbers["packages"]), numbers["counts"]
    parts = [
        f"Measured on {numbers['date']} with `benchmarks/matrix.py`, {rounds} alternating rounds. "
        f"Every cell installs {packages} and imports them in a fresh process.\n",
        f"- machine: {numbers['machine']}",
        f"- (a), (b) and (d): {numbers['cells']}",
        f"- (c) and (e): {counts['interpreters']} interpreters of this machine",
        "- cold: no store, no cache of downloads, no image built by envcheck before; uv itself is "
        "fetched, too. Warm: again, with these. pip and uv of the others have their caches filled, "
        "but for (a), which has none",
        "- envcheck does more in each cell: it keeps logs, imports "
        f"{numbers.get('imports', 'several')} times and once more for the slowest modules, "
        "measures the disk and runs the doctor; *no more than the others do*: two imports and the "
        "slowest modules, no disk, no doctor\n",
        speed_table(numbers),
    ]
    if moved := numbers.get("traffic", {}).get("docker"):
        parts.append(
            f"\nA cold run fetched {moved['fetched'] / 1e6:.1f} MB from the index, pages and "
            f"metadata included, for {moved['files']} different files of "
            f"{moved['wheels'] / 1e6:.1f} MB that were installed {moved['uses']} times "
            f"({moved['all'] / 1e6:.1f} MB)."
        )
    if steps := numbers.get("steps"):
        rows = [[name, *[f"{value:.1f}" for value in values]] for name, values in steps.items()]
        parts += [
            "\nSeconds of the steps' commands, all cells together (cells overlap):\n",
            table(rows, ["step", "docker, cold", "docker, warm"]),
        ]
    if own := numbers.get("overhead", {}).get("docker"):
        parts.append(
            f"\nOur own: {own * 1000:.0f} ms per cell with docker are not in the time of any "
            "command of a step, in a warm run with one cell at a time and without the doctor; "
            "starting envcheck, containers and processes in them is among it."
        )
    if stored := numbers.get("thousand"):
        parts.append(
            f"\n1,000 cells are planned, stored with their results and read back in "
            f"{stored['together']['wall']:.2f} s; with each result flushed to the disk singly, as "
            f"in a run, in {stored['singly']['wall']:.2f} s. Starting Python is among it."
        )
    return parts


def closure(numbers: Mapping[str, Any]) -> str:
    """The section about accelerate with torch's CUDA wheels."""
    pip = numbers.get("pip")
    said = f"{pip:.0f} s measured beside it" if pip else f"{PIP_CLOSURE:.0f} s as measured before"
    rows = [
        [row["cell"], row["status"], *[row[name] for name in ("accelerate", "torch", "wheels")]]
        + [_seconds(row[name]) for name in ("install", "first", "settled")]
        for row in numbers["cells"]
    ]
    headers = ["cell", "status", "accelerate", "torch", "wheels", "install s (warm)"]
    headers += ["import, first s", "settled s"]
    moved = numbers["traffic"]
    return "\n".join(
        [
            "## accelerate with torch's CUDA wheels\n",
            f"Run once on {numbers['date']}: five slim Pythons, the newest accelerate and torch "
            f"that each can have. Cold {numbers['cold']:.1f} s, warm {numbers['warm']:.1f} s; pip, "
            f"one Python after the other without a cache: {said}, "
            f"{(pip or PIP_CLOSURE) / numbers['cold']:.1f} and "
            f"{(pip or PIP_CLOSURE) / numbers['warm']:.1f} times that.\n",
            f"Fetched {moved['fetched'] / 1e9:.2f} GB for {moved['files']} different files of "
            f"{moved['wheels'] / 1e9:.2f} GB, installed {moved['uses']} times "
            f"({moved['all'] / 1e9:.2f} GB).\n",
            table(rows, headers),
        ]
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
