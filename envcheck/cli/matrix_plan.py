"""``envcheck matrix plan``: the cells that a run would have, and what the index says of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envcheck.cli import matrix_options, matrix_predict
from envcheck.cli.listing import write_table

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``plan``: those of ``run`` that say what and where."""
    matrix_predict.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the plan as a document")
    parser.add_argument(
        "--predict", action="store_true", help="what each cell will do, as `matrix predict`"
    )


def run(arguments: argparse.Namespace) -> int:
    """List the cells. Returns 0; with ``--predict`` as ``matrix predict``."""
    if arguments.predict:
        return matrix_predict.run(arguments)
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
