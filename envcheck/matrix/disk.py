"""How much disk an environment takes, in all and by distribution.

What is counted is defined in ``cell/measuring.py``, the same on every backend: the files of the
site directories (``Usage``), scripts and data apart. *Growth* is what there is more than in the
empty environment; one that was made without pip has nothing in its site directories, so its growth
is what is there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from envcheck.index import pages
from envcheck.matrix.execution import LOG_BYTES, execute, island
from envcheck.model.cell import Usage
from envcheck.redact import without_secrets
from envcheck.report import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.matrix.backends.base import Room
    from envcheck.matrix.execution import KeepLog, StepOutcome

NOTHING = Usage(logical=0, allocated=0, exclusive=0, bytecode=0, files=0)
MOST_MODULES = 8
#: Modules at the top of site-packages that are no part of what a distribution is for.
_BESIDE_THE_POINT = frozenset(
    ("test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks",
     "script", "scripts", "bin", "src", "tools", "conftest", "setup")
)  # fmt: skip


class Found(NamedTuple):
    """A distribution in the environment, as its own files describe it (so: as it claims)."""

    name: str  # normalized: lower case, runs of -_. as one -
    version: str
    installer: str
    generator: str  # of its wheel, as `maturin (1.15.0)`
    tags: tuple[str, ...]  # of its wheel
    url: str  # where it came from if not from an index
    commit: str  # of a VCS URL
    editable: bool
    imports: tuple[str, ...]  # modules that it brings, those named like it first
    disk: Usage


class Measured(NamedTuple):
    """What was measured. ``total``: growth of the site directories, None if it was not measured
    or not to the end. ``by_name``: by normalized name; what no RECORD names is ``unclaimed``.
    """

    outcome: StepOutcome
    total: Usage | None = None
    scripts: Usage | None = None
    other: Usage | None = None
    unclaimed: Usage | None = None
    distributions: tuple[Found, ...] = ()

    @property
    def by_name(self) -> dict[str, Usage]:
        """Normalized name -> usage."""
        return {found.name: found.disk for found in self.distributions}


def measure(
    room: Room,
    *,
    seconds: float,
    baseline: Usage = NOTHING,
    log_bytes: int = LOG_BYTES,
    keep_log: KeepLog | None = None,
) -> Measured:
    """Walk the environment once. Raises as ``execution.execute``."""
    script = room.put("measuring.py", island("measuring").encode())
    outcome = execute(
        room,
        [room.paths.base, "-I", "-S", "-B", script, room.paths.environment, f"{seconds * 0.8:.1f}"],
        name="measure",
        who="package",
        seconds=seconds,
        log_bytes=log_bytes,
        says=True,
        keep_log=keep_log,
    )
    try:
        said = json.loads(outcome.said) if outcome.ok else {}
        usages = {name: usage(said[name]) for name in ("site", "scripts", "other", "unclaimed")}
        distributions = tuple(map(found, said["distributions"]))
        complete = said["complete"] is True
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Measured(outcome)
    if not complete:
        detail = "not everything could be looked at: sizes are left out"
        return Measured(outcome._replace(step=replace(outcome.step, detail=detail)))
    return Measured(
        outcome,
        growth(usages["site"], baseline),
        usages["scripts"],
        usages["other"],
        usages["unclaimed"],
        distributions,
    )


def growth(after: Usage, before: Usage) -> Usage:
    """What there is more."""
    return Usage(
        logical=after.logical - before.logical,
        allocated=after.allocated - before.allocated,
        exclusive=(after.exclusive or 0) - (before.exclusive or 0),
        bytecode=after.bytecode - before.bytecode,
        files=after.files - before.files,
    )


def usage(numbers: Sequence[int]) -> Usage:
    """Of the five numbers that the cell says. Raises ValueError or TypeError if they are none."""
    logical, allocated, exclusive, bytecode, files = map(int, numbers)
    return Usage(
        logical=logical, allocated=allocated, exclusive=exclusive, bytecode=bytecode, files=files
    )


def found(said: dict[str, Any]) -> Found:
    """A distribution of the cell's answer. Raises TypeError and the like if it is none."""
    name = normalized(said["name"])
    return Found(
        name,
        _line(said["version"]),
        _line(said["installer"]),
        _line(said["generator"]),
        tuple(map(_line, said["tags"])),
        without_secrets(_line(said["url"])),
        _line(said["commit"]),
        said["editable"] is True,
        tuple(ordered(name, map(str, said["imports"]))),
        usage(said["usage"]),
    )


def _line(text: object) -> str:
    return printable.shorten(printable.line(text), 500)


def normalized(name: object) -> str:
    """A distribution's name as the index writes it."""
    return pages.normalized(_line(name))


def ordered(name: str, modules: Any) -> list[str]:
    """What a distribution brings to import: what is named like it, then the rest, by name."""
    public = sorted(
        module
        for module in modules
        if all(part.isidentifier() and part.isascii() for part in module.split("."))
        and not module.startswith("_")
        and module.partition(".")[0].lower() not in _BESIDE_THE_POINT
    )
    like = [module for module in public if normalized(module) == name]
    return [*like, *(module for module in public if module not in like)]


def modules_of(one: Found) -> list[str]:
    """What is imported to test a distribution: the module named like it; without one, all."""
    if one.imports and normalized(one.imports[0]) == one.name:
        return [one.imports[0]]
    return list(one.imports)


def import_names(measured: Measured, requested: Sequence[str]) -> list[str]:
    """Modules of these distributions, in their order: what to import where nobody says it."""
    by_name = {one.name: one for one in measured.distributions}
    chosen = [by_name[name] for name in map(normalized, requested) if name in by_name]
    return [module for one in chosen for module in modules_of(one)][:MOST_MODULES]
