"""Predictions beside observations, as text, Markdown and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.cells import cell_len

from envcheck.model.agreement import SCHEMA
from envcheck.report.matrix_markdown import pipe, prose
from envcheck.report.matrix_text import Field, finished, layout
from envcheck.report.matrix_values import size
from envcheck.report.printable import line, markdown, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.agreement import Agreement, Compared
    from envcheck.report.matrix import View

HEADS = (
    "cell",
    "predicted",
    "observed",
    "agrees",
    "download",
    "disk predicted",
    "disk observed",
    "disk error",
)
_PINS = 12


def summary(found: Agreement) -> str:
    """``11 of 12 cells as predicted, disk at most 0.02 % off``."""
    text = f"{found.right} of {found.judged} cells as predicted"
    unjudged = len(found.cells) - found.judged
    text += f", {unjudged} not judged" if unjudged else ""
    errors = [abs(cell.disk_error) for cell in found.cells if cell.disk_error is not None]
    return text + (f", disk at most {max(errors):.2%} off" if errors else "")


def fields(cell: Compared) -> list[str]:
    """One row."""
    agrees = {True: "yes", False: "no", None: "-"}[cell.agrees]
    download = "-"
    if cell.predicted_download is not None and cell.observed_download is not None:
        same = cell.predicted_download == cell.observed_download
        download = "exact" if same else f"{cell.predicted_download - cell.observed_download:+,}"
    error = cell.disk_error
    return [
        line(cell.cell),
        line(cell.predicted),
        line(cell.observed),
        agrees,
        download,
        _size(cell.predicted_disk),
        _size(cell.observed_disk),
        "-" if error is None else f"{error:+.3%}",
    ]


def _size(count: int | None) -> str:
    return "-" if count is None else size(count)


def render(found: Agreement, view: View) -> str:
    """A table, and where they disagree why."""
    return finished(_lines(found, view), view)


def _lines(found: Agreement, view: View) -> Iterator[str]:
    head = f"{line(found.predicted)} beside {line(found.observed)}: {summary(found)}"
    yield from wrap(head, view.width, 0, cell_len)
    yield ""
    grid = [[Field(text) for text in fields(cell)] for cell in found.cells]
    right = [False] * 4 + [True] * 4
    yield from layout([Field(text, "1") for text in HEADS], grid, view, right)
    for text in _remarks(found):
        yield from wrap(text, view.width, 0, cell_len)


def _remarks(found: Agreement) -> Iterator[str]:
    for cell in found.cells:
        if cell.agrees is False:
            yield f"{line(cell.cell)}: {line(cell.why) or 'no reason was recorded'}"
        if cell.pins:
            shown = "; ".join(line(pin) for pin in cell.pins[:_PINS])
            more = len(cell.pins) - _PINS
            yield f"{line(cell.cell)}: other versions: {shown}" + (
                f" and {more} more" if more > 0 else ""
            )
    yield from (f"note: {line(note)}" for note in found.notes)


def render_markdown(found: Agreement, view: View) -> str:  # noqa: ARG001  # one shape for all
    """The same for a repository."""
    rows = [[markdown(text) for text in fields(cell)] for cell in found.cells]
    table = pipe(HEADS, rows, [False] * 4 + [True] * 4)
    lines = [f"{summary(found)}.", "", table, "", *(f"- {prose(text)}" for text in _remarks(found))]
    return "\n".join(lines).rstrip() + "\n"


def render_json(found: Agreement, view: View) -> str:  # noqa: ARG001
    """All of it."""
    document = {
        "schema": SCHEMA,
        "predicted": found.predicted,
        "observed": found.observed,
        "right": found.right,
        "judged": found.judged,
        "cells": [
            {**cell._asdict(), "pins": list(cell.pins), "disk_error": cell.disk_error}
            for cell in found.cells
        ],
        "notes": list(found.notes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


FORMATS = {"text": render, "markdown": render_markdown, "json": render_json}
