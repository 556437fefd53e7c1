"""``envcheck matrix run``: run a matrix and show its table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envcheck import config
from envcheck.cli import matrix_live, matrix_options, matrix_reports, matrix_show
from envcheck.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from envcheck.matrix.launch import Conditions
    from envcheck.model.cell import Run


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
            done = launch.start(planned, conditions, watcher)
    _show(arguments, done)
    return launch.exit_status(done.results, len(done.missing))


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
