"""Two runs of a matrix: what got worse, what better, and what cannot be told.

Status: pass < warn < fail; ``error``, ``skipped`` and a cell that was not done say nothing about a
package, so they are open, not worse. A wheel that became an sdist is worse, and so is a lower
version where the requirements are the same: a resolver that goes back is a finding.

Times and sizes are compared by ``matrix/measures``, which states its rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from envcheck.matrix import measures
from envcheck.model.comparison import Change, Comparison

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.cell import CellResult, Run
    from envcheck.model.comparison import Kind

JUDGED = {"pass": 0, "warn": 1, "fail": 2}
WHEELS = {"wheel": 0, "sdist": 1, "none": 2}


def compare(old: Run, new: Run) -> Comparison:
    """The changes from ``old`` to ``new``, in the order of the new run's cells."""
    before = {result.cell.id: result for result in old.results}
    after = {result.cell.id: result for result in new.results}
    both = [(before[name], after[name]) for name in after if name in before]
    factor, notes = measures.machine(old.header, new.header, both)
    changes: list[Change] = []
    for name in dict.fromkeys([*after, *new.missing, *before, *old.missing]):
        if name in before and name in after:
            changes += cell(before[name], after[name], factor)
        else:
            changes += _alone(name, old, new)
    changed = {change.cell for change in changes}
    return Comparison(
        old=old.header.id,
        new=new.header.id,
        changes=tuple(changes),
        cells=len(both),
        same=sum(result.cell.id not in changed for _, result in both),
        notes=tuple(notes),
    )


def exit_status(found: Comparison) -> int:
    """1 if anything is worse, 3 if something is open, else 0."""
    return 1 if found.count("worse") else 3 if found.count("open") else 0


def cell(old: CellResult, new: CellResult, factor: float | None = None) -> Iterator[Change]:
    """What changed in a cell that both runs did. ``factor``: see ``measures.machine``."""
    name = new.cell.id
    status = _status(old, new)
    if status:
        yield status
    if status and status.kind == "open":
        return
    if old.cause != new.cause and old.status == new.status:
        yield Change(name, "cause", "note", old.cause or "-", new.cause or "-", new.sentence)
    if not status and old.wheel in WHEELS and new.wheel in WHEELS and old.wheel != new.wheel:
        kind: Kind = "worse" if WHEELS[new.wheel] > WHEELS[old.wheel] else "better"
        kind = "note" if new.status == "fail" else kind
        built = ", ".join(new.built)
        yield Change(name, "wheel", kind, old.wheel, new.wheel, built and f"built: {built}")
    if old.version and new.version and old.version != new.version:
        yield _version(old, new)
    if old.smoke != new.smoke and {old.smoke, new.smoke} == {"pass", "fail"} and not status:
        kind = "worse" if new.smoke == "fail" else "better"
        yield Change(name, "smoke", kind, old.smoke, new.smoke)
    yield from measures.changes(old, new, factor)


def _status(old: CellResult, new: CellResult) -> Change | None:
    if old.status == new.status:
        return None
    name, why = new.cell.id, new.sentence
    if old.status in JUDGED and new.status in JUDGED:
        worse = JUDGED[new.status] > JUDGED[old.status]
        return Change(name, "status", "worse" if worse else "better", old.status, new.status, why)
    lost = old.status in JUDGED
    return Change(name, "status", "open" if lost else "note", old.status, new.status, why)


def _version(old: CellResult, new: CellResult) -> Change:
    why = ""
    kind: Kind = "note"
    try:
        lower = Version(new.version) < Version(old.version)
    except InvalidVersion:
        lower = False
    if lower and _asked(old) == _asked(new):
        kind, why = "worse", "the resolver went back, though the requirements are the same"
    elif _asked(old) != _asked(new):
        why = "the requirements are not the same"
    return Change(new.cell.id, "version", kind, old.version, new.version, why)


def _asked(result: CellResult) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(result.cell.test.requirements), tuple(result.cell.test.constraints)


def _alone(name: str, old: Run, new: Run) -> Iterator[Change]:
    """A cell that only one of the runs has, or that one of them has not done."""
    before = next((r.status for r in old.results if r.cell.id == name), "")
    after = next((r.status for r in new.results if r.cell.id == name), "")
    if after:
        known = name in old.missing
        text = "it was planned and not done" if known else "the old run has no such cell"
        yield Change(name, "cell", "note", "missing" if known else "-", after, text)
    elif name in new.missing and before:
        kind: Kind = "open" if before in JUDGED else "note"
        yield Change(name, "cell", kind, before, "missing", "it was planned and not done")
    elif before:
        yield Change(name, "cell", "note", before, "-", "the new run has no such cell")
