"""``envcheck matrix predict``: the table of a run, from the index alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck.cli import matrix_options

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``predict``: those of ``run`` that say what and where, and the index's."""
    from envcheck.cli import matrix_show

    matrix_options.add_what(parser)
    matrix_options.add_targets(parser)
    how = parser.add_argument_group("how it is predicted")
    how.add_argument(
        "--deep", action="store_true", help="look into shared objects: will it import there?"
    )
    how.add_argument(
        "--as-of",
        default="",
        metavar="DATE[,DATE]",
        help="what an installer would have got that day; two: what changed between them",
    )
    matrix_options.add_session(how)
    matrix_show.add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    """Predict, write the tables. Returns the exit status; raises EnvcheckError."""
    from envcheck.cli import matrix_reports
    from envcheck.cli.prediction import Predictor
    from envcheck.matrix import launch

    predictor = Predictor(arguments)
    loaded, planned = predictor.plan()
    days = [day.strip() for day in arguments.as_of.split(",") if day.strip()]
    sinks = matrix_reports.parse_sinks(arguments.report, planned.name)
    if loaded.said:
        print(loaded.said, file=sys.stderr)
    if len(days) > 1:
        return predictor.compare(planned, days)
    done = predictor.predict(planned, days[0] if days else "")
    matrix_reports.write(
        done,
        sinks,
        color=arguments.color,
        verbose=arguments.verbose,
        redact=not arguments.no_redact,
    )
    predictor.finish()
    return launch.exit_status(done.results, len(done.missing))
