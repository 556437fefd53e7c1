"""``envcheck matrix plan``: the cells that a run would have."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck.cli import matrix_options
from envcheck.cli.listing import write_table

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plan``: those of ``run`` that say what and where."""
    matrix_options.add_what(parser)
    parser.add_argument("--json", action="store_true", help="the plan as a document")


def run(arguments: argparse.Namespace) -> int:
    """List the cells. Returns 0."""
    loaded, planned = matrix_options.loaded_of(arguments)
    if arguments.json:
        import msgspec

        sys.stdout.write(
            msgspec.json.format(msgspec.json.encode(planned), indent=2).decode() + "\n"
        )
        return 0
    if loaded.said:
        print(loaded.said, file=sys.stderr)
    write_table(
        [
            (cell.id, ", ".join(f"{axis} {value}" for axis, value in cell.axes.items()))
            for cell in planned.cells
        ]
    )
    return 0
