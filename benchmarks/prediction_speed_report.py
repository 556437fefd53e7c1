"""``reports/prediction-speed.md`` from the numbers beside it. Nothing is measured here."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.tables import goals, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.predict import Case

LINES = {
    "cold envcheck": "envcheck matrix predict, nothing cached",
    "cold uv": "uv pip compile, one call a target, nothing cached at first",
    "anew envcheck": "envcheck, pages and facts cached, worked out anew",
    "warm envcheck": "envcheck, asked again (the kept answer)",
    "warm uv": "uv pip compile --offline, all cached",
}


def render(document: Mapping[str, Any], cases: Sequence[Case], targets: Mapping[str, int]) -> str:
    """The report."""
    parts = [
        "# What predictions cost",
        "",
        "Made by `python -m benchmarks.predict`; times are of whole processes, each round runs all"
        " competitors once in a changing order. envcheck gives verdicts, versions, downloads and"
        " disk for all targets in one process; uv gives versions, in one process a target (shared"
        " cache, `-p` given, `--only-binary :all:`, `--python-version` in full), without sizes.",
        "",
        f"Measured on {document['machine']}; {document['uv']}.",
    ]
    for case in cases:
        parts += ["", *_case(document, case, targets[case.name])]
    parts += ["", "## Goals", "", goals(_goals(document))]
    if document["scale"]:
        parts += ["", *_scale(document["scale"])]
    return "\n".join(parts) + "\n"


def _case(document: Mapping[str, Any], case: Case, targets: int) -> list[str]:
    rows = []
    for key, what in LINES.items():
        name = f"{case.name} {key}"
        seconds = document["seconds"].get(name)
        if seconds:
            processor = document["processor"][name]
            rows.append([
                what, f"{median(seconds):.3f}", f"{min(seconds):.3f} to {max(seconds):.3f}",
                f"{median(processor):.3f}",
            ])  # fmt: skip
    requests, moved = document["moved"][case.name]
    heads = ["", "seconds (median)", "from, to", "processor seconds"]
    return [
        f"## `{case.requirement}` on {targets} target{'s' * (targets != 1)}",
        "",
        table(rows, heads),
        "",
        f"The cold run asked the index {requests} times; {moved} came.",
    ]


def _goals(document: Mapping[str, Any]) -> list[tuple[str, float, float | None, str]]:
    def middle(name: str) -> float | None:
        seconds = document["seconds"].get(name)
        return median(seconds) if seconds else None

    def ratio(over: str, under: str) -> float | None:
        """Of the medians."""
        one, other = middle(over), middle(under)
        return one / other if one is not None and other else None

    rows: list[tuple[str, float, float | None, str]] = [
        ("accelerate on twelve targets, cold", 1.2, middle("accelerate cold envcheck"), " s"),
        ("… of uv's time", 0.2, ratio("accelerate cold envcheck", "accelerate cold uv"), ""),
        (
            "… warm, of uv's `--offline`", 0.25,
            ratio("accelerate warm envcheck", "accelerate warm uv"), "",
        ),
        ("torch on musl, cold", 0.3, middle("hopeless cold envcheck"), " s"),
        ("vllm on ten targets, cold", 6.0, middle("vllm cold envcheck"), " s"),
        ("vllm, warm", 0.5, middle("vllm warm envcheck"), " s"),
    ]  # fmt: skip
    if document["scale"]:
        last = document["scale"][-1]
        name = f"{last['distributions']} distributions on {last['targets']} targets, recorded"
        rows += [
            (name, 30.0, last["seconds"], " s"),
            ("… memory", 300.0, last["memory"] / 1e6, " MB"),
        ]
    return rows


def _scale(scale: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [
            one["distributions"], one["targets"], f"{one['seconds']:.2f}",
            f"{one['seconds'] / one['distributions'] * 1000:.2f}", f"{one['memory'] / 1e6:.0f}",
        ]
        for one in scale
    ]  # fmt: skip
    heads = ["distributions", "targets", "processor seconds", "ms each", "memory (MB)"]
    return ["## How it grows: made-up recorded indexes", "", table(rows, heads)]
