"""Dispatch, and the one place where exceptions become a message and an exit status."""

from __future__ import annotations

import os
import sys

import envcheck
from envcheck.cli import COMMANDS, KEEPING
from envcheck.cli.defaults import without_words
from envcheck.errors import EnvcheckError, UsageError

TYPE_CHECKING = False  # `typing` costs a tenth of a start of Python
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any, NoReturn

EPILOG = """exit status:
  0 the verdict passes   1 findings at or above --fail-on   2 wrong usage or configuration
  3 inconclusive: a required fact is unknown, or the target could not be examined
  4 a defect in envcheck   130 interrupted"""


def console() -> None:
    """Entry of the command: ``main``, then leave at once.

    Taking the interpreter apart would cost half as much again as starting it, and nothing is left
    to be closed but the streams.
    """
    import atexit
    import gc

    gc.set_threshold(100_000)  # a run makes few cycles and is soon over
    status = main()

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, or none at all
            continue
    os._exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    if words[:1] in (["--version"], ["-V"]):
        print(f"envcheck {envcheck.__version__}")
        return 0
    try:
        status = _dispatch(words)
        sys.stdout.flush()
    except EnvcheckError as error:
        _print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _abandon_stdout()
        return 141  # as a program that SIGPIPE ended
    except OSError as error:
        if error.filename is not None:
            return _defect(error)
        _abandon_stdout()
        print(f"error: cannot write the output: {error.strerror}", file=sys.stderr)
        return 2
    except Exception as error:
        return _defect(error)
    return status


def _dispatch(words: list[str]) -> int:
    if not words or words[0].startswith("-"):
        _overview().parse_args(words or ["--help"])
        return 0
    name = words[0]
    if name not in COMMANDS:
        raise UsageError(f"there is no command `{name}`", hint=_similar(name))
    kept = name in KEEPING and _kept(words)
    if kept and (given := kept.given(words)) is not None:
        status: int = given
        return status
    command = _command(name)
    _end_by_exception()
    arguments = None if words[1:] else without_words(command)
    if arguments is None:
        arguments = build_parser(name, words[1:]).parse_args(words[1:])
    if kept:
        return int(kept.keep(words, arguments, lambda: command.run(arguments)))
    result: int = command.run(arguments)
    return result


def _kept(words: list[str]) -> Any:
    """The module that keeps answers, None if this one may not be kept."""
    from envcheck.cli import answers

    return answers if answers.may_be_kept(words) else None


def _command(name: str) -> Any:
    from importlib import import_module

    return import_module(f"envcheck.cli.{COMMANDS[name][0]}")


def build_parser(name: str, words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of one command (a key of COMMANDS); its module may have an EPILOG of its own.

    ``words``: what it is for; of a command with actions it then knows the arguments of one only.
    """
    command = _command(name)
    parser = _parser(name, COMMANDS[name][1], getattr(command, "EPILOG", EPILOG))
    chosen = words[0] if words else ""
    if chosen in getattr(command, "ACTIONS", ()):
        command.add_arguments(parser, chosen)
    else:
        command.add_arguments(parser)
    return parser


def _end_by_exception() -> None:
    """SIGTERM and SIGHUP raise SystemExit: children are killed and containers removed first."""
    from envcheck.process import signals

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signals, name, None)
        if number is not None and signals.getsignal(number) == signals.SIG_DFL:
            try:
                signals.signal(number, leave)
            except ValueError:  # not in the main thread
                return


def _prepare_streams() -> None:
    """Closed streams become the null device; what an encoding cannot show is escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _abandon_stdout() -> None:
    """Nobody reads: keep the interpreter from complaining once more when it closes the stream."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _defect(error: Exception) -> int:
    """Something that must not happen: where, and what to do about it. No traceback."""
    import traceback

    from envcheck.report.printable import line

    frames = traceback.extract_tb(error.__traceback__)[-3:]
    print(f"error: a defect in envcheck {envcheck.__version__}: ", end="", file=sys.stderr)
    print(f"{type(error).__name__}: {line(error)}", file=sys.stderr)
    for frame in frames:
        print(
            f"  {os.path.basename(frame.filename)}:{frame.lineno} in {frame.name}", file=sys.stderr
        )
    print("hint: please report it with the command and these lines", file=sys.stderr)
    return 4


def _formatter(prog: str) -> argparse.HelpFormatter:
    """As wide as the terminal. Without a width argparse imports shutil, for every command."""
    from argparse import RawDescriptionHelpFormatter

    from envcheck.config import variable

    columns = variable("COLUMNS")
    try:
        width = int(columns) if columns.isdigit() else os.get_terminal_size(1).columns
    except OSError:
        width = 0
    return RawDescriptionHelpFormatter(prog, width=(width or 80) - 2)


def _overview() -> argparse.ArgumentParser:
    import argparse

    width = max(map(len, COMMANDS)) + 2
    commands = "\n".join(f"  {name:{width}}{summary}" for name, (_, summary) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="envcheck",
        usage="envcheck COMMAND [OPTION …]",
        description="Whether an environment for machine learning works, why not, what mends it.",
        epilog=f"commands (each has --help):\n{commands}\n\n{EPILOG}",
        formatter_class=_formatter,
    )
    parser.add_argument("-V", "--version", action="version", version=envcheck.__version__)
    return parser


def _parser(name: str, summary: str, epilog: str) -> argparse.ArgumentParser:
    import argparse

    parser = argparse.ArgumentParser(
        prog=f"envcheck {name}",
        description=summary[0].upper() + summary[1:] + ".",
        epilog=epilog,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    parser.suggest_on_error = True  # type: ignore[attr-defined]  # argparse knows it from 3.14
    parser.error = lambda message: _wrong_words(parser, message)  # type: ignore[method-assign]
    return parser


def _wrong_words(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    from envcheck.report.printable import line

    parser.print_usage(sys.stderr)
    parser.exit(2, f"{parser.prog}: error: {line(message)}\n")


def _similar(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return f"did you mean `{close[0]}`?" if close else "`envcheck --help` lists the commands"


def _print_error(error: EnvcheckError) -> None:
    """The message, its context and hint, without secrets; what names hold is shown, not obeyed."""
    from envcheck.redact import without_secrets
    from envcheck.report.printable import line

    lines = [f"error: {error.message}", *(f"  {words}" for words in error.context)]
    for words in [*lines, *([f"hint: {error.hint}"] if error.hint else ())]:
        print(line(without_secrets(words)), file=sys.stderr)
