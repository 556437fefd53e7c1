"""A published table against a run of our own, row by row, each difference with its reason.

The reasons are read from what the run observed: the cause of a failure, versions and the day they
were released, the build of torch, whether bytecode was written, the conditions of an import.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from envcheck import knowledge
from envcheck.errors import UsageError
from envcheck.matrix.freshness import day
from envcheck.model.reference import COLUMNS, NOTHING, Answer, Answers, Reference, ReferenceRow
from envcheck.report import matrix_values as values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envcheck.model.cell import CellResult, Run

#: name -> what reads its table of knowledge
REFERENCES: dict[str, Callable[[], dict[str, Any]]] = {
    "accelerate-page": lambda: knowledge.table("accelerate_page"),
}
SHARE = 0.03  # sizes that differ by less are the same
LARGE = 0.02  # of a cell's disk: a distribution that explains a difference
_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def load(name: str) -> Reference:
    """The published table called ``name``. Raises UsageError."""
    if name not in REFERENCES:
        raise UsageError(
            f"there is no published table `{name}`", hint=f"one of {', '.join(REFERENCES)}"
        )
    table = REFERENCES[name]()
    return Reference(
        name=name,
        subject=table["subject"],
        tested=table["tested"],
        source=table["source"],
        rows=tuple(_row(row) for row in table["rows"]),
        remarks=tuple(remark["text"] for remark in table["remarks"]),
    )


def _row(row: dict[str, Any]) -> ReferenceRow:
    said = {column: str(row[column]) for column in COLUMNS}
    return ReferenceRow(row["python"], row["os"], row["libc"], said)


def answers(reference: Reference, run: Run) -> Answers:
    """What ``run`` says to each row; of several cells of a row the first in the plan's order."""
    found: dict[tuple[str, str], CellResult] = {}
    for result in run.results:
        found.setdefault((result.cell.python, result.cell.os), result)
    return Answers(
        reference,
        tuple(_answer(row, reference, found.get((row.python, row.os))) for row in reference.rows),
    )


#: column -> how our table says it
_READ: dict[str, Callable[[CellResult], values.Entry]] = {
    "status": values.status,
    "wheel": values.wheel,
    "install": values.install,
    "import": values.importing,
    "disk": values.disk,
}


def _answer(row: ReferenceRow, reference: Reference, result: CellResult | None) -> Answer:
    if result is None:
        nothing = dict.fromkeys(COLUMNS, NOTHING)
        return Answer(row, "", nothing, False, (("", "this run has no such cell"),))
    here = {column: read(result).text for column, read in _READ.items()}
    told = list(_explained(row, reference, result, here))
    agrees = not any(column in ("import", "disk") and differs for column, _, differs in told)
    agrees = agrees and _works(row) == (result.status in ("pass", "warn"))
    return Answer(
        row, result.cell.id, here, agrees, tuple((column, text) for column, text, _ in told)
    )


def _works(row: ReferenceRow) -> bool:
    """A table without statuses shows by its other numbers that something was imported."""
    return row.values["import"] != NOTHING or row.values["status"] in ("pass", "ok", "yes")


def _explained(
    row: ReferenceRow, reference: Reference, result: CellResult, here: dict[str, str]
) -> Iterator[tuple[str, str, bool]]:
    """Column, sentence, and whether the two contradict each other."""
    yield ("status", _status(row, result), False)
    if result.status not in ("pass", "warn"):
        return
    unsaid = [name for name in ("wheel", "install") if row.values[name] == NOTHING]
    if unsaid:
        said = ", ".join(here[name] for name in unsaid)
        yield (" and ".join(unsaid), f"the table does not say; here {said}", False)
    if row.values["import"] != NOTHING and here["import"] != NOTHING:
        yield ("import", _import(row.values["import"], result), False)
    if row.values["disk"] != NOTHING and result.disk is not None:
        text, differs = _disk(row.values["disk"], result, reference)
        yield ("disk", text, differs)


def _status(row: ReferenceRow, result: CellResult) -> str:
    works = _works(row)
    sentence = (result.sentence or result.cause or result.status).rstrip(".")
    if result.status in ("pass", "warn"):
        if works:
            return "it works in both: the table leaves the status out but shows an import time"
        return f"the table shows nothing; here it works, with {result.version or 'no version'}"
    if result.status in ("error", "skipped", "inconclusive"):
        return f"it could not be judged here: {sentence}"
    if works:
        return f"the table shows an import time; here it fails: {sentence}"
    return f"it works in neither; the table does not say why, here: {sentence}"


def _import(said: str, result: CellResult) -> str:
    there = _number(said)
    imported = result.imports[0]
    first, again = imported.first or 0.0, values.settled(imported)
    again = first if again is None else again
    low, high = sorted((first, again))
    if there is None:
        place = "cannot be read"
    elif low <= there <= high:
        place = "lies between our first and our further imports"
    else:
        ratio = there / high if there > high else there / low if low else 0.0
        place = f"is {ratio:.1f} times our {'slowest' if there > high else 'fastest'}"
    conditions = f"bytecode {imported.bytecode or 'unknown'}, page cache {imported.page_cache}"
    return f"its {said} {place} ({conditions}); it states no conditions"


def _disk(said: str, result: CellResult, reference: Reference) -> tuple[str, bool]:
    there, disk = _size(said), result.disk
    if there is None or disk is None:
        return f"its {said} cannot be read", False
    here = disk.allocated
    # `du -h` rounds up, so 4.7G is anything above 4.6 GiB.
    unit = _UNITS[said.strip()[-1].upper()] if said.strip()[-1:].upper() in _UNITS else 1
    if there - unit / 10 <= here <= there or abs(here - there) <= SHARE * there:
        return f"the same size: {values.size(here)}", False
    word = "more" if here > there else "less"
    reasons = list(_size_reasons(result, reference)) or ["the table does not say which versions"]
    return f"{values.size(abs(here - there))} {word} here: {'; '.join(reasons)}", True


def _size_reasons(result: CellResult, reference: Reference) -> Iterator[str]:
    if not result.distributions:
        return
    whole = result.disk.allocated if result.disk else 0
    tested = day(reference.tested)
    cpu = [d for d in result.distributions if "+cpu" in d.version]
    for each in cpu:
        yield f"{each.name} {each.version} is the build for CPUs, without the libraries of CUDA"
    for each in result.distributions:
        large = each.disk is not None and each.disk.allocated >= LARGE * whole
        uploaded = day(each.newest_uploaded) if each.version == each.newest else None
        if large and each not in cpu and uploaded and tested and uploaded > tested:
            yield f"{each.name} {each.version} was released on {uploaded}, after the table"
    largest = max(result.distributions, key=lambda each: each.disk.allocated if each.disk else 0)
    if largest.disk and largest not in cpu:
        taken = values.size(largest.disk.allocated)
        yield f"the largest is {largest.name} {largest.version} with {taken}"
    if result.disk and not result.disk.bytecode:
        yield "no bytecode was written here"
    if not cpu and result.cell.notes:
        yield from result.cell.notes


def _number(text: str) -> float | None:
    match = re.match(r"\s*(\d+(?:\.\d+)?)", text)
    return float(match.group(1)) if match else None


def _size(text: str) -> float | None:
    number = _number(text)
    unit = _UNITS.get(text.strip()[-1:].upper(), 1)
    return None if number is None else number * unit
