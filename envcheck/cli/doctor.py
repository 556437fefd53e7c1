"""``envcheck doctor``."""

from __future__ import annotations

import argparse
import sys

from envcheck import checks
from envcheck.evaluate import evaluate, exit_code
from envcheck.report import text
from envcheck.report.base import Options
from envcheck.targets.base import AgentRequest
from envcheck.targets.interpreter import Interpreter, this_interpreter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``doctor``."""
    parser.add_argument("--python", metavar="PATH", help="examine this interpreter")


def run(arguments: argparse.Namespace) -> int:
    """Collect, judge, render."""
    target = (
        Interpreter(arguments.python, chosen_by="--python") if arguments.python else this_interpreter()
    )
    collection = target.start(AgentRequest())
    loaded = checks.load()
    report = evaluate(collection.finish(), loaded)
    sys.stdout.write(text.render(report, Options()))
    return exit_code(report)
