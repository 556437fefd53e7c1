"""Where tables of a matrix run go, and where runs come from: what its commands share."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from envcheck.cli import emit
from envcheck.errors import DataError, UsageError, did_you_mean
from envcheck.matrix import documents, freshness, reference
from envcheck.model.matrix import Index
from envcheck.redact import redact_run
from envcheck.report.matrix import REPORTERS, View
from envcheck.report.matrix import load as load_reporter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from envcheck.model.cell import Run


LATER = 10  # runs that are asked whether they saw a newer release


def store_root(arguments: argparse.Namespace) -> str:
    """The directory of the store."""
    from envcheck.cli.matrix_options import settings_of

    return settings_of(arguments).store


def read_run(arguments: argparse.Namespace, reference: str) -> Run:
    """A run by its id, its matrix's name, ``last``, or the file that ``--report json`` wrote.

    Raises UsageError if there is none, DataError if it cannot be read.
    """
    from envcheck import store

    if is_file(reference):
        return documents.read(os.path.expanduser(reference))
    return store.read(store_root(arguments), reference)


def is_file(reference: str) -> bool:
    """Whether a word names a file rather than a run: it looks like a path, or there is one."""
    return reference.endswith(".json") or os.sep in reference or os.path.isfile(reference)


def parse_sinks(words: Iterable[str], matrix: str) -> tuple[emit.Sink, ...]:
    """``FORMAT[:PATH]``; a directory gets ``<matrix>.<suffix>``. Raises UsageError."""
    sinks = []
    for word in words:
        name, _, path = word.partition(":")
        if name not in REPORTERS:
            raise UsageError(
                f"there is no table format `{name}`{did_you_mean(name, REPORTERS)}",
                hint=f"one of {', '.join(REPORTERS)}",
            )
        if path and (path.endswith(("/", os.sep)) or os.path.isdir(path)):
            path = os.path.join(path, _file_name(matrix) + REPORTERS[name][2])
        sinks.append(emit.Sink(name, "" if path == "-" else path))
    if sum(not sink.path for sink in sinks) > 1:
        raise UsageError(
            "two reports for standard output",
            hint="give all but one a file: --report json:run.json",
        )
    files = [os.path.abspath(sink.path) for sink in sinks if sink.path]
    if twice := next((path for path in files if files.count(path) > 1), ""):
        raise UsageError(f"two reports for one file: {twice}")
    return tuple(sinks)


def _file_name(matrix: str) -> str:
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in matrix).strip(".-")
    return kept[:100] or "matrix"


def write(
    run: Run,
    sinks: tuple[emit.Sink, ...],
    *,
    color: str = "auto",
    verbose: int = 0,
    newest: Mapping[str, str] | None = None,
    index: Mapping[str, str] | None = None,
    manifest: str = "",
    against: str = "",
    redact: bool = True,
) -> None:
    """The tables of ``run``: to files, and one to standard output (text if nothing was asked).

    ``newest``, ``index``: see ``freshness.assess``. ``against``: a published table that the run is
    compared with. ``redact`` is not heeded for documents. Raises UsageError if a file cannot be
    written.
    """
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    fresh = freshness.assess(run, now, newest, index)
    hidden = redact_run(run)
    plain = View(freshness=fresh, verbose=verbose, manifest=manifest)
    if against:
        plain = plain._replace(answers=reference.answers(reference.load(against), hidden))
    for sink in sinks:
        if sink.path:
            emit.write_file(sink.path, load_reporter(sink.format).render(hidden, plain))
    shown = next((sink.format for sink in sinks if not sink.path), "")
    if sinks and not shown:
        return
    private = sys.stdout.isatty() and not redact
    if shown in ("", "text"):
        options = emit.options_for(sys.stdout, color=color, verbose=verbose)
        plain = plain._replace(
            width=options.width,
            colour=options.colour,
            unicode=options.unicode,
            brief=verbose < 1,
        )
    text = load_reporter(shown or "text").render(run if private else hidden, plain)
    sys.stdout.write(text)


def later_releases(root: str, run: Run) -> dict[str, str]:
    """What all runs of the store know of releases: a later run may have seen a newer one."""
    from envcheck import store

    found = [run]
    for header in store.runs(root, run.header.matrix)[-LATER:]:
        try:
            found.append(store.read(root, header.id))
        except (DataError, UsageError):
            continue
    return freshness.known_releases(found)


def ask_index(arguments: argparse.Namespace, run: Run) -> dict[str, str]:
    """The newest release of each distribution that ``run`` tests, as its index has it now."""
    from envcheck import config
    from envcheck.cli.matrix_options import settings_of
    from envcheck.index.gateway import Gateway

    index = next((result.cell.index for result in run.results), Index())
    with Gateway(config.cache_dir(), default=settings_of(arguments).index) as gateway:
        return freshness.newest_of(
            freshness.subjects(run), lambda name: gateway.releases(index, name)
        )
