"""How often predictions were right: cells predicted and run, one beside the other.

They agree if the verdict is the same (pass and warn are: it installs and imports; fail) and, where
both name a cause, that is the same or of the same kind. Versions, downloads and disk are compared
besides: the index may have moved between the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.model.agreement import Agreement, Compared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envcheck.model.cell import CellResult, Run
    from envcheck.model.prediction import Parts, Prediction

WORKS = ("pass", "warn")
#: Causes that are one thing seen from two sides: an index tells of no wheel what an installer may
#: tell of a build that cannot be done.
KINDS = (
    {"no-wheel", "no-compiler", "missing-header", "build-failed"},
    {"import-failed", "missing-library", "missing-module"},
    {"older-release", "import-failed", "missing-module"},
)


def attach(run: Run, predicted: Mapping[str, Prediction]) -> Run:
    """``run`` with the predictions of its cells, by id; those that it has already stay."""
    from msgspec.structs import replace

    results = [
        replace(result, prediction=result.prediction or predicted.get(result.cell.id))
        for result in run.results
    ]
    return replace(run, results=results)


def predictions(run: Run) -> dict[str, Prediction]:
    """The predictions in a run, by the id of the cell."""
    return {r.cell.id: r.prediction for r in run.results if r.prediction is not None}


def agreement(run: Run, name: str = "") -> Agreement:
    """Of a run whose results have predictions."""
    cells = [
        compared(result, result.prediction)
        for result in run.results
        if result.prediction is not None and not result.predicted
    ]
    return Agreement(name or "prediction", run.header.id, tuple(cells))


def compared(result: CellResult, prediction: Prediction) -> Compared:
    """One cell."""
    agrees = _agrees(result, prediction)
    parts = prediction.parts
    guessed, disk = _disk(result, parts) if parts else (None, None)
    sizes = [one.download_size for one in result.distributions]
    known = [size for size in sizes if size is not None]
    return Compared(
        cell=result.cell.id,
        predicted=_said(prediction.status, prediction.cause),
        observed=_said(result.status, result.cause),
        agrees=agrees,
        predicted_disk=guessed,
        observed_disk=disk,
        predicted_download=parts.download if parts else None,
        observed_download=sum(known) if sizes and len(known) == len(sizes) else None,
        pins=tuple(_pins(result, prediction)),
        why=result.sentence if agrees is False else "",
    )


def _disk(result: CellResult, parts: Parts) -> tuple[int | None, int | None]:
    """Bytes of files, predicted and observed: with bytecode if all of it was compiled, without it
    if only what was imported.
    """
    if result.disk is None:
        return None, None
    cell = result.cell
    if cell.installer == "pip" or cell.steps.bytecode == "compiled":
        return parts.logical_with_bytecode, result.disk.logical
    return parts.logical, result.disk.logical - result.disk.bytecode


def _agrees(result: CellResult, prediction: Prediction) -> bool | None:
    judged = (*WORKS, "fail")
    if result.status not in judged or prediction.status not in judged:
        return None
    if (result.status in WORKS) != (prediction.status in WORKS):
        return False
    if result.status in WORKS or result.cause == prediction.cause:
        return True
    return any({result.cause, prediction.cause} <= kind for kind in KINDS)


def _said(status: str, cause: str) -> str:
    return f"{status} ({cause})" if cause else status


def _pins(result: CellResult, prediction: Prediction) -> list[str]:
    """Where other versions were installed than were predicted."""
    if not result.distributions:
        return []
    observed = {one.name: one.version for one in result.distributions}
    guessed = dict(pin.split("==", 1) for pin in prediction.pins)
    found = []
    for name in sorted({*observed, *guessed}):
        here, there = observed.get(name, "-"), guessed.get(name, "-")
        if here != there:
            found.append(f"{name} {here}, predicted {there}")
    return found
