"""From the judgement of an index to a cell's verdict, in the words of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from envcheck.model.cell import Installed
from envcheck.model.prediction import Prediction
from envcheck.predict.explain import prediction
from envcheck.predict.judgement import reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envcheck.matrix.causes.base import Verdict
    from envcheck.model.cell import Status
    from envcheck.model.matrix import Cell
    from envcheck.model.prediction import Build
    from envcheck.predict.distance import Distance
    from envcheck.predict.judgement import Judgement
    from envcheck.predict.world import World

#: Class of what blocks -> cause.
_CAUSES = {
    "requires-python": "requires-python",
    "no-file": "no-wheel",
    "not-found": "not-found",
    "conflict": "conflict",
}
_MOST = 6  # lines of evidence


class Told(NamedTuple):
    """A verdict with its prediction."""

    status: Status
    prediction: Prediction
    cause: str = ""
    sentence: str = ""
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    wheel: Literal["wheel", "sdist", "none", ""] = ""


def told(world: World, judgement: Judgement, late: Mapping[str, Distance], cell: Cell) -> Told:
    """The verdict. ``late``: distributions of what would be installed that are not the newest."""
    found = _verdict(world, judgement, late, cell)
    return found._replace(prediction=prediction(world, judgement))


def _verdict(world: World, judgement: Judgement, late: Mapping[str, Distance], cell: Cell) -> Told:
    empty = Prediction(target=judgement.target.id, class_=judgement.class_)
    if judgement.class_ == "unknown":
        sentence = reason(judgement, world)[0] or "; ".join(judgement.unread[:2])
        return Told("inconclusive", empty, "", f"it could not be judged: {sentence}")
    if not judgement.actual.solved:
        return _nothing(world, judgement, empty)
    failing = [build for build in judgement.builds if build.problem]
    if failing:
        build, *others = failing
        sentence = f"{_title(build)} has no wheel for this cell, and {build.problem}"
        remedy = _built(build, judgement)
        also = tuple(f"{_title(one)}: {one.problem}" for one in others[:_MOST])
        return Told("fail", empty, build.cause, sentence, remedy, also, "none")
    if judgement.class_ == "will-not-import":
        first = judgement.blockers[0]
        sentence = f"{first.name} installs, but {first.sentence}"
        return Told("fail", empty, first.cause, sentence, first.remedy, wheel="wheel")
    verdict = _behind(judgement, late, cell)
    wheel: Literal["wheel", "sdist"] = "sdist" if judgement.builds else "wheel"
    unsure = [build for build in judgement.builds if not build.pure]
    if unsure and (verdict is None or verdict.warning):
        names = "; ".join(f"{build.name} {build.version}: {build.summary}" for build in unsure[:3])
        sentence = f"it must be built, and whether that works is not known: {names}"
        remedy = "; ".join(dict.fromkeys(_built(build, judgement) for build in unsure[:3]))
        return Told("inconclusive", empty, "", sentence, remedy.strip("; "))
    if verdict is not None:
        return Told(
            verdict.status, empty, verdict.cause, verdict.sentence, verdict.remedy,
            verdict.evidence, wheel,
        )  # fmt: skip
    if judgement.unread:
        return Told("inconclusive", empty, "", "; ".join(judgement.unread[:2]), wheel=wheel)
    return Told("pass", empty, wheel=wheel)


def _title(build: Build) -> str:
    return f"{build.name} {build.version}"


def _built(build: Build, judgement: Judgement) -> str:
    """What helps where something must be built: a release with a wheel, or what its build needs."""
    older = judgement.older
    if older is None or build.name != judgement.subject.project.name or older.kind != "wheel":
        return build.remedy
    use = f"use {build.name} {older.version}, the newest with a wheel for this cell"
    return f"{use}; {build.remedy}" if build.remedy else use


def _nothing(world: World, judgement: Judgement, empty: Prediction) -> Told:
    """No release of it can be installed."""
    sentence, remedy = reason(judgement, world)
    first = judgement.blockers[0]
    own = {subject.project.name for subject in judgement.subjects}
    if first.name not in own and first.kind != "conflict":
        sentence = f"{judgement.subject.title} needs {first.name}; {sentence}"
    evidence = tuple(f"{one.name}: {one.sentence}" for one in judgement.blockers[1:_MOST])
    cause = _CAUSES.get(first.kind, "no-wheel")
    return Told("fail", empty, cause, sentence, remedy, evidence, "none")


def _behind(judgement: Judgement, late: Mapping[str, Distance], cell: Cell) -> Verdict | None:
    """The worst finding about what is not the newest, or was withdrawn, as a run has it."""
    from envcheck.matrix.releases import of, worst

    requested = {subject.project.name for subject in judgement.subjects}
    asked = [subject.requirement for subject in judgement.subjects]
    found = []
    for picked in judgement.actual.picked.values():
        one = Installed(
            name=picked.name, version=picked.version, requested=picked.name in requested
        )
        found.append((one, of(picked, late)))
    return worst(found, judgement.target, asked, pre=cell.index.pre)
