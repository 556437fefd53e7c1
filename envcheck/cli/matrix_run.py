"""``envcheck matrix run``: run a matrix and show its table."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from envcheck import config
from envcheck.cli import matrix_live, matrix_options, matrix_reports, matrix_show
from envcheck.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from envcheck.matrix.launch import Conditions
    from envcheck.matrix.runner import Watcher
    from envcheck.model.cell import Run
    from envcheck.model.matrix import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``run``."""
    matrix_options.add_what(parser)
    how = parser.add_argument_group("how it is run")
    how.add_argument(
        "--backend",
        choices=("auto", "docker", "interpreters"),
        help="default auto: docker where an engine answers, else interpreters of this machine",
    )
    how.add_argument(
        "--recording",
        metavar="RUN|FILE",
        default="",
        help="run nothing: give out what this run has recorded (the replay backend)",
    )
    how.add_argument("--jobs", type=int, metavar="N", help="cells at once (default: as they fit)")
    how.add_argument(
        "--resume",
        nargs="?",
        const="last",
        metavar="RUN",
        help="go on with a run that was ended (default: the last one); WHAT is then that run's",
    )
    how.add_argument(
        "--retry-failed",
        action="store_true",
        help="with --resume: cells that failed or were skipped once more",
    )
    how.add_argument(
        "--predict-first",
        action="store_true",
        help="ask the index what each cell will do, and say afterwards how often it was right",
    )
    how.add_argument("-q", "--quiet", action="store_true", help="no progress")
    matrix_options.add_store(parser)
    matrix_show.add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run it, write the tables. Returns the exit status; raises EnvcheckError."""
    from envcheck.matrix import launch

    matrix_reports.parse_sinks(arguments.report, "matrix")  # what is wrong is said before it runs
    conditions = _conditions(arguments)
    watcher = matrix_live.watcher(quiet=arguments.quiet, color=arguments.color)
    with watcher:
        if arguments.resume is not None or arguments.retry_failed:
            if arguments.what:
                raise UsageError(
                    "--resume goes on with a run as it was planned",
                    hint="leave out what is to be tested; --only selects some of its cells",
                )
            done = launch.resume(
                arguments.resume or "last",
                conditions,
                watcher,
                retry_failed=arguments.retry_failed,
                only=arguments.only,
            )
        else:
            loaded, planned = matrix_options.loaded_of(arguments)
            if loaded.said:
                watcher.say(loaded.said)
            if arguments.predict_first:
                conditions = _predicted(arguments, planned, conditions, watcher)
            done = launch.start(planned, conditions, watcher)
    _show(arguments, done)
    if arguments.predict_first:
        _agreement(arguments, done)
    return launch.exit_status(done.results, len(done.missing))


def _predicted(
    arguments: argparse.Namespace, planned: Plan, conditions: Conditions, watcher: Watcher
) -> Conditions:
    """The conditions with what the index says of each cell."""
    from envcheck.cli.prediction import Predictor
    from envcheck.matrix.agreement import predictions
    from envcheck.report.matrix_words import tally

    predictor = Predictor(arguments)
    predicted = predictor.predict(planned)
    predictor.close()
    watcher.say(f"predicted: {tally(predicted)}")
    return conditions._replace(predicted=predictions(predicted))


def _agreement(arguments: argparse.Namespace, done: Run) -> None:
    """How often the prediction was right, below the table; on stderr if that goes elsewhere."""
    from envcheck.cli import emit
    from envcheck.matrix.agreement import agreement
    from envcheck.redact import redact_run
    from envcheck.report import matrix_agreement
    from envcheck.report.matrix import View

    stream = sys.stderr if arguments.report else sys.stdout
    options = emit.options_for(stream, color=arguments.color, verbose=0)
    view = View(width=options.width, colour=options.colour, unicode=options.unicode)
    found = agreement(redact_run(done))
    if found.cells:
        stream.write("\n" + matrix_agreement.render(found, view))


def _conditions(arguments: argparse.Namespace) -> Conditions:
    from envcheck.matrix.backends import choice
    from envcheck.matrix.launch import Conditions

    settings = matrix_options.settings_of(arguments)
    if arguments.recording:
        return Conditions(
            backend="replay",
            cache=config.cache_dir(),
            store=settings.store,
            recording=_recording(arguments.recording, settings.store),
        )
    wanted = "" if settings.backend == "auto" else settings.backend
    backend, sentence = choice.choose(wanted)
    return Conditions(
        backend=backend,
        cache=config.cache_dir(),
        store=settings.store,
        images=settings.images,
        default_index=settings.index,
        jobs=settings.jobs,
        recording=arguments.recording,
        notes=(sentence,) if sentence else (),
    )


def _recording(reference: str, root: str) -> str:
    """The path of a recorded run: a document, or a directory of the store."""
    from envcheck import store

    if matrix_reports.is_file(reference) or os.path.isdir(reference):
        return reference
    return os.path.join(root, store.find(root, reference))


def _show(arguments: argparse.Namespace, done: Run) -> None:
    matrix_reports.write(
        done,
        matrix_reports.parse_sinks(arguments.report, done.header.matrix),
        color=arguments.color,
        verbose=arguments.verbose,
        newest=matrix_reports.later_releases(matrix_reports.store_root(arguments), done),
        redact=not arguments.no_redact,
    )
