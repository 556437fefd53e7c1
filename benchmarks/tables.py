"""Markdown tables and the files they go to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """A GitHub table. Pipes, line ends and control characters in cells cannot break it."""
    from tabulate import tabulate

    clean = [[_cell(value) for value in row] for row in rows]
    return tabulate(clean, headers=headers, tablefmt="github", disable_numparse=True)


def goals(rows: Sequence[tuple[str, float, float | None, str]]) -> str:
    """A table of goals: text, limit, value (None: not measured), unit. ``value`` ≤ ``limit``
    reaches it."""
    judged = []
    for text, limit, value, unit in rows:
        if value is None:
            verdict, number = "not measured", "–"
        else:
            verdict = "reached" if value <= limit else "**not reached**"
            number = f"{value:.3g}{unit}"
        judged.append([text, f"≤ {limit:.3g}{unit}", number, verdict])
    return table(judged, ["goal", "limit", "measured", ""])


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    return "".join(c if c.isprintable() else "�" for c in text).replace("|", "\\|")


def write_report(path: str, text: str) -> None:
    """Replace ``path`` in one step: a run that is interrupted leaves the old report."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
