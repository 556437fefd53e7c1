"""``envcheck doctor``: collect, judge, render."""

from __future__ import annotations

import time

import envcheck
from envcheck import checks, config
from envcheck.cli import emit, options
from envcheck.cli.progress import waiting
from envcheck.errors import UsageError
from envcheck.evaluate import FAIL_ON, evaluate, exit_code
from envcheck.redact import redact_report
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envcheck.checks.base import Check
    from envcheck.config import Settings
    from envcheck.model.profile import Profile

_SETTINGS = ("profile", "want", "fail_on", "select", "ignore", "report", "color", "timeout")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``doctor``."""
    options.add_target(parser)
    options.add_collection(parser)
    judging = parser.add_argument_group("how it is judged")
    judging.add_argument(
        "--profile",
        action="append",
        metavar="NAME|FILE",
        help="what the environment is for, e.g. transformers-training (`envcheck list profiles`)",
    )
    judging.add_argument(
        "--want",
        action="append",
        metavar="WHAT",
        help="say what a requirement's `when` cannot see: cuda, extensions, no-cuda …",
    )
    judging.add_argument(
        "--fail-on", choices=FAIL_ON, help="lowest severity that exits with 1 (default error)"
    )
    judging.add_argument(
        "--select", action="append", metavar="CODE", help="only these codes or families"
    )
    judging.add_argument(
        "--ignore", action="append", metavar="CODE", help="not these codes or families"
    )
    add_output(parser)


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where the report goes and how it looks."""
    output = parser.add_argument_group("output")
    output.add_argument(
        "--report",
        action="append",
        metavar="FORMAT[:PATH]",
        help="write a report, may repeat: `envcheck list reporters`",
    )
    output.add_argument("--color", choices=("auto", "always", "never"), help="default auto")
    output.add_argument("--no-redact", action="store_true", help="on a terminal: show everything")
    output.add_argument(
        "-v", "--verbose", action="count", default=0, help="what passed; -vv: facts"
    )
    output.add_argument("-q", "--quiet", action="count", default=0, help="failures only")


def run(arguments: argparse.Namespace) -> int:
    """Examine one target. Returns the exit status; raises EnvcheckError."""
    started = time.time()
    settings = options.settings_of(arguments, *_SETTINGS)
    sinks = emit.parse_sinks(settings.report)
    target = options.target_of(arguments)
    profile = _profile(settings)
    collection = target.start(options.request_of(arguments, settings, profile))
    saved = collection.finish() if arguments.facts is not None else None
    deep = arguments.deep if saved is None else saved.get("compute.asked") is True
    loaded = _checks(settings, profile, deep=deep, everything=arguments.verbose > 0)
    with waiting("collecting facts …"):
        sheet = collection.finish() if saved is None else saved
    report = evaluate(
        sheet,
        loaded,
        profile=profile,
        wants=frozenset(settings.want),
        today=time.strftime("%Y-%m-%d", time.gmtime(started)),
        fail_on=settings.fail_on,
    )._replace(
        version=envcheck.__version__,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        seconds=round(time.time() - started, 3),
        notes=settings.notes,
    )
    verbose = arguments.verbose - arguments.quiet
    private = emit.only_terminal(sinks)
    shown = report
    if not (arguments.no_redact and private):
        shown = redact_report(report, facts=verbose >= 2, pasteable=private)
    emit.emit(shown, sinks, color=settings.color, verbose=verbose, fail_on=settings.fail_on)
    return exit_code(report)


def _profile(settings: Settings) -> Profile | None:
    if not settings.profile:
        return None
    from envcheck import profiles

    return profiles.load(settings.profile, config.working_directory())


def _checks(
    settings: Settings, profile: Profile | None, *, deep: bool, everything: bool
) -> tuple[Check, ...]:
    """The checks to run. What only a profile, a wish or ``--deep`` gives something to judge is
    left out where there is none, unless the user wants to see what is skipped. Raises UsageError.
    """
    if settings.select or settings.ignore:
        return _selected(checks.load(), settings)
    if everything:
        return checks.load()
    wishes = {
        "profile": profile is not None,
        "want": bool(settings.want),
        "deep": deep,
    }
    return checks.load(asked=frozenset(wish for wish, holds in wishes.items() if holds))


def _selected(loaded: tuple[Check, ...], settings: Settings) -> tuple[Check, ...]:
    """The checks that ``--select`` and ``--ignore`` leave. Raises UsageError if none is left."""
    for code in (*settings.select, *settings.ignore):
        if not any(check.code.startswith(code) for check in loaded):
            raise UsageError(
                f"no check is called `{code}`", hint="`envcheck list checks` names them"
            )
    kept = tuple(
        check
        for check in loaded
        if (not settings.select or check.code.startswith(settings.select))
        and not (settings.ignore and check.code.startswith(settings.ignore))
    )
    if not kept:
        raise UsageError("no check is selected", hint="loosen --select or --ignore")
    return kept
