"""What users have beside them as a plan: a Dockerfile, a lockfile, requirements, a project."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envcheck import config
from envcheck.errors import UsageError
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envcheck.cli.prediction import Predictor
    from envcheck.model.matrix import Plan
    from envcheck.model.target import Target
    from envcheck.predict.inputs.asked import Asked

_SYSTEMS = ("alpine", "slim")
#: Words that mean a file, though they could be the name of a project.
_FILES = re.compile(
    r"(?:Docker|Container|Pip)file(?:\.[\w.-]+)?|[\w.-]+\.(?:lock|txt|toml|Dockerfile)"
)


def asked(arguments: argparse.Namespace) -> Asked | None:
    """The question of the one file that is named; None if it is none of these, or a matrix.

    Raises DataError, UsageError.
    """
    words = list(getattr(arguments, "what", None) or ())
    if missing := next((w for w in words if _FILES.fullmatch(w) and not os.path.exists(w)), ""):
        raise UsageError(
            f"there is no file {printable(missing)} here",
            hint="name it as seen from here, or name a requirement",
        )
    if len(words) != 1 or not os.path.isfile(words[0]) or _is_matrix(words[0]):
        return None
    from envcheck.predict.inputs import read

    return read(
        words[0],
        folder=config.working_directory(),
        extras=arguments.extras,
        groups=arguments.group,
        stage=arguments.stage,
    )


def _is_matrix(path: str) -> bool:
    """A matrix is a TOML file with an axis; those of projects and locks have their own names."""
    name = os.path.basename(path)
    if not name.endswith(".toml") or name.startswith(("pyproject", "pylock")):
        return False
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "[axes]" in file.read(1 << 20)
    except OSError:
        return False


def unjudged(said: Asked | None) -> tuple[str, ...]:
    """What is asked for besides requirements of an index, in sentences; of a lock its judge says
    it.
    """
    if said is None or said.locked:
        return ()
    return tuple(
        f"{pin.name or 'something'} comes from {pin.place or 'an address'}: not judged"
        for pin in said.pins
        if pin.source != "local"  # the user's own
    )


def plan(predictor: Predictor) -> Plan:
    """A cell for each target: those of the command line, else of the file, else of its Pythons."""
    from msgspec.structs import replace

    from envcheck.model.matrix import Cell, Index, Limits, Plan, Steps, Subject

    said = predictor.asked
    assert said is not None
    index: Index = said.index
    mine = predictor.index()
    index = replace(
        index,
        pre=index.pre or mine.pre,
        exclude_newer=mine.exclude_newer or index.exclude_newer,
    )
    test = Subject(
        requirements=list(said.requirements),
        constraints=[*said.constraints, *predictor.arguments.constraints],
        requirements_file=said.path if said.locked else "",
    )
    axes = {"python": "", "os": "", "installer": "uv", "architecture": "x86_64"}
    like = Cell(id="", axes=axes, test=test, index=index, steps=Steps(), limits=Limits())
    targets = [said.adapt(target) for target in _targets(predictor, said)]
    cells = predictor.cells(targets, like)
    if not said.locked and not said.requirements:
        raise UsageError(
            f"{said.path} requires nothing that an index has",
            hint="; ".join(said.notes[:3]) or "name a requirement",
        )
    name = os.path.basename(said.path)
    return Plan(name=name, summary=f"{said.kind}: {said.path}", folder="", cells=cells)


def _targets(predictor: Predictor, said: Asked) -> Iterator[Target]:
    from envcheck.cli.matrix_options import split
    from envcheck.matrix import pythons
    from envcheck.predict import targets

    arguments, today = predictor.arguments, predictor.today
    if arguments.target:
        yield from predictor.named()
    elif said.targets and not (arguments.python or arguments.os):
        yield from targets.parse_all(said.targets, today=today)
    else:
        chosen = split(arguments.python) or said.pythons or pythons.supported(today)
        systems = split(arguments.os) or _SYSTEMS
        yield from targets.parse_all((), chosen, systems, today=today)
