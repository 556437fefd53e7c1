"""``envcheck matrix show``: the table of a run, in any format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.cli import matrix_options, matrix_reports
from envcheck.matrix.reference import REFERENCES
from envcheck.report.matrix import REPORTERS

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``show``."""
    parser.add_argument(
        "run",
        nargs="?",
        default="last",
        metavar="RUN|FILE",
        help="a run's id, a matrix (its last run), or a run's document (.json); default: the last",
    )
    add_output(parser)
    parser.add_argument(
        "--check", action="store_true", help="ask the index whether newer releases exist"
    )
    parser.add_argument(
        "--against", default="", metavar="TABLE", help=f"compare with: {', '.join(REFERENCES)}"
    )
    matrix_options.add_store(parser)


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where tables go."""
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT[:PATH]",
        help=f"{', '.join(REPORTERS)}; PATH may be a directory; may be repeated",
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    parser.add_argument(
        "--no-redact", action="store_true", help="on a terminal: names and paths as they are"
    )
    parser.add_argument("-v", "--verbose", action="count", default=0, help="more of the logs")


def run(arguments: argparse.Namespace) -> int:
    """Write the tables. Returns 0: what the cells did was said when they ran."""
    shown = matrix_reports.read_run(arguments, arguments.run)
    sinks = matrix_reports.parse_sinks(arguments.report, shown.header.matrix)
    newest = matrix_reports.later_releases(matrix_reports.store_root(arguments), shown)
    matrix_reports.write(
        shown,
        sinks,
        color=arguments.color,
        verbose=arguments.verbose,
        newest=newest,
        index=matrix_reports.ask_index(arguments, shown) if arguments.check else None,
        against=arguments.against,
        redact=not arguments.no_redact,
    )
    return 0
