"""Plots of install, import and disk as SVG: bars from zero, each with its cell and its numbers.

A row has its label above its bar, so that it can be read at any width. What the bars show is in
the table too.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from envcheck.report import matrix_values as values
from envcheck.report.printable import line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from envcheck.model.cell import CellResult
    from envcheck.report.matrix_rows import Row

ROW, BAR, TEXT = 36, 12, 12  # pixels
ROWS = 200  # more bars tell nobody anything


class Bar(NamedTuple):
    """``long`` is drawn in the second colour behind ``short``; ``spread`` a line from, to."""

    label: str
    text: str
    long: float
    short: float
    spread: tuple[float, float] | None = None


class Plot(NamedTuple):
    """``keys``: what the colours mean, ``bar`` for ``short`` and ``bar2`` for ``long``."""

    title: str
    keys: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]


def plots(rows: Iterable[Row]) -> list[Plot]:
    """Those for which there is a number."""
    results = [row.result for row in rows if row.result is not None]
    made = [
        Plot(
            "install, seconds",
            (("bar", "warm"), ("bar2", "cold")),
            tuple(_bars(results, _install)),
        ),
        Plot(
            "import, seconds",
            (("bar", "median of further"), ("bar2", "first")),
            tuple(_bars(results, _import)),
        ),
        Plot(
            "disk",
            (("bar", "files"), ("bar2", "bytecode")),
            tuple(_bars(results, _disk)),
        ),
    ]
    return [plot for plot in made if plot.bars]


def _bars(results: list[CellResult], make: Callable[[CellResult], Bar | None]) -> Iterator[Bar]:
    for result in results[:ROWS]:
        bar = make(result)
        if bar is not None:
            yield bar


def _install(result: CellResult) -> Bar | None:
    entry = values.install(result)
    if entry.sort is None:
        return None
    short = 0.0 if result.cold else entry.sort
    return Bar(line(result.cell.id), entry.text, entry.sort, short)


def _import(result: CellResult) -> Bar | None:
    if values.importing(result).sort is None:
        return None
    imported = result.imports[0]
    first, again = imported.first or 0.0, values.settled(imported)
    if again is None:
        return Bar(line(result.cell.id), values.seconds(first), first, 0.0)
    spread = (min(imported.settled), max(imported.settled))
    text = f"{values.seconds(first)}, then {values.seconds(again)}"
    return Bar(line(result.cell.id), text, first, again, spread)


def _disk(result: CellResult) -> Bar | None:
    if result.disk is None:
        return None
    whole = result.disk.allocated
    short = max(whole - result.disk.bytecode, 0)
    return Bar(line(result.cell.id), values.size(whole), whole, short)


def svg(plot: Plot, number: int) -> str:
    """A figure. Widths are shares of 100 %: one picture for all screens."""
    most = max(max(bar.long, bar.short, *(bar.spread or (0,))) for bar in plot.bars) or 1.0
    height = ROW * len(plot.bars)
    keys = " ".join(
        f'<span><span class="key {name}"></span>{escape(text)}</span>' for name, text in plot.keys
    )
    parts = [
        f'<figure><figcaption id="plot{number}">{escape(plot.title)}'
        f'<span class="faint keys">{keys}</span></figcaption>',
        f'<svg role="img" aria-labelledby="plot{number}" height="{height}">',
    ]
    for row, bar in enumerate(plot.bars):
        parts += _drawn(bar, row * ROW, most)
    return "\n".join([*parts, "</svg></figure>"])


def _drawn(bar: Bar, top: int, most: float) -> Iterator[str]:
    label, text = escape(bar.label), escape(bar.text)
    under = top + TEXT + 5
    yield f"<g><title>{label}: {text}</title>"
    yield f'<text x="0" y="{top + TEXT}">{label}</text>'
    yield f'<text x="100%" y="{top + TEXT}" text-anchor="end" class="faint">{text}</text>'
    yield f'<rect class="track" x="0" y="{under}" width="100%" height="{BAR}"/>'
    for name, value in (("bar2", bar.long), ("bar", bar.short)):
        if value > 0:
            share = _percent(value, most)
            yield f'<rect class="{name}" x="0" y="{under}" width="{share}" height="{BAR}"/>'
    if bar.spread and bar.spread[1] > bar.spread[0]:
        left, right = (_percent(value, most) for value in bar.spread)
        middle = under + BAR / 2
        yield f'<line class="spread" x1="{left}" x2="{right}" y1="{middle:g}" y2="{middle:g}"/>'
    yield "</g>"


def _percent(value: float, most: float) -> str:
    return f"{min(value / most, 1.0) * 100:.2f}%"
