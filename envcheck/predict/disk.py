"""What the wheels of a closure take once they are installed, as ``cell/measuring.py`` counts it.

What a wheel unpacks to is in its facts. Installers add to it: ``INSTALLER``, ``REQUESTED``, lines
of ``RECORD``, and bytecode. How large that becomes depends on the source and on the Python; it is
measured, by project where it is known, see ``knowledge/bytecode.json``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.index.pages import normalized
from envcheck.index.wheel_contents import SKETCH
from envcheck.model.cell import Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from envcheck.index.pages import File
    from envcheck.model.artifact import Contents, WheelFacts
    from envcheck.model.target import Target

BLOCK = 4096
_HASH = len(",sha256=,") + 43  # of a line of RECORD
_INSTALLERS = {"uv": 2, "pip": 4}  # bytes of INSTALLER: pip's ends its line
_CHANCE = 0.3  # share of files in common from which on it is no package that both share
_COMMAND = 330  # bytes of a program in the directory of scripts that an entry point asks for
_COMMAND_LINE = len("../../../bin/some-name") + _HASH + 3  # of it in RECORD


class DiskEstimate(NamedTuple):
    """Bytes and files of what is installed; ``logical``, ``allocated`` and ``files``: of the site
    directories, without bytecode. ``allocated``: on a disk of blocks of 4 KiB.

    ``download``: of the wheels, None if the size of one is not known. ``bytecode``: how much all of
    it would be more, None where it is not known how Python compiles. ``listed``: what RECORD has
    more if the installer compiles, as pip does. ``unknown``: projects that are not counted, since
    nothing is known of their contents.
    """

    download: int | None = 0
    logical: int = 0
    allocated: int = 0
    files: int = 0
    bytecode: int | None = 0
    bytecode_allocated: int | None = 0
    bytecode_files: int = 0
    listed: int = 0
    scripts: int = 0
    other: int = 0
    unknown: tuple[str, ...] = ()

    def usage(self, *, bytecode: bool) -> Usage | None:
        """As a run has it, of the site directories; None if it is not known of everything."""
        if self.unknown:
            return None
        if not bytecode:
            return Usage(
                logical=self.logical,
                allocated=self.allocated,
                exclusive=None,
                bytecode=0,
                files=self.files,
            )
        if self.bytecode is None or self.bytecode_allocated is None:
            return None
        return Usage(
            logical=self.logical + self.bytecode + self.listed,
            allocated=self.allocated + self.bytecode_allocated + self.listed,
            exclusive=None,
            bytecode=self.bytecode,
            files=self.files + self.bytecode_files,
        )


class Shared(NamedTuple):
    """Several environments on one disk. ``download``: each wheel once. ``logical`` and
    ``allocated``: each wheel's files once, as with hard links to a cache, and of each environment
    what is its own: bytecode is not in it. ``wheels``: different ones.
    """

    download: int | None
    logical: int
    allocated: int
    wheels: int


def estimate(
    closure: Iterable[tuple[File, WheelFacts]],
    target: Target,
    *,
    installer: str = "uv",
    requested: Collection[str] = (),
) -> DiskEstimate:
    """Of wheels that are installed together. ``requested``: names of projects that were asked for
    by name, which installers note down.
    """
    closure = list(closure)
    names = {normalized(name) for name in requested}
    found = [
        of_wheel(file, facts, target, installer=installer, requested=file.project in names)
        for file, facts in closure
    ]
    *numbers, unknown = zip(DiskEstimate(), *found, *_twice(closure, found), strict=True)
    return DiskEstimate._make([*map(_total, numbers), sum(unknown, ())])


def of_wheel(
    file: File,
    facts: WheelFacts,
    target: Target,
    *,
    installer: str = "uv",
    requested: bool = False,
) -> DiskEstimate:
    """Of one wheel."""
    size = facts.size if facts.size is not None else file.size
    held = facts.contents
    if held is None:
        return DiskEstimate(download=size, unknown=(file.project,))
    info = len("-".join(file.filename.split("-")[:2])) + len(".dist-info/")
    lines = [("INSTALLER", _INSTALLERS.get(installer, 2))]
    lines += [("REQUESTED", 0)] if requested or installer == "uv" else []  # uv: for everything
    ending = 2 if installer == "pip" else 1  # of a line: pip writes carriage returns
    added = sum(info + len(name) + _HASH + len(str(count)) + ending for name, count in lines)
    added += held.commands * (_COMMAND_LINE + ending)
    listed = 0
    if installer == "pip":
        added += held.files
        tag = f"cpython-{target.minor.replace('.', '')}"
        listed = held.paths_bytes + held.python * len(f"__pycache__/.{tag}c,,\r\n")
    bytecode, allocated = _bytecode(file.project, held, target)
    return DiskEstimate(
        download=size,
        logical=held.site + added + sum(count for _, count in lines),
        allocated=held.allocated + BLOCK + added // BLOCK * BLOCK,
        files=held.files + len(lines),
        bytecode=bytecode,
        bytecode_allocated=allocated,
        bytecode_files=held.python,
        listed=listed,
        scripts=held.scripts + held.commands * _COMMAND,
        other=held.other,
    )


def shared(closures: Sequence[tuple[DiskEstimate, Iterable[tuple[File, WheelFacts]]]]) -> Shared:
    """Of several environments, each with its estimate."""
    wheels: dict[str, tuple[File, WheelFacts]] = {}
    own = own_allocated = 0
    for whole, closure in closures:
        own, own_allocated = own + whole.logical, own_allocated + whole.allocated
        for file, facts in closure:
            wheels.setdefault(file.sha256 or file.filename, (file, facts))
            if facts.contents:
                own -= facts.contents.site
                own_allocated -= facts.contents.allocated
    held = [facts.contents for _, facts in wheels.values() if facts.contents]
    return Shared(
        _total([f.size if f.size is not None else file.size for file, f in wheels.values()]),
        own + sum(contents.site for contents in held),
        own_allocated + sum(contents.allocated for contents in held),
        len(wheels),
    )


def _twice(
    closure: Sequence[tuple[File, WheelFacts]], found: Sequence[DiskEstimate]
) -> Iterable[DiskEstimate]:
    """Less than nothing for files that a larger wheel of the closure has, too, in the same places:
    ``mlflow`` and ``mlflow-skinny``, variants of ``opencv-python``.
    """
    pairs = [(f.contents, one) for (_, f), one in zip(closure, found, strict=True) if f.contents]
    pairs.sort(key=lambda pair: -pair[0].site)
    for at, (held, one) in enumerate(pairs):
        share = max((_common(held, other) for other, _ in pairs[:at]), default=0.0)
        if share:
            yield DiskEstimate(
                logical=-int(held.site * share),
                allocated=-int(held.allocated * share),
                files=-int(held.files * share),
                bytecode=None if one.bytecode is None else -int(one.bytecode * share),
                bytecode_allocated=-int((one.bytecode_allocated or 0) * share),
                bytecode_files=-int(one.bytecode_files * share),
            )


def _common(one: Contents, other: Contents) -> float:
    """Which share of a wheel's files lies where the other has files; small ones count as none."""
    if not one.sketch or not other.sketch or not set(one.modules) & set(other.modules):
        return 0.0
    covered = min((s[-1] for s in (one.sketch, other.sketch) if len(s) >= SKETCH), default=1 << 32)
    mine = [value for value in one.sketch if value <= covered]
    share = len(set(mine) & set(other.sketch)) / len(mine) if mine else 0.0
    return share if share > _CHANCE else 0.0


def _total(numbers: Sequence[Any]) -> Any:
    return None if None in numbers else sum(numbers)


def _bytecode(project: str, held: Contents, target: Target) -> tuple[int | None, int | None]:
    """Bytes of bytecode, and what they take on disk. A Python that is newer than what was measured
    is taken for the newest of these.
    """
    if not held.python:
        return 0, 0
    known = _measured()
    if target.implementation != "cpython":
        return None, None
    minors = known["minors"]
    at = min(range(len(minors)), key=lambda n: abs(int(minors[n][2:]) - target.version[1]))
    count = held.python * int(known["base"])
    ratios = known["projects"].get(project)
    if ratios:  # without its own, that of the nearest Python that has one
        near = min(range(len(minors)), key=lambda n: (ratios[n] is None, abs(n - at)))
        ratio = ratios[near] * known["others"][at] / known["others"][near]
        count += int(held.python_bytes * ratio)
    else:
        of_tests = held.tests_bytes * known["tests"][at]
        count += int((held.python_bytes - held.tests_bytes) * known["others"][at] + of_tests)
    return count, count + held.python_slack


@lru_cache(maxsize=1)
def _measured() -> dict[str, Any]:
    from envcheck.knowledge import table

    rows = table("bytecode")
    return {**rows, "projects": {row["project"]: row["ratios"] for row in rows["rows"]}}
