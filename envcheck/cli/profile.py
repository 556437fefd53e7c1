"""``envcheck profile``: list, show, check and write requirement profiles."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from envcheck import profiles
from envcheck.cli import emit, options
from envcheck.errors import DataError, UsageError
from envcheck.tomlfile import is_path

if TYPE_CHECKING:
    import argparse

    from envcheck.model.facts import FactSheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One subcommand each."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="the shipped profiles")
    show = actions.add_parser("show", help="one profile with all that it extends, as TOML")
    show.add_argument("profile", metavar="NAME|FILE")
    check = actions.add_parser("check", help="whether files are valid profiles; says all problems")
    check.add_argument("file", nargs="+", metavar="FILE")
    new = actions.add_parser("new", help="write a profile from what an environment has")
    new.add_argument(
        "--from-facts",
        nargs="?",
        const="",
        metavar="FILE",
        help="a saved fact sheet; without FILE, or without this option, the target is examined",
    )
    new.add_argument("-o", "--output", metavar="FILE", help="write it here; must not exist yet")
    new.add_argument("--name", help="the profile's name (default: the file's name, or `observed`)")
    new.add_argument(
        "--all", action="store_true", help="all distributions, not only those none other requires"
    )
    options.add_target(new)
    actions.add_parser("schema", help="the JSON Schema of profiles, for editors")


def run(arguments: argparse.Namespace) -> int:
    """Dispatch. Returns 0; raises DataError for a profile that is not valid."""
    actions = {"list": _list, "show": _show, "check": _check, "new": _new, "schema": _schema}
    actions[arguments.action](arguments)
    return 0


def _list(_: argparse.Namespace) -> None:
    from envcheck.cli.listing import write_table

    write_table([(name, profiles.load((name,)).summary) for name in profiles.names()])


def _show(arguments: argparse.Namespace) -> None:
    profile = profiles.load((arguments.profile,))
    from envcheck.profiles.write import resolved

    sys.stdout.write(resolved(profile))


def _check(arguments: argparse.Namespace) -> None:
    """Every file, though one is wrong."""
    problems: list[str] = []
    hint = ""
    wrong = 0
    today = time.strftime("%Y-%m-%d", time.gmtime())
    for file in arguments.file:
        try:
            profile = profiles.load((file if is_path(file) else f"./{file}",))
        except DataError as error:
            wrong += 1
            problems += [error.message, *(f"  {line}" for line in error.context)]
            hint = error.hint or hint
            continue
        expired = sum(rule.expired(today) for rule in profile.waivers)
        counts = [_counted(len(profile.requirements), "requirement")]
        if profile.waivers:
            counts.append(f"{_counted(len(profile.waivers), 'waiver')} ({expired} expired)")
        print(f"{file}: valid, {', '.join(counts)}")
    if wrong:
        total = len(arguments.file)
        raise DataError(
            f"{wrong} of {total} profiles not valid" if total > 1 else problems[0],
            context=tuple(problems if total > 1 else (line.strip() for line in problems[1:])),
            hint=hint,
        )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _new(arguments: argparse.Namespace) -> None:
    if arguments.output and os.path.lexists(arguments.output):
        raise UsageError(f"{arguments.output} exists", hint="name a file that does not exist yet")
    if arguments.from_facts:
        if arguments.facts:
            raise UsageError("--from-facts FILE and --facts FILE say the same; give one of them")
        arguments.facts = arguments.from_facts
    from envcheck.profiles.observed import profile_of

    default = os.path.basename(arguments.output or "").removesuffix(".toml") or "observed"
    written = profile_of(
        _sheet(arguments),
        name=arguments.name or default,
        today=time.strftime("%Y-%m-%d", time.gmtime()),
        everything=arguments.all,
    )
    profiles.loads(written, arguments.output or "profile.toml")  # a name that is none: DataError
    if arguments.output:
        emit.write_file(arguments.output, written)
    else:
        sys.stdout.write(written)


def _sheet(arguments: argparse.Namespace) -> FactSheet:
    settings = options.settings_of(arguments)
    arguments.deep = arguments.online = False
    arguments.path = arguments.module = ()
    target = options.target_of(arguments)
    return target.start(options.request_of(arguments, settings)).finish()


def _schema(_: argparse.Namespace) -> None:
    from envcheck import schemas

    sys.stdout.write(schemas.text("profile"))
