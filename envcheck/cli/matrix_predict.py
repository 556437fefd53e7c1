"""``envcheck matrix predict``: the table of a run, from the index alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck.cli import matrix_options

if TYPE_CHECKING:
    import argparse

    from envcheck.cli.prediction import Predictor
    from envcheck.model.matrix import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``predict``: those of ``run`` that say what and where, and the index's."""
    from envcheck.cli import matrix_show

    matrix_options.add_what(parser)
    matrix_options.add_targets(parser)
    files = parser.add_argument_group(
        "what is tested, where WHAT is a file",
        "a Dockerfile, requirements.txt, pyproject.toml, uv.lock, poetry.lock, pdm.lock,\n"
        "pylock.toml or Pipfile.lock",
    )
    files.add_argument("--group", action="append", default=[], metavar="NAME", help="of a lock")
    files.add_argument("--stage", default="", metavar="NAME", help="of a Dockerfile")
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
    from envcheck.redact import without_secrets

    predictor = Predictor(arguments)
    taken, planned = predictor.plan()
    days = [day.strip() for day in arguments.as_of.split(",") if day.strip()]
    if taken:
        print(taken, file=sys.stderr)
    for note in predictor.asked.notes if predictor.asked else ():
        print(f"note: {without_secrets(note)}", file=sys.stderr)
    if len(days) > 1:
        return _between(arguments, predictor, planned, days)
    sinks = matrix_reports.parse_sinks(arguments.report, planned.name)
    done = predictor.predict(planned, days[0] if days else "")
    matrix_reports.write(
        done,
        sinks,
        color=arguments.color,
        verbose=arguments.verbose,
        manifest=_manifest(arguments),
        redact=not arguments.no_redact,
    )
    predictor.finish()
    return launch.exit_status(done.results, len(done.missing))


def _manifest(arguments: argparse.Namespace) -> str:
    """The file that says what is asked, as seen from the repository; empty if there is none."""
    import os

    named = [word for word in (*arguments.what, arguments.requirements_file) if word]
    path = next((os.path.relpath(word) for word in named if os.path.isfile(word)), "")
    return "" if path.startswith(os.pardir) else path.replace(os.sep, "/")


def _between(
    arguments: argparse.Namespace, predictor: Predictor, planned: Plan, days: list[str]
) -> int:
    """What changed between two days. Returns 0."""
    from envcheck.cli import emit
    from envcheck.errors import UsageError
    from envcheck.matrix.dated import dated
    from envcheck.redact import redact_run
    from envcheck.report.dated import FORMATS
    from envcheck.report.matrix import View

    if len(days) > 2:
        raise UsageError("--as-of takes one day or two", hint="--as-of 2026-03-01,2026-04-01")
    old, new = (redact_run(predictor.predict(planned, day)) for day in days)
    found = dated(old, new, *days)
    options = emit.options_for(sys.stdout, color=arguments.color, verbose=0)
    shown = False
    for word in arguments.report:
        name, _, path = word.partition(":")
        if name not in FORMATS:
            raise UsageError(
                f"what changed between two days has no format `{name}`",
                hint=f"one of {', '.join(FORMATS)}",
            )
        if path:
            emit.write_file(path, FORMATS[name](found, View()))
        else:
            sys.stdout.write(FORMATS[name](found, View(width=options.width)))
        shown = shown or not path
    if not shown and not arguments.report:
        view = View(width=options.width, colour=options.colour, unicode=options.unicode)
        sys.stdout.write(FORMATS["text"](found, view))
    predictor.finish()
    return 0
