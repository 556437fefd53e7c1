"""Verdicts beside what is right: the acceptance rows, and what containers really did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.prediction_question import Question
from envcheck.predict.explain import prediction
from envcheck.predict.judgement import judge, judge_imports
from envcheck.predict.requirements import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envcheck.model.prediction import Prediction
    from envcheck.model.target import Target
    from envcheck.predict.judgement import Judgement
    from envcheck.predict.world import World

Document = dict[str, Any]


def answer(world: World, text: str, place: Target, *, deep: bool) -> tuple[Judgement, Prediction]:
    """What is predicted for one requirement, as ``envcheck why`` says it."""
    found = judge_imports(world, judge(world, place, [parse(text)]), deep=deep)
    return found, prediction(world, found)


# Acceptance rows


def rows(
    world: World, acceptance: list[Document], targets: Mapping[str, Target]
) -> Iterator[Question]:
    """Class, release, what is installed instead, and the words of the cause."""
    asked = [(row, id) for row in acceptance for id in row["targets"]]
    world.prefetch([(parse(row["requirement"]), targets[id]) for row, id in asked])
    for row, id in asked:
        deep = row.get("deep", False)
        expected = _expected(row)
        try:
            _, said = answer(world, row["requirement"], targets[id], deep=deep)
            ours = _found(row, said, expected)
        except Exception as error:
            ours = f"crashed: {type(error).__name__}: {error}"
        words = f"{row['requirement']}{' --deep' * deep}"
        yield Question("row", words, id, expected, ours)


def _expected(row: Document) -> str:
    parts = [row["class"], row.get("version", "")]
    parts += [f"(older {row['older']})"] if row.get("older") else []
    parts += [f"because of {', '.join(row['cause'])}"] if row.get("cause") else []
    return " ".join(part for part in parts if part)


def _found(row: Document, said: Prediction, expected: str) -> str:
    """``expected`` if it is that, else what is said."""
    older = said.older.version if said.older else ""
    text = " ".join(_words(said)).lower()
    missing = [word for word in row.get("cause", []) if word.lower() not in text]
    same = (
        said.class_ in (row["class"], *row.get("also", []))
        and said.release == row.get("version", "")
        and older == (row.get("older") or older)
        and not missing
    )
    if same:
        return expected
    parts = [said.class_, said.release, f"(older {older})" if older else ""]
    parts += [f"without naming {', '.join(missing)}"] if missing else []
    return " ".join(part for part in parts if part) + f": {said.lines[0]}"


def _words(said: Prediction) -> Iterator[str]:
    yield from (*said.lines, said.remedy, *said.unread)
    for blocker in said.blockers:
        yield from (blocker.name, blocker.sentence, blocker.remedy)
    for build in said.builds:
        yield from (build.name, build.summary, build.problem, *build.languages)


# Real installs, imports and builds


def cells(
    world: World, observed: list[Document], targets: Mapping[str, Target]
) -> Iterator[Question]:
    """Installed from wheels, and imported. ``world``: of wheels only."""
    asked = [cell for cell in observed if "built" not in cell]
    world.prefetch([(parse(cell["requirement"]), targets[cell["target"]]) for cell in asked])
    for cell in asked:
        try:
            found, said = answer(world, cell["requirement"], targets[cell["target"]], deep=True)
        except Exception as error:
            ours = f"crashed: {type(error).__name__}: {error}"
            yield Question("cell", cell["requirement"], cell["target"], "", ours)
            continue
        ours = "does not install"
        if said.class_ == "unknown":
            ours = "could not be judged"
        elif said.class_ == "will-not-import":
            ours = "does not import"
        elif found.actual.solved:
            ours = "imports"
        theirs = "does not install"
        if cell["installed"]:
            theirs = "imports" if cell["imported"] else "does not import"
        note = "" if ours == theirs else f": {said.lines[0]}"
        yield Question("cell", cell["requirement"], cell["target"], theirs, ours + note)


def builds(
    world: World, observed: list[Document], targets: Mapping[str, Target]
) -> Iterator[Question]:
    """Built from the sdist where there is no compiler."""
    from envcheck.predict.building import prospect

    for cell in observed:
        if "built" not in cell:
            continue
        place, requirement = targets[cell["target"]], parse(cell["requirement"])
        project = world.project(requirement.name)
        number = project.newest(project.allowed(requirement.specifier)[0] & project.final)
        assert number is not None
        file = project.releases[number].sdist
        found = prospect(world.sdist(file) if file else None, place)
        ours = "could not be judged"
        if not file or found.problem or found.pure is False:
            ours = "does not build"
        elif found.pure:
            ours = "builds"
        theirs = "builds" if cell["built"] else "does not build"
        yield Question("build", cell["requirement"], cell["target"], theirs, ours)
