"""Option groups that several commands share, and what is made of them."""

from __future__ import annotations

from envcheck import config
from envcheck.errors import UsageError
from envcheck.targets.base import TIMEOUT, TIMEOUT_DEEP, AgentRequest
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envcheck.config import Settings
    from envcheck.model.profile import Profile
    from envcheck.targets.base import Target


def add_target(parser: argparse.ArgumentParser) -> None:
    """What is examined; without any of these, the active environment."""
    group = parser.add_argument_group("target (default: the active environment)")
    group.add_argument(
        "--python",
        metavar="PATH",
        help="an interpreter, a command on PATH or a version; with --image, --container or --ssh "
        "the interpreter there",
    )
    one = group.add_mutually_exclusive_group()
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
        help="import torch, compute and train with it, in child processes; verify every file of "
        "RECORD",
    )
    group.add_argument(
        "--online", action="store_true", help="ask whether the package index answers"
    )
    group.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="for the whole collection (30; with --deep 300)",
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


def settings_of(arguments: argparse.Namespace, *names: str) -> Settings:
    """What holds, with ``names`` as the command line has them. Raises UsageError, DataError."""
    said = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    return config.resolve(said, config.working_directory())


def target_of(arguments: argparse.Namespace) -> Target:
    """The target that was named, else the active environment. Raises UsageError, TargetError."""
    from envcheck.targets import choose

    kinds = ("python", "venv", "image", "container", "ssh", "facts")
    named = {kind: value for kind in kinds if (value := getattr(arguments, kind)) is not None}
    return choose(**named)


def request_of(
    arguments: argparse.Namespace, settings: Settings, profile: Profile | None = None
) -> AgentRequest:
    """What the agent is asked, a profile's own questions included. Raises UsageError."""
    deep = arguments.deep
    paths = dict(settings.paths)
    for word in arguments.path or ():
        label, separator, path = word.partition("=")
        if not (label and separator and path):
            raise UsageError(f"--path {word}: not LABEL=PATH", hint="e.g. --path output=/data/run1")
        paths[label] = path
    request = AgentRequest(
        deep=deep,
        online=arguments.online,
        versions=deep,
        smoke=deep,
        timeout=settings.timeout or (TIMEOUT_DEEP if deep else TIMEOUT),
        paths=tuple(paths.items()),
        modules=tuple(arguments.module or ()),
    )
    return request if profile is None else request.for_profile(profile)
