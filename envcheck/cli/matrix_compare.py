"""``envcheck matrix compare``: what got worse and better between two runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck.cli import emit, matrix_options, matrix_reports
from envcheck.matrix.compare import compare, exit_status
from envcheck.redact import redact_run
from envcheck.report.matrix import View
from envcheck.report.matrix_changes import FORMATS

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``compare``."""
    for name, which in (("old", "the run before"), ("new", "the run after")):
        parser.add_argument(
            name, metavar=name.upper(), help=f"{which}: an id, a matrix (its last run), or a file"
        )
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="default text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it here")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    matrix_options.add_store(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the changes. Returns 1 if anything is worse, 3 if something cannot be told, else 0."""
    old, new = (
        redact_run(matrix_reports.read_run(arguments, reference))
        for reference in (arguments.old, arguments.new)
    )
    found = compare(old, new)
    options = emit.options_for(sys.stdout, color=arguments.color, verbose=0)
    view = View(width=options.width, colour=options.colour, unicode=options.unicode)
    if arguments.output:
        plain = view._replace(width=100, colour=False, unicode=True)
        emit.write_file(arguments.output, FORMATS[arguments.format](found, plain))
    else:
        sys.stdout.write(FORMATS[arguments.format](found, view))
    return exit_status(found)
