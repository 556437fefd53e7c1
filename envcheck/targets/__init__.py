"""Where the agent runs and how its facts come back. Adding a target: one module, one line here."""

from __future__ import annotations

from importlib import import_module

from envcheck.errors import UsageError
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.targets.base import Target

#: option of the command line -> (module with ``target(value, python)``, what it examines)
TARGETS: dict[str, tuple[str, str]] = {
    "python": ("interpreter", "an interpreter, by path, by name or by version"),
    "venv": ("venv", "a virtual or conda environment, even one whose interpreter does not start"),
    "image": ("image", "a Docker image, in a container that is removed afterwards"),
    "container": ("container", "a running Docker container"),
    "ssh": ("ssh", "another machine, as ssh knows it"),
    "facts": ("saved", "a saved fact sheet, or the one in a report; - for standard input"),
}
#: Targets in which ``python`` may name the interpreter.
PLACES = ("image", "container", "ssh")


def choose(**named: str | None) -> Target:
    """The target that is named by one of TARGETS, else the active environment.

    ``python`` with one of PLACES names the interpreter there. Raises UsageError if two targets are
    named, TargetError if there is none of that name.
    """
    given = {option: value for option, value in named.items() if value is not None}
    for option, value in given.items():
        if not value or "\0" in value:
            raise UsageError(f"--{option} names nothing")
    if not given:
        from envcheck.targets.discover import default

        return default()
    python = given.pop("python") if given.keys() & set(PLACES) and "python" in given else ""
    if len(given) > 1:
        raise UsageError(
            "more than one target: " + ", ".join(f"--{option}" for option in given),
            hint=f"name one; --python may go with --{', --'.join(PLACES)}",
        )
    ((option, value),) = given.items()
    target: Target = import_module(f"envcheck.targets.{TARGETS[option][0]}").target(value, python)
    return target


def parse(word: str) -> Target:
    """What one word names: ``KIND:VALUE``, a fact sheet, an environment, an interpreter."""
    import os

    kind, separator, value = word.partition(":")
    if separator and kind in TARGETS:
        return choose(**{kind: value})
    if word == "-" or word.endswith(".json"):
        return choose(facts=word)
    return choose(**{"venv" if os.path.isdir(word) else "python": word})
