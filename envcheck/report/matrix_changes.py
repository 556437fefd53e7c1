"""A comparison of two runs as text, Markdown and JSON: what got worse first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.cells import cell_len

from envcheck.model.comparison import KINDS, SCHEMA
from envcheck.report.json import finite
from envcheck.report.matrix_markdown import pipe, prose
from envcheck.report.matrix_text import finished, short
from envcheck.report.printable import line, markdown, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.comparison import Change, Comparison
    from envcheck.report.matrix import View

WORDS = {"worse": "worse", "better": "better", "note": "changed", "open": "not told"}
STYLES = {"worse": "1;31", "better": "32", "open": "35", "note": ""}


def summary(found: Comparison) -> str:
    """``2 regressions, 1 improvement, 7 of 10 cells the same``."""
    words = {"worse": "regression", "better": "improvement", "note": "change"}
    parts = []
    for kind in KINDS:
        count = found.count(kind)
        word = words[kind] + "s" * (count > 1) if kind in words else WORDS[kind]
        parts += [f"{count} {word}"] if count else []
    return ", ".join([*parts, f"{found.same} of {found.cells} cells the same"])


def _sorted(found: Comparison) -> list[Change]:
    return sorted(found.changes, key=lambda change: KINDS.index(change.kind))


def render(found: Comparison, view: View) -> str:
    """Lines, one for each change."""
    return finished(_lines(found, view), view)


def _lines(found: Comparison, view: View) -> Iterator[str]:
    yield f"{line(found.old)} → {line(found.new)}: {summary(found)}"
    for note in found.notes:
        yield from wrap(f"note: {line(note)}", view.width, 0, cell_len)
    changes = _sorted(found)
    heads = [
        [WORDS[change.kind], *(short(line(text)) for text in (change.cell, change.what))]
        for change in changes
    ]
    widths = [max((cell_len(head[n]) for head in heads), default=0) for n in range(3)]
    if changes:
        yield ""
    for change, head in zip(changes, heads, strict=True):
        first = "  ".join(
            text + " " * (width - cell_len(text)) for text, width in zip(head, widths, strict=True)
        )
        text = f"{line(change.before)} → {line(change.after)}"
        text += f": {line(change.why)}" if change.why else ""
        hang = min(sum(widths) + 6, view.width // 2)
        body = wrap(text, view.width - hang, max(cell_len(first) + 2 - hang, 0), cell_len)
        style = STYLES[change.kind] if view.colour else ""
        word = WORDS[change.kind]
        lead = f"\x1b[{style}m{word}\x1b[0m{first[len(word) :]}" if style else first
        yield f"{lead}  {body[0]}"
        yield from (" " * hang + part for part in body[1:])


def render_markdown(found: Comparison, view: View) -> str:  # noqa: ARG001  # one shape for all
    """A table of the changes."""
    parts = [f"# {markdown(found.old)} → {markdown(found.new)}", "", f"{summary(found)}.", ""]
    parts += [f"- {prose(note)}" for note in found.notes]
    parts += [""] if found.notes else []
    rows = [
        [
            f"**{WORDS[change.kind]}**" if change.kind == "worse" else WORDS[change.kind],
            *(markdown(text) for text in (change.cell, change.what, change.before, change.after)),
            prose(change.why),
        ]
        for change in _sorted(found)
    ]
    if rows:
        parts += [pipe(("", "cell", "what", "before", "after", "why"), rows)]
    return "\n".join(parts).rstrip("\n") + "\n"


def render_json(found: Comparison, view: View) -> str:  # noqa: ARG001  # one shape for all
    """``envcheck.comparison/1``; ASCII only."""
    document = {
        "schema": SCHEMA,
        "old": found.old,
        "new": found.new,
        "counts": {kind: found.count(kind) for kind in KINDS},
        "cells": found.cells,
        "same": found.same,
        "notes": list(found.notes),
        "changes": [change._asdict() for change in found.changes],
    }
    return json.dumps(finite(document), indent=2, allow_nan=False) + "\n"


FORMATS = {"text": render, "markdown": render_markdown, "json": render_json}
