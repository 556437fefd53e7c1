"""``envcheck smoke``: train tiny models in a target, or run a script of the user's there."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import envcheck
from envcheck.checks import torch_wheels
from envcheck.cli import emit, options
from envcheck.cli.progress import waiting
from envcheck.errors import DataError, UsageError
from envcheck.model import smoke
from envcheck.redact import redact_sheet
from envcheck.report import smoke as rendering
from envcheck.targets.base import TIMEOUT_SMOKE, AgentRequest

if TYPE_CHECKING:
    import argparse

    from envcheck.model.facts import FactSheet

LIMIT = 256 << 10  # bytes of a script
_STATUS = {"pass": 0, "fail": 1}

EPILOG = """exit status:
  0 it trains   1 it does not, or the script failed   2 wrong usage or configuration
  3 inconclusive: skipped (no torch), no answer in time, or the target could not be examined
  4 a defect in envcheck   130 interrupted"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``smoke``."""
    options.add_target(parser)
    group = parser.add_argument_group("what is run")
    one = group.add_mutually_exclusive_group()
    one.add_argument(
        "--part", action="append", choices=smoke.PARTS, help="only this part of the training"
    )
    one.add_argument(
        "--script",
        metavar="FILE",
        help="this program instead, where the target is; it may import envcheck.accelerator "
        "(- for standard input)",
    )
    group.add_argument(
        "--timeout", type=float, metavar="SECONDS", help=f"for everything ({TIMEOUT_SMOKE:g})"
    )
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print envcheck.smoke/1, not lines")
    output.add_argument("-o", "--output", metavar="FILE", help="write envcheck.smoke/1 here too")
    output.add_argument("--color", choices=("auto", "always", "never"), help="default auto")
    output.add_argument("--no-redact", action="store_true", help="on a terminal: show everything")
    output.add_argument(
        "-v", "--verbose", action="count", default=0, help="all that is kept of a script's output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train or run, and say how it went. Returns the exit status; raises EnvcheckError."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    settings = options.settings_of(arguments, "timeout", "color")
    if arguments.facts is not None and (arguments.script is not None or arguments.part):
        raise UsageError("--facts is a sheet of what was: nothing can be run in it")
    request = AgentRequest(
        smoke=True,
        parts=tuple(arguments.part or ()),
        script=("", "") if arguments.script is None else script_in(arguments.script),
        timeout=settings.timeout or TIMEOUT_SMOKE,
    )
    collection = options.target_of(arguments).start(request)
    with waiting("running the script …" if arguments.script else "training …"):
        sheet = collection.finish()
    found = smoke.read(sheet)
    private = sys.stdout.isatty() and not (arguments.json or arguments.output)
    if not (arguments.no_redact and private):
        sheet = redact_sheet(sheet)
    shown = explained(sheet, smoke.read(sheet))
    document = rendering.document(sheet, shown, version=envcheck.__version__, created=created)
    if arguments.output:
        emit.write_file(arguments.output, rendering.render_json(document))
    if arguments.json:
        sys.stdout.write(rendering.render_json(document))
    else:
        entries = rendering.lines(sheet, shown, arguments.verbose)
        emit.write_lines(list(entries), color=settings.color)
    return _STATUS.get(found.verdict, 3)


def explained(sheet: FactSheet, found: smoke.Smoke) -> smoke.Smoke:
    """``found``, and where torch is not there, whether there is one for the target at all."""
    if found.status != "skip" or sheet.get("torch.installed") is True:
        return found
    why = torch_wheels.none_here(sheet)
    return found._replace(reason=f"{found.reason}; {why}") if why else found


def script_in(path: str) -> tuple[str, str]:
    """(name, text) of the script in ``path``. Raises DataError if it cannot be used."""
    name = "<stdin>" if path == "-" else path
    try:
        if path == "-":
            data = sys.stdin.buffer.read(LIMIT + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(LIMIT + 1)
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or f"it is not UTF-8: {error}"
        raise DataError(f"cannot read the script {name}: {reason}") from error
    if len(data) > LIMIT:
        raise DataError(f"the script {name} is larger than {LIMIT >> 10} KiB")
    return os.path.basename(name), text
