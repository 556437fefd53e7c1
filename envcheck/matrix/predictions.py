"""A matrix predicted: the table of a run, from the index alone, every cell marked as predicted.

The verdict on a cell is in the words of a run (``cell.CAUSES``), so that a prediction and a run
can be compared; ``CellResult.prediction`` holds what only the index can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

import envcheck
from envcheck.errors import DataError
from envcheck.matrix import predicted_disk
from envcheck.model.cell import PREDICTED, CellResult, Installed, Run, RunHeader, Usage
from envcheck.model.prediction import Prediction
from envcheck.predict import locked
from envcheck.predict.distance import behind
from envcheck.predict.judgement import judge, judge_imports
from envcheck.predict.requirements import Requirement, parse
from envcheck.predict.world import World, policy_of
from envcheck.report.matrix_values import size
from envcheck.store.writing import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envcheck.index.session import IndexSession
    from envcheck.model.matrix import Cell, Index, Plan, Subject
    from envcheck.model.target import Target
    from envcheck.predict.closure import Picked
    from envcheck.predict.distance import Distance
    from envcheck.predict.inputs.asked import Asked


class Means(NamedTuple):
    """What predicting needs. ``session``: for the index of a cell; ``target``: of a cell."""

    session: Callable[[Index], IndexSession]
    target: Callable[[Cell], Target]
    deep: bool = False
    locked: Asked | None = None  # a lock, whose pins are not resolved again
    unjudged: tuple[str, ...] = ()  # what is asked for besides, and no index tells of: sentences


class Question(NamedTuple):
    """A cell, ready to be judged. ``problem``: why it cannot be."""

    cell: Cell
    target: Target
    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    problem: str = ""


def predict(plan: Plan, means: Means) -> Run:
    """What each cell of ``plan`` would do. Raises UsageError, DataError."""
    header = RunHeader(
        id="",
        matrix=plan.name,
        summary=plan.summary,
        backend=PREDICTED,
        envcheck=envcheck.__version__,
        started=utc(),
        stale_after=plan.stale_after,
        cells=len(plan.cells),
    )
    questions = [
        Question(cell, means.target(cell))
        if means.locked
        else _question(cell, means.target(cell), plan.folder)
        for cell in plan.cells
    ]
    by_index: dict[bytes, list[Question]] = {}
    for question in questions:
        by_index.setdefault(msgspec.json.encode(question.cell.index), []).append(question)
    results: dict[str, CellResult] = {}
    notes: list[str] = []
    for group in by_index.values():
        session = means.session(group[0].cell.index)
        with session:
            results |= _group(group, session, means)
            notes += session.notes
            notes += [asked(session)] if session.requests else []
    header = msgspec.structs.replace(header, notes=list(dict.fromkeys(notes)))
    return Run(header=header, results=[results[cell.id] for cell in plan.cells], ended=utc())


def asked(session: IndexSession) -> str:
    """What the answer cost."""
    return f"asked the index {session.requests} times, {size(session.moved)} came"


def _group(
    questions: Sequence[Question], session: IndexSession, means: Means
) -> dict[str, CellResult]:
    """Cells that ask the same index."""
    index = questions[0].cell.index
    world = World(session, policy_of(index), thorough=False)
    if means.locked is not None:
        locked.prefetch(world, means.locked, [question.target for question in questions])
    wanted = [(one, question.target) for question in questions for one in question.requirements]
    world.prefetch(wanted)
    return {question.cell.id: result(world, question, means) for question in questions}


def _question(cell: Cell, target: Target, folder: str) -> Question:
    from envcheck.predict.requirements import applies

    try:
        requirements, constraints = _asked(cell.test, folder)
    except (ValueError, DataError) as error:
        return Question(cell, target, problem=str(error))
    here = tuple(one for one in requirements if applies(one.marker, target))
    if not here:
        return Question(cell, target, problem="nothing is required there: no marker holds")
    if addressed := [one for one in here if one.url]:
        what = f"{addressed[0].name} comes from an address, not from an index"
        return Question(cell, target, problem=f"{what}: only building it would tell")
    kept = tuple(one for one in constraints if applies(one.marker, target))
    return Question(cell, target, here, kept)


def _asked(test: Subject, folder: str) -> tuple[list[Requirement], list[Requirement]]:
    """Requirements and constraints of a cell. Raises ValueError, DataError."""
    requirements = [parse(text) for text in test.requirements]
    if test.project:
        from envcheck.predict.inputs import of_subject

        asked = of_subject(test.project, test.extras, folder)
        if asked.notes:
            raise DataError(asked.notes[0])
        requirements += [parse(text) for text in asked.requirements]
    return requirements, [parse(text) for text in test.constraints]


def result(world: World, question: Question, means: Means) -> CellResult:
    """One cell, judged."""
    cell, target = question.cell, question.target
    fields: dict[str, Any] = {
        "cell": cell,
        "backend": PREDICTED,
        "python": target.python,
        "libc": target.libc,
        "image": target.image,
        "started": utc(),
        "notes": list(cell.notes),
        "isolated": True,
    }
    if question.problem:
        prediction = Prediction(target=target.id, class_="unknown", lines=[question.problem])
        return CellResult(
            status="inconclusive", sentence=question.problem, prediction=prediction, **fields
        )
    from envcheck.matrix.predicted_verdict import Told, told

    asked = (question.requirements, question.constraints)
    late: Mapping[str, Distance] = {}  # what is locked is as old as was wanted
    if means.locked is not None:
        judgement = locked.judge(world, target, means.locked)
    else:
        judgement = judge(world, target, *asked)
        late = behind(world, target, judgement.actual, *asked)
    judgement = judgement._replace(unread=(*judgement.unread, *means.unjudged))
    judgement = judge_imports(world, judgement, deep=means.deep)
    verdict: Told = told(world, judgement, late, cell)
    sizes = predicted_disk.sizes(world, judgement, cell)
    names = [one.name for one in question.requirements]
    picked = judgement.actual.picked
    return CellResult(
        status=verdict.status,
        cause=verdict.cause,
        sentence=verdict.sentence,
        remedy=verdict.remedy,
        evidence=list(verdict.evidence),
        wheel=verdict.wheel,
        built=[one.name for one in judgement.builds],
        version=next((picked[name].version for name in names if name in picked), ""),
        distributions=[
            _installed(world, one, late.get(one.name), one.name in names)
            for one in sorted(picked.values(), key=lambda p: p.name)
        ],
        download=sizes.download if sizes else None,
        disk=sizes.disk if sizes else None,
        prediction=msgspec.structs.replace(
            verdict.prediction,
            status=verdict.status,
            cause=verdict.cause,
            pins=sorted(f"{one.name}=={one.version}" for one in picked.values()),
            parts=sizes.parts if sizes else None,
        ),
        **fields,
    )


def _installed(world: World, picked: Picked, late: Distance | None, requested: bool) -> Installed:
    project = picked.project
    newest = project.newest()
    assert newest is not None
    return Installed(
        name=picked.name,
        version=picked.version,
        artifact="sdist" if picked.choice.kind == "sdist" else "wheel",
        file=picked.file.filename,
        sha256=picked.file.sha256,
        download_size=predicted_disk.size_of(world, picked),
        requested=requested,
        newest=str(project.versions[newest]),
        newest_uploaded=project.releases[newest].uploaded,
        releases_behind=late.behind if late else 0,
        reason=late.reason if late else "",
        disk=_unpacked(world, picked),
    )


def _unpacked(world: World, picked: Picked) -> Usage | None:
    """What its wheel unpacks to, None if that is not known."""
    facts = world.wheel(picked.file) if picked.choice.kind != "sdist" else None
    if facts is None or facts.contents is None:
        return None
    held = facts.contents
    return Usage(
        logical=held.site,
        allocated=held.allocated,
        exclusive=None,
        bytecode=0,
        files=held.files,
    )
