"""``envcheck matrix schema``: the JSON Schema of matrix files."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""
    del parser


def run(_: argparse.Namespace) -> int:
    """Write it. Returns 0."""
    text = files("envcheck").joinpath("schemas", "matrix.schema.json").read_text(encoding="utf-8")
    sys.stdout.write(text)
    return 0
