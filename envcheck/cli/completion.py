"""``envcheck completion SHELL``: the script that was generated when the package was built."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SHELLS = ("bash", "zsh", "tcsh")
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "completions")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``completion``."""
    parser.add_argument("shell", choices=SHELLS, help="e.g. `source <(envcheck completion bash)`")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    with open(path(arguments.shell), encoding="utf-8") as file:
        sys.stdout.write(file.read())
    return 0


def path(shell: str) -> str:
    """Where the script for ``shell`` lies."""
    return os.path.join(FOLDER, f"envcheck.{shell}")


def whole_parser() -> argparse.ArgumentParser:
    """One parser with every command as a subcommand: what the scripts are generated from."""
    from argparse import ArgumentParser
    from importlib import import_module

    from envcheck.cli import COMMANDS

    whole = ArgumentParser(prog="envcheck")
    whole.add_argument("-V", "--version", action="store_true", help="print the version")
    commands = whole.add_subparsers(title="commands")
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        import_module(f"envcheck.cli.{module}").add_arguments(command)
    return whole


def generate(shell: str) -> str:
    """The script for ``shell``; needs shtab, which is there for development only."""
    import shtab

    script: str = shtab.complete(whole_parser(), shell)
    return "\n".join(part.rstrip() for part in script.rstrip().split("\n")) + "\n"


if __name__ == "__main__":
    for name in SHELLS:
        with open(path(name), "w", encoding="utf-8", newline="\n") as script_file:
            script_file.write(generate(name))
