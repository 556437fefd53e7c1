"""``envcheck diff A B``: what differs between two targets or fact sheets, what matters first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck import targets
from envcheck.cli import emit, options
from envcheck.cli.progress import waiting
from envcheck.model.difference import compare
from envcheck.redact import redact_sheet
from envcheck.report import differences
from envcheck.report.headline import subject

if TYPE_CHECKING:
    import argparse

_FORMATS = {
    "text": differences.render,
    "markdown": differences.render_markdown,
    "json": differences.render_json,
}

EPILOG = """exit status:
  0 no differences   1 differences   2 wrong usage   3 a target could not be examined"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``diff``."""
    for name in ("a", "b"):
        parser.add_argument(
            name,
            metavar=name.upper(),
            help="a fact sheet (.json), an environment's directory, an interpreter, or KIND:VALUE "
            "such as image:python:3.12-slim (`envcheck list targets`)",
        )
    options.add_collection(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--format", choices=tuple(_FORMATS), default="text", help="default text")
    output.add_argument(
        "--all", action="store_true", help="also where things lie, free memory, times and the like"
    )
    output.add_argument("-v", "--verbose", action="count", default=0, help="long values in full")


def run(arguments: argparse.Namespace) -> int:
    """Print the differences. Returns 0 if there are none, 1 if there are."""
    settings = options.settings_of(arguments, "timeout")
    request = options.request_of(arguments, settings)
    collections = [targets.parse(word).start(request) for word in (arguments.a, arguments.b)]
    with waiting("collecting facts …"):
        sheets = [redact_sheet(collection.finish()) for collection in collections]
    left, right = sheets
    found = compare(left, right, everything=arguments.all)
    shown = emit.options_for(sys.stdout, color="never", verbose=arguments.verbose)
    names = (subject(left), subject(right))
    sys.stdout.write(_FORMATS[arguments.format](names, found, shown))
    return 1 if found else 0
