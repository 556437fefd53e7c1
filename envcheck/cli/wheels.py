"""``envcheck wheels``: what releases of projects have for which target, and since when."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from envcheck import config
from envcheck.cli import emit, matrix_options
from envcheck.errors import EnvcheckError, IndexTrouble, UsageError, did_you_mean
from envcheck.report.wheels import REPORTERS, View
from envcheck.report.wheels import load as load_reporter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from concurrent.futures import Future

    from envcheck.index.recording import Listing
    from envcheck.index.session import IndexSession
    from envcheck.model.target import Target
    from envcheck.model.wheels import Project, WheelsDocument
    from envcheck.predict.support import Choice

EPILOG = """exit status:
  0 all were asked for, whatever they have   2 wrong usage, or a project that no index has
  3 a project could not be asked for   4 a defect in envcheck   130 interrupted"""
SYSTEMS = ("alpine", "slim")
NEWEST = 10
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ADDRESS = re.compile(r"\bhttps?://\S*/")


class Wanted(NamedTuple):
    """A project, and what of it is shown."""

    name: str
    choice: Choice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``wheels``."""
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="a project; with a specifier ('numpy>=2,<2.4') only those of its releases are shown",
    )
    where = parser.add_argument_group(
        "targets (default: each Python that is maintained, on alpine and slim)"
    )
    matrix_options.add_targets(where)
    where.add_argument("--python", action="append", default=[], metavar="3.10,3.12")
    where.add_argument("--os", action="append", default=[], metavar="alpine,slim")
    which = parser.add_argument_group("releases")
    which.add_argument(
        "--releases",
        default=str(NEWEST),
        metavar="N",
        help=f"how many of the newest, or `all` (default {NEWEST}, or all since a day)",
    )
    which.add_argument("--since", default="", metavar="YYYY-MM-DD", help="uploaded on or after")
    matrix_options.add_index(parser)
    matrix_options.add_session(parser.add_argument_group("how indexes are asked"))
    shown = parser.add_argument_group("output")
    shown.add_argument("--json", action="store_true", help="the document, envcheck.wheels/1")
    shown.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT[:PATH]",
        help=f"{', '.join(REPORTERS)}; may be repeated",
    )
    shown.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    shown.add_argument(
        "-v", "--verbose", action="count", default=0, help="which file each target would take"
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask, and write the tables. Returns 0, 2 for what no index has, 3 for what could not be asked.

    Raises UsageError.
    """
    wanted = [_wanted(word, arguments) for word in dict.fromkeys(arguments.names)]
    sinks = _sinks(["json"] if arguments.json else [], arguments.report)
    document, problems = _asked(wanted, arguments)
    if len(problems) == len(document.projects) == 1:
        raise problems[0]
    for problem in problems:
        print(f"error: {problem.message}", file=sys.stderr)
        if problem.hint:
            print(f"hint: {problem.hint}", file=sys.stderr)
    _write(document, sinks, arguments)
    return max((problem.exit_code for problem in problems), default=0)


def _wanted(word: str, arguments: argparse.Namespace) -> Wanted:
    """What a word asks for. Raises UsageError."""
    from packaging.requirements import InvalidRequirement, Requirement

    from envcheck.index.pages import normalized
    from envcheck.predict.support import Choice

    try:
        said = Requirement(word)
    except InvalidRequirement as error:
        raise UsageError(
            f"`{word}` is no name of a project", hint="e.g. numpy, or 'numpy>=2' for some releases"
        ) from error
    if said.extras or said.marker or said.url:
        raise UsageError(
            f"`{word}`: a project has the same wheels whatever its extras and markers",
            hint=f"name it only: {said.name}",
        )
    count, since = arguments.releases, _day("--since", arguments.since)
    if count != "all" and not (count.isascii() and count.isdecimal() and int(count)):
        raise UsageError(f"--releases {count}: neither a number nor `all`")
    everything = count == "all" or (count == str(NEWEST) and bool(since or said.specifier))
    return Wanted(
        normalized(said.name),
        Choice(None if everything else int(count), since, str(said.specifier), arguments.pre),
    )


def _day(option: str, text: str) -> str:
    from datetime import date

    try:
        if text and not _DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise UsageError(f"{option} {text}: no day", hint="as 2026-11-20") from error


def _sinks(first: Sequence[str], words: Sequence[str]) -> tuple[emit.Sink, ...]:
    """``FORMAT[:PATH]``. Raises UsageError."""
    sinks = []
    for word in (*first, *words):
        name, _, path = word.partition(":")
        if name not in REPORTERS:
            raise UsageError(
                f"there is no format `{name}`{did_you_mean(name, REPORTERS)}",
                hint=f"one of {', '.join(REPORTERS)}",
            )
        sinks.append(emit.Sink(name, "" if path == "-" else path))
    if sum(not sink.path for sink in sinks) > 1:
        raise UsageError(
            "two reports for standard output", hint="give all but one a file: --report html:FILE"
        )
    files = [os.path.abspath(sink.path) for sink in sinks if sink.path]
    if twice := next((path for path in files if files.count(path) > 1), ""):
        raise UsageError(f"two reports for one file: {twice}")
    return tuple(sinks)


def _targets(arguments: argparse.Namespace, today: str) -> list[Target]:
    """Those that were asked for, else each Python that is maintained. Raises UsageError."""
    from datetime import date

    from envcheck.matrix import looked_into
    from envcheck.predict.support import maintained

    pythons, systems = (_split(words) for words in (arguments.python, arguments.os))
    if not pythons and (systems or not arguments.target):
        pythons = maintained(today)
    return looked_into.named(
        arguments.target,
        pythons,
        (systems or SYSTEMS) if pythons else (),
        today=date.fromisoformat(today),
    )


def _split(words: Sequence[str]) -> list[str]:
    return [part.strip() for word in words for part in word.split(",") if part.strip()]


def _asked(
    wanted: Sequence[Wanted], arguments: argparse.Namespace
) -> tuple[WheelsDocument, list[EnvcheckError]]:
    """The document, and why there is nothing of some projects. Raises UsageError, DataError."""
    from msgspec.structs import replace

    import envcheck
    from envcheck.index import recording
    from envcheck.index.session import IndexSession
    from envcheck.model.matrix import Index
    from envcheck.model.wheels import WheelsDocument
    from envcheck.predict.support import maintained, place
    from envcheck.redact import redact_struct

    replayed = recording.read(arguments.replay) if arguments.replay else None
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    today = (replayed.recorded if replayed and replayed.recorded else now)[:10]
    targets = _targets(arguments, today)
    index = Index(exclude_newer=_day("--exclude-newer", arguments.exclude_newer))
    default = matrix_options.settings_of(arguments).index
    pythons = list(dict.fromkeys([*maintained(today, years=2), *(t.minor for t in targets)]))
    problems: list[EnvcheckError] = []
    projects = []
    with IndexSession(
        config.cache_dir(), index, default, offline=arguments.offline, replayed=replayed
    ) as session:
        listings = [session.want_listing(each.name) for each in wanted]
        for each, listing in zip(wanted, listings, strict=True):
            try:
                projects.append(_project(each, listing, targets, pythons, index.exclude_newer))
            except (IndexTrouble, UsageError) as problem:
                problems.append(problem)
                projects.append(_missing(each.name, problem))
        notes = [_ADDRESS.sub("", note) for note in session.notes]
        if arguments.record:
            session.recording.recorded = now
            recording.write(session.recording, arguments.record)
        if not problems:
            _rest(arguments, session)
    document = WheelsDocument(
        envcheck=envcheck.__version__,
        created=now,
        targets=[place(target) for target in targets],
        projects=[],
        exclude_newer=index.exclude_newer,
        notes=notes,
    )
    return replace(redact_struct(document), projects=projects), problems


def _rest(arguments: argparse.Namespace, session: IndexSession) -> None:
    """Say what the answer rests on, so that it can be given again."""
    from envcheck.cli.answers import Basis
    from envcheck.matrix.looked_into import is_place

    if any(is_place(word) for word in arguments.target):
        return  # it may be another one the next time
    files = {os.path.abspath("pyproject.toml"), *session.consulted}
    files |= {os.path.abspath(arguments.replay)} if arguments.replay else set()
    arguments.basis = Basis(min(session.until, _midnight()), sorted(files))


def _midnight() -> float:
    """Unix time of the end of this day, UTC: targets are as of a day."""
    return (time.time() // 86_400 + 1) * 86_400


def _project(
    wanted: Wanted,
    listing: Future[Listing],
    targets: Sequence[Target],
    pythons: Sequence[str],
    before: str,
) -> Project:
    """What there is of a project. Raises IndexTrouble, UsageError."""
    from msgspec.structs import replace

    from envcheck.predict.projects import Project as Releases
    from envcheck.predict.support import support
    from envcheck.predict.timeline import timeline

    listed = listing.result()
    if not listed.found:
        from envcheck.index.known import projects

        near = did_you_mean(wanted.name, projects(config.cache_dir()))
        raise UsageError(f"no index here has a project `{wanted.name}`{near}")
    project = Releases(wanted.name, listed.files, found=True, before=before)
    table = support(project, targets, wanted.choice)
    return replace(table, timeline=timeline(project, pythons, pre=wanted.choice.pre))


def _missing(name: str, problem: EnvcheckError) -> Project:
    from envcheck.model.wheels import Project
    from envcheck.redact import redact_struct

    return redact_struct(Project(name=name, problem=_ADDRESS.sub("", problem.message)))


def _write(
    document: WheelsDocument, sinks: Sequence[emit.Sink], arguments: argparse.Namespace
) -> None:
    """To files, and one to standard output (text if nothing was asked). Raises UsageError."""
    plain = View(verbose=arguments.verbose)
    for sink in sinks:
        if sink.path:
            emit.write_file(sink.path, load_reporter(sink.format).render(document, plain))
    shown = next((sink.format for sink in sinks if not sink.path), "" if sinks else "text")
    if shown == "text":
        options = emit.options_for(sys.stdout, color=arguments.color, verbose=0)
        plain = plain._replace(width=options.width, colour=options.colour, unicode=options.unicode)
    if shown:
        sys.stdout.write(load_reporter(shown).render(document, plain))
