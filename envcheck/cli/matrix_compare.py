"""``envcheck matrix compare``: what got worse and better between two runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck.cli import emit, matrix_options, matrix_reports
from envcheck.matrix.compare import compare, exit_status
from envcheck.redact import redact_run
from envcheck.report.matrix import View
from envcheck.report.matrix_changes import FORMATS
from envcheck.report.matrix_predicted import is_prediction

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from envcheck.model.cell import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``compare``."""
    for name, which in (("old", "the run before"), ("new", "the run after")):
        parser.add_argument(
            name,
            metavar=name.upper(),
            help=f"{which} (or a prediction): an id, a matrix (its last run), or a file",
        )
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="default text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it here")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    matrix_options.add_store(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the changes; of a prediction and a run, where they agree.

    Returns 1 if anything is worse (or was predicted wrongly), 3 if something cannot be told, else
    0.
    """
    old, new = (
        redact_run(matrix_reports.read_run(arguments, reference))
        for reference in (arguments.old, arguments.new)
    )
    if is_prediction(old) != is_prediction(new):
        predicted, observed = (old, new) if is_prediction(old) else (new, old)
        return _agreement(arguments, predicted, observed)
    found = compare(old, new)
    _write(arguments, lambda view: FORMATS[arguments.format](found, view))
    return exit_status(found)


def _agreement(arguments: argparse.Namespace, predicted: Run, observed: Run) -> int:
    from envcheck.matrix import agreement
    from envcheck.report import matrix_agreement

    together = agreement.attach(observed, agreement.predictions(predicted))
    found = agreement.agreement(together, f"prediction of {predicted.header.started[:10]}")
    _write(arguments, lambda view: matrix_agreement.FORMATS[arguments.format](found, view))
    if not found.judged:
        return 3
    return 1 if found.right < found.judged else 0


def _write(arguments: argparse.Namespace, render: Callable[[View], str]) -> None:
    options = emit.options_for(sys.stdout, color=arguments.color, verbose=0)
    view = View(width=options.width, colour=options.colour, unicode=options.unicode)
    if arguments.output:
        emit.write_file(arguments.output, render(View()))
    else:
        sys.stdout.write(render(view))
