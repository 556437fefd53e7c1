"""``envcheck matrix history``: the runs in the store and what changed between them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck.cli import emit, matrix_options, matrix_reports
from envcheck.errors import DataError, UsageError
from envcheck.matrix.history import history
from envcheck.redact import redact_run
from envcheck.report.matrix import View
from envcheck.report.matrix_history import FORMATS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envcheck.model.cell import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``history``."""
    parser.add_argument("matrix", nargs="?", default="", metavar="MATRIX", help="default: all")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="default text")
    parser.add_argument("--last", type=int, metavar="N", help="only the last N runs")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    matrix_options.add_store(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the runs, oldest first. Raises UsageError if the matrix has none."""
    past = list(history(_runs(matrix_reports.store_root(arguments), arguments.matrix)))
    if arguments.matrix and not past:
        raise UsageError(
            f"there is no run of `{arguments.matrix}` in the store",
            hint="`envcheck matrix history` lists all",
        )
    if arguments.last is not None:
        past = past[max(len(past) - arguments.last, 0) :]
    options = emit.options_for(sys.stdout, color=arguments.color, verbose=0)
    view = View(width=options.width, colour=options.colour, unicode=options.unicode)
    sys.stdout.write(FORMATS[arguments.format](past, view))
    return 0


def _runs(root: str, matrix: str) -> Iterator[Run]:
    """Those that can be read."""
    from envcheck import store

    for header in store.runs(root, matrix):
        try:
            yield redact_run(store.read(root, header.id))
        except (DataError, UsageError):
            continue
