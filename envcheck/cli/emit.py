"""Where reports go: documents to files or standard output, the conversation to standard error."""

from __future__ import annotations

import os
import sys

from envcheck.config import working_directory
from envcheck.errors import UsageError
from envcheck.report import REPORTERS
from envcheck.report import load as load_reporter
from envcheck.report.base import Options
from envcheck.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TextIO

    from envcheck.model.finding import Report
    from envcheck.report.outline import Line

HUMAN = ("terminal", "text")
LINES = "github"  # commands between the lines of a log: no document, it may stand beside text

_NO_DOCUMENTS = (*HUMAN, LINES, "none")


class Sink(NamedTuple):
    """One ``--report FORMAT[:PATH]``; ``path`` is empty for standard output."""

    format: str
    path: str


def parse_sinks(words: tuple[str, ...]) -> tuple[Sink, ...]:
    """The sinks that were asked for. Raises UsageError: format unknown, two in one place."""
    sinks = []
    for word in words:
        name, _, path = word.partition(":")
        if name not in REPORTERS and name != "none":
            raise UsageError(
                f"there is no report format `{name}`", hint=f"one of {', '.join(REPORTERS)}"
            )
        sinks.append(Sink(name, "" if path == "-" else path))
    if sum(not sink.path and sink.format != LINES for sink in sinks) > 1:
        raise UsageError(
            "two reports for standard output",
            hint="give all but one a file: --report json:report.json",
        )
    document = next((s.format for s in sinks if not s.path and s.format not in _NO_DOCUMENTS), "")
    if document and any(sink == (LINES, "") for sink in sinks):
        raise UsageError(
            f"`{LINES}` writes between the lines of `{document}` on standard output",
            hint=f"give the document a file: --report {document}:FILE",
        )
    files = [os.path.abspath(sink.path) for sink in sinks if sink.path]
    if twice := next((path for path in files if files.count(path) > 1), ""):
        raise UsageError(f"two reports for one file: {twice}")
    return tuple(sinks)


def only_terminal(sinks: tuple[Sink, ...]) -> bool:
    """Whether nothing leaves but what a person sees at a terminal."""
    return sys.stdout.isatty() and all(sink.format in HUMAN and not sink.path for sink in sinks)


def options_for(stream: TextIO, *, color: str, verbose: int) -> Options:
    """How to render for ``stream``: width, colour and symbols as it can show them."""
    from envcheck.config import variable

    terminal = stream.isatty()
    colour = color == "always" or (
        color == "auto"
        and not variable("NO_COLOR")
        and (bool(variable("FORCE_COLOR")) or (terminal and variable("TERM") != "dumb"))
    )
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return Options(
        verbose=verbose, width=_width(stream), colour=colour, unicode=encoding.startswith("utf")
    )


def _width(stream: TextIO) -> int:
    from envcheck.config import variable

    columns = variable("COLUMNS")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 100


def emit(
    report: Report, sinks: tuple[Sink, ...], *, color: str, verbose: int, fail_on: str = "error"
) -> None:
    """Render to every sink.

    The human view goes to standard output unless a document does, then to standard error. Raises
    UsageError if a file cannot be written.
    """
    for sink in sinks:
        if sink.path:
            options = _document_options(verbose, fail_on)
            write_file(sink.path, _render(report, sink.format, options))
    formats = [sink.format for sink in sinks if not sink.path]
    documents = [name for name in formats if name not in (*HUMAN, LINES)]
    for name in documents:
        if name != "none":
            sys.stdout.write(_render(report, name, _document_options(verbose, fail_on)))
    if "none" not in documents:
        _talk(report, formats, bool(documents), color=color, verbose=verbose)
    if LINES in formats:
        options = _document_options(verbose, fail_on)
        sys.stdout.write(_render(report, LINES, options))
        _append_summary(report, options)


def _talk(
    report: Report, formats: list[str], has_document: bool, *, color: str, verbose: int
) -> None:
    """The human view, where a person reads it."""
    stream = sys.stderr if has_document else sys.stdout
    asked = [name for name in formats if name in HUMAN]
    if has_document and not stream.isatty() and not asked:
        return
    options = options_for(stream, color=color, verbose=verbose)
    name = asked[0] if asked else ("terminal" if stream.isatty() or options.colour else "text")
    stream.write(_render(report, name, options))


def write_lines(entries: list[Line], *, color: str) -> None:
    """Lines of an outline to standard output, as it can show them."""
    options = options_for(sys.stdout, color=color, verbose=0)
    if sys.stdout.isatty() or options.colour:
        from envcheck.report.terminal import render_lines
    else:
        from envcheck.report.text import render_lines
    sys.stdout.write(render_lines(entries, options))


def _document_options(verbose: int, fail_on: str) -> Options:
    """For a format that others read: with the pages of all codes, and where anchors begin."""
    from envcheck.checks import load
    from envcheck.checks.pages import page
    from envcheck.report.base import Rule

    pages = [page(check) for check in load()]
    rules = {p.code: Rule(p.title, p.severity, p.summary, p.markdown()) for p in pages}
    return Options(verbose=verbose, rules=rules, fail_on=fail_on, root=working_directory())


def _append_summary(report: Report, options: Options) -> None:
    """The job summary, where GitHub Actions wants one."""
    from envcheck.config import variable
    from envcheck.report import github

    path = variable("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(github.summary(report, options))
    except OSError as error:
        print(f"warning: cannot write the job summary: {error.strerror}", file=sys.stderr)


def _render(report: Report, name: str, options: Options) -> str:
    return load_reporter(name).render(report, options)


def write_file(path: str, text: str) -> None:
    """Write whole or not at all: a document that was begun never looks finished.

    A device or a pipe is written to, not replaced; a link stays, what it leads to is replaced.
    Raises UsageError.
    """
    try:
        if path.startswith("/dev/") or (os.path.exists(path) and not os.path.isfile(path)):
            _write(path, text)
        else:
            _replace(os.path.realpath(path), text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot write {path}: {reason}") from error


def _replace(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.getpid()}.part"
    try:
        _write(temporary, text)
        os.replace(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass  # it was not made
        raise


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
