"""What a row has no room for: all imports, the slowest modules, the largest distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report import matrix_predicted
from envcheck.report.matrix_rows import natural
from envcheck.report.matrix_values import seconds, settled, size, usage
from envcheck.report.printable import line, shorten

if TYPE_CHECKING:
    from envcheck.model.cell import CellResult, Run

SLOWEST, LARGEST = 10, 8
CELLS = 40  # all are in the document


def more(run: Run) -> list[tuple[str, list[tuple[str, str]]]]:
    """Cell -> (label, text), for those of which there is something to tell."""
    told = [(line(result.cell.id), _of(result)) for result in run.results]
    found = sorted((pair for pair in told if pair[1]), key=lambda pair: natural(pair[0]))
    return found[:CELLS]


def _of(result: CellResult) -> list[tuple[str, str]]:
    pairs = [
        ("imports", _imports(result)),
        ("slowest modules", _slowest(result)),
        ("largest distributions", _largest(result)),
        ("disk", _disk(result)),
    ]
    return [(label, text) for label, text in pairs if text]


def _imports(result: CellResult) -> str:
    """Only of several modules: the first one stands in the table."""
    if len(result.imports) < 2:
        return ""
    parts = []
    for each in result.imports:
        again = settled(each)
        times = [seconds(value) for value in (each.first, again) if value is not None]
        parts.append(f"{_name(each.module)} {', then '.join(times) or '-'}")
    return "; ".join(parts)


def _slowest(result: CellResult) -> str:
    """Each module itself, without what it imports."""
    modules = [module for each in result.imports[:1] for module in each.slowest[:SLOWEST]]
    return ", ".join(f"{_name(module.name)} {seconds(module.seconds)}" for module in modules)


def _largest(result: CellResult) -> str:
    known = [each for each in result.distributions if each.disk is not None]
    known.sort(key=lambda each: -(each.disk.allocated if each.disk else 0))
    return ", ".join(
        f"{_name(each.name)} {_name(each.version)} {size(each.disk.allocated)}"
        for each in known[:LARGEST]
        if each.disk
    )


def _disk(result: CellResult) -> str:
    if result.predicted:
        return matrix_predicted.usage(result)
    return usage(result.disk) if result.disk else ""


def _name(text: str) -> str:
    return shorten(line(text), 80)
