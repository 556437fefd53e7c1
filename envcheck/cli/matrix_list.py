"""``envcheck matrix list``: the matrices that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck import config
from envcheck.cli.listing import write_table
from envcheck.errors import DataError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""
    del parser


def run(_: argparse.Namespace) -> int:
    """List them. Returns 0."""
    from envcheck.matrix import spec

    cwd = config.working_directory()
    rows = []
    for name in spec.available(cwd):
        try:
            rows.append((name, spec.load(name, cwd).document.summary))
        except DataError as error:
            rows.append((name, f"not valid: {error.message}"))
    write_table(rows)
    return 0
