"""The runs of matrices, oldest first: counts, and what changed since the one before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from envcheck.model.comparison import KINDS
from envcheck.report.json import finite
from envcheck.report.matrix_changes import WORDS
from envcheck.report.matrix_markdown import pipe
from envcheck.report.matrix_text import STYLES, Field, finished, layout
from envcheck.report.matrix_words import STATUSES
from envcheck.report.printable import line, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.comparison import Comparison, Past
    from envcheck.report.matrix import View

SCHEMA = "envcheck.history/1"
CHANGES = 3  # that are spelt out


def render(past: Sequence[Past], view: View) -> str:
    """A line for each run, what changed in it below."""
    if not past:
        return finished(["There are no runs in the store."], view)
    statuses = _statuses(past)
    heads = [Field(text, "1") for text in ("run", "began", "backend", *statuses, "version")]
    grid = [
        [
            Field(line(run.id)),
            Field(line(run.started)),
            Field(line(run.backend)),
            *(
                Field(str(run.counts.get(s) or "-"), STYLES[s] if run.counts.get(s) else "")
                for s in statuses
            ),
            Field(", ".join(map(line, run.versions)) or "-"),
        ]
        for run in past
    ]
    right = [False] * 3 + [True] * len(statuses) + [False]
    lines = list(layout(heads, grid, view, right))
    for run in past:
        if run.since and run.since.changes:
            lines += ["", f"{line(run.id)}, since {line(run.since.old)}: {_tally(run.since)}"]
            lines += [f"    {text}" for text in changed(run.since)]
    return finished(lines, view)


def _statuses(past: Sequence[Past]) -> list[str]:
    return [status for status in STATUSES if any(run.counts.get(status) for run in past)]


def _tally(since: Comparison) -> str:
    counts = [(since.count(kind), kind) for kind in KINDS if since.count(kind)]
    return ", ".join(f"{count} {WORDS[kind]}" for count, kind in counts)


def changed(since: Comparison) -> list[str]:
    """The changes that matter most, and how many more there are."""
    ordered = sorted(since.changes, key=lambda change: KINDS.index(change.kind))
    told = [
        f"{WORDS[change.kind]}: {line(change.cell)} "
        f"{line(change.what)}: {line(change.before)} → {line(change.after)}"
        for change in ordered[:CHANGES]
    ]
    more = len(ordered) - CHANGES
    return [*told, f"and {more} more"] if more > 0 else told


def render_markdown(past: Sequence[Past], view: View) -> str:  # noqa: ARG001  # one shape for all
    """A table."""
    statuses = _statuses(past)
    rows = [
        [
            markdown(run.id),
            markdown(run.started),
            markdown(run.backend),
            *(str(run.counts.get(status) or "-") for status in statuses),
            markdown(", ".join(run.versions)),
            "; ".join(map(markdown, changed(run.since))) if run.since else "",
        ]
        for run in past
    ]
    heads = ["run", "began", "backend", *statuses, "version", "since the run before"]
    right = [False] * 3 + [True] * len(statuses) + [False] * 2
    return f"# History\n\n{pipe(heads, rows, right)}\n"


def render_json(past: Sequence[Past], view: View) -> str:  # noqa: ARG001  # one shape for all
    """``envcheck.history/1``; ASCII only."""
    runs: list[dict[str, Any]] = []
    for run in past:
        entry = run._asdict()
        if run.since is not None:
            entry["since"] = {
                "run": run.since.old,
                "changes": [change._asdict() for change in run.since.changes],
            }
        runs.append(entry)
    return json.dumps(finite({"schema": SCHEMA, "runs": runs}), indent=2, allow_nan=False) + "\n"


FORMATS = {"text": render, "markdown": render_markdown, "json": render_json}
