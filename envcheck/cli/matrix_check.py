"""``envcheck matrix check``: whether files are valid matrices."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envcheck import config
from envcheck.errors import DataError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``check``."""
    parser.add_argument("file", nargs="+", metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """Every file, though one is wrong. Returns 0; raises DataError with all problems."""
    from envcheck.matrix import plan, spec

    problems: list[str] = []
    wrong = 0
    for file in arguments.file:
        path = file if os.sep in file or file.endswith(".toml") else f"./{file}"
        try:
            loaded = spec.load(path, config.working_directory())
            cells = plan.plan(loaded.document, loaded.name, loaded.folder).cells
            print(f"{file}: valid, {len(cells)} cells")
        except DataError as error:
            wrong += 1
            problems += error.context or (error.message,)
    if wrong:
        raise DataError(
            f"{wrong} of {len(arguments.file)} files are no valid matrices",
            context=tuple(problems),
            hint="`envcheck matrix schema` is for editors",
        )
    return 0
