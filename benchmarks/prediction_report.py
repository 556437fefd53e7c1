"""The tables of ``reports/prediction-accuracy.md`` and its numbers as JSON."""

from __future__ import annotations

import json
import os
from itertools import groupby
from typing import TYPE_CHECKING

from tabulate import tabulate

from benchmarks.prediction_question import KINDS
from benchmarks.prediction_truth import DATA

if TYPE_CHECKING:
    from benchmarks.prediction_comparison import Comparison
    from benchmarks.prediction_question import Question

LONGEST = 160  # characters of an answer in a table


def write(found: Comparison, path: str) -> None:
    """``path``.md and ``path``.json."""
    with open(f"{path}.md", "w") as file:
        file.write(markdown(found))
    document = {
        "about": found.about,
        "counts": {
            kind: dict(zip(("asked", "agree", "envcheck-right"), numbers, strict=True))
            for kind, numbers in found.counts.items()
        },
        "disagreements": [one._asdict() for one in found.disagreements],
    }
    with open(f"{path}.json", "w") as file:
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.write("\n")


def markdown(found: Comparison) -> str:
    """The whole report."""
    about = found.about
    parts = [
        "# How often predictions are right",
        "What `envcheck` predicts from the index alone, beside what pip's own finder takes (run in "
        "containers that stand for the official images; other targets by their tags), what uv "
        "resolves, and what really installs, imports and builds in containers without compilers. "
        "Written by `benchmarks/prediction_accuracy.py`; the answers of the others are recorded in "
        "`tests/data/predictions`.",
        "\n".join(f"- {key}: {_said(value)}" for key, value in about.items()),
        _counts(found),
        "## Disagreements",
        "Each one with who is right, and the evidence." if found.disagreements else "None.",
    ]
    for kind, group in groupby(found.disagreements, key=lambda one: one.kind):
        parts += [f"### {kind}: {KINDS[kind]}", _table(list(group))]
    return "\n\n".join([*parts, *_disk(), *_found()]) + "\n"


def _found() -> list[str]:
    return [
        "## Where a prediction was right and a run was not",
        "- soundfile on glibc: a lock of uv's names both wheels that fit, the one that brings "
        "libsndfile and the one for any platform. Runs installed the second, whose import fails; "
        "pip and uv take the first, as predicted. Runs now choose by tags, too "
        "(`envcheck/matrix/locks.py`).",
    ]


def _disk() -> list[str]:
    """What `prediction_disk` measured, kept beside the other answers."""
    with open(os.path.join(DATA, "disk.json")) as file:
        rows = json.load(file)["rows"]
    percent = [
        [
            row["case"],
            row["distributions"],
            f"{row['download']:,}" + (" =" if row["exact"] else ""),
            f"{row['bytes']:,}",
            *(_off(row, key, 3) for key in ("logical", "allocated")),
            *(_off(row, key, 2) for key in ("compiled", "compiled listed")),
            f"{row['unlisted']:.0%}" if row.get("unlisted") else "",
        ]
        for row in rows
    ]
    heads = ["closure", "wheels", "download", "disk", "off", "allocated, off"]
    heads += ["with bytecode, off", "once listed, off", "not listed"]
    return [
        "## Download and disk",
        "Predicted from the index, then installed and measured (`benchmarks/prediction_disk.py`). "
        "`=`: the download is exact to the byte. *not listed*: the share of the source whose "
        "projects the table of bytecode did not know when it was predicted; *once listed*: after "
        "they had been added to it.",
        tabulate(percent, heads, tablefmt="github", disable_numparse=True),
    ]


def _off(row: dict[str, float], key: str, digits: int) -> str:
    return f"{row[key]:+.{digits}f} %" if row.get(key) is not None else ""


def _said(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _counts(found: Comparison) -> str:
    rows = []
    for kind, (asked, same, ours) in found.counts.items():
        rows.append(
            [
                f"{kind}: {KINDS[kind]}",
                asked,
                same,
                ours,
                asked - same - ours,
                f"{100 * (same + ours) / asked:.2f} %",
            ]
        )
    heads = ["question", "asked", "agree", "envcheck is right", "it is not", "right"]
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True)


def _table(questions: list[Question]) -> str:
    """Equal disagreements on several targets are one row."""
    by_row: dict[tuple[str, ...], list[str]] = {}
    for one in questions:
        key = (one.requirement, _cut(one.theirs), _cut(_elsewhere(one)), one.right, one.evidence)
        by_row.setdefault(key, []).append(one.target)
    rows = [
        [f"`{requirement}`", ", ".join(targets), theirs, ours, right or "not explained", evidence]
        for (requirement, theirs, ours, right, evidence), targets in by_row.items()
    ]
    heads = ["requirement", "targets", "theirs", "envcheck's", "who is right", "evidence"]
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True)


def _elsewhere(question: Question) -> str:
    """Our answer without the name of the target, so that rows can be put together."""
    return question.ours.replace(f" on {question.target}", "").replace(question.target, "it")


def _cut(text: str) -> str:
    text = text.replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
