"""``envcheck matrix``: run a package on every Python and operating system, and show what it did."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EPILOG = """exit status:
  0 every cell passes   1 a cell fails (compare: a regression)   2 wrong usage or configuration
  3 inconclusive: a cell could not be judged   4 a defect in envcheck   130 interrupted"""

#: action -> (module, help)
ACTIONS: dict[str, tuple[str, str]] = {
    "run": ("matrix_run", "install, import and try a package in every cell"),
    "predict": ("matrix_predict", "what a run would give, from the index alone, in a second"),
    "plan": ("matrix_plan", "the cells that a run would have"),
    "list": ("matrix_list", "the matrices that are there"),
    "show": ("matrix_show", "the table of a run, in any format"),
    "compare": ("matrix_compare", "what got worse and better between two runs"),
    "history": ("matrix_history", "the runs in the store and what changed between them"),
    "check": ("matrix_check", "whether files are valid matrices; says all problems"),
    "schema": ("matrix_schema", "the JSON Schema of matrices, for editors"),
}


#: Actions whose exit status is a verdict.
_JUDGES = ("run", "predict", "plan", "compare")


def add_arguments(parser: argparse.ArgumentParser, chosen: str = "") -> None:
    """One subcommand each. ``chosen``: the only one whose arguments are asked for: the modules of
    the others are not loaded.
    """
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (module, summary) in ACTIONS.items():
        action = actions.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
        )
        if name in _JUDGES:
            action.epilog = EPILOG
            action.formatter_class = RawDescriptionHelpFormatter
        if chosen in ("", name):
            _module(module).add_arguments(action)


def run(arguments: argparse.Namespace) -> int:
    """Dispatch. Returns the exit status."""
    status: int = _module(ACTIONS[arguments.action][0]).run(arguments)
    return status


def _module(name: str):  # type: ignore[no-untyped-def]
    return import_module(f"envcheck.cli.{name}")
