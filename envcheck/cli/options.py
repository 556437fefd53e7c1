"""Option groups that several commands share, and what is made of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from envcheck.targets.base import AgentRequest

if TYPE_CHECKING:
    from envcheck.targets.base import Target


def add_target(parser: argparse.ArgumentParser) -> None:
    """What is examined; without any of these, the active environment."""
    group = parser.add_argument_group("target (default: the active environment)")
    one = group.add_mutually_exclusive_group()
    one.add_argument("--python", metavar="PATH", help="an interpreter, or a command on PATH")
    one.add_argument("--venv", metavar="DIR", help="a virtual environment, even a broken one")
    one.add_argument("--image", metavar="REF", help="a Docker image")
    one.add_argument("--container", metavar="ID", help="a running Docker container")
    one.add_argument("--ssh", metavar="HOST", help="another machine, as ssh knows it")
    one.add_argument("--facts", metavar="FILE", help="a saved fact sheet (- for standard input)")


def add_collection(parser: argparse.ArgumentParser) -> None:
    """How much is observed."""
    group = parser.add_argument_group("what is observed")
    group.add_argument(
        "--deep",
        action="store_true",
        help="import torch and compute with it, in a child process; verify every file of RECORD",
    )
    group.add_argument("--online", action="store_true", help="ask whether the package index answers")
    group.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="for the whole collection (default 30)"
    )
    group.add_argument(
        "--path",
        action="append",
        metavar="LABEL=PATH",
        help="a further place whose disk matters, e.g. output=/data/run1",
    )
    group.add_argument(
        "--module",
        action="append",
        metavar="NAME",
        help="with --deep: import this too, in a child process of its own",
    )


def target_of(arguments: argparse.Namespace) -> Target:
    """The target that was named, else the active environment. Raises UsageError, TargetError."""
    from envcheck.targets import choose

    kinds = ("python", "venv", "image", "container", "ssh", "facts")
    named = {kind: value for kind in kinds if (value := getattr(arguments, kind)) is not None}
    return choose(**named)


def request_of(
    arguments: argparse.Namespace, *, variables: tuple[str, ...] = (), versions: bool = False
) -> AgentRequest:
    """What the agent is asked."""
    paths = [tuple(word.split("=", 1)) for word in arguments.path or () if "=" in word]
    timeout = arguments.timeout or (300.0 if arguments.deep else 30.0)
    return AgentRequest(
        deep=arguments.deep,
        online=arguments.online,
        versions=versions or arguments.deep,
        timeout=timeout,
        paths=tuple((label, path) for label, path in paths),
        modules=tuple(arguments.module or ()),
        variables=variables,
    )
