"""What was recorded of pip, uv and containers, beside what is predicted for the same question.

See ``prediction_question.KINDS`` for what is asked.
"""

from __future__ import annotations

import fnmatch
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import prediction_verdicts
from benchmarks.prediction_question import Question
from benchmarks.prediction_truth import DATA, read, toml
from envcheck.model.target import Target
from envcheck.predict.requirements import parse
from envcheck.predict.tags import ranks
from envcheck.predict.world import Policy, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envcheck.index.session import IndexSession
    from envcheck.predict.requirements import Requirement

Document = dict[str, Any]
WHEELS = Policy(only_binary=frozenset([":all:"]))


class Comparison(NamedTuple):
    """``about``: when and by which versions the answers were given."""

    questions: list[Question]
    about: Document

    @property
    def disagreements(self) -> list[Question]:
        """Explained or not."""
        return [one for one in self.questions if not one.agrees]

    @property
    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Kind: questions, agreements, disagreements in which the prediction is right."""
        found: dict[str, tuple[int, int, int]] = {}
        for one in self.questions:
            asked, same, ours = found.get(one.kind, (0, 0, 0))
            right = not one.agrees and one.right == "envcheck"
            found[one.kind] = (asked + 1, same + one.agrees, ours + right)
        return found

    @property
    def summary(self) -> str:
        """One line."""
        return "; ".join(
            f"{kind}: {same} of {asked} agree, {ours} more are right"
            for kind, (asked, same, ours) in self.counts.items()
        )


def compare(session: IndexSession, *, core: bool = False) -> Comparison:
    """Every question. ``core``: without what is asked as `wide`, without rows besides the table's,
    and without what containers did.
    """
    truth, closures = read("truth.json.gz"), read("closures.json.gz")
    asked = toml("asked.toml")
    wanted = asked["core"] if core else [*asked["core"], *asked["wide"]]
    worlds = {"default": World(session), "wheels": World(session, WHEELS)}
    for text in wanted:
        session.want_listing(parse(text).name)
    questions = [
        *_tags(truth["targets"]),
        *_files(truth, wanted, worlds),
        *_closures(closures, worlds),
        *_rows(truth, worlds, core=core),
        *([] if core else _observed(truth, worlds)),
    ]
    about = {
        "pip": sorted({one["pip"] for one in truth["targets"].values()}),
        "pip's choices": f"{truth['began']} to {truth['ended']}",
        "uv": closures["uv"],
        "uv's closures": f"{closures['began']} to {closures['ended']}",
        "targets": len(truth["targets"]),
    }
    return Comparison(_explained(questions), about)


def target(document: Document) -> Target:
    """From the fields that are recorded; what is there besides is that of the official image."""
    fields = {key: document[key] for key in Target._fields if key in document}
    minor = ".".join(document["python"].split(".")[:2])
    for word, distribution in (("slim-bookworm", "debian"), ("alpine", "alpine")):
        if word in document["id"]:
            fields |= {"distribution": distribution, "image": f"python:{minor}-{word}"}
    return Target(**fields)


# Tags


def _tags(targets: Document) -> Iterator[Question]:
    """Whether all of pip's tags are supported, and in pip's order.

    Older pips put `linux_…`, which is for wheels of this very machine, last and newer ones first.
    """
    for id, document in targets.items():
        order = ranks(target(document))
        tags = [tag for tag in document["tags"] if "-linux_" not in tag]
        known = [(order.rank(f"p-1-{tag}.whl"), tag) for tag in tags]
        missing = [tag for rank, tag in known if rank is None]
        places = [rank for rank, _ in known if rank is not None]
        ours = "the same order" if places == sorted(places) else "another order"
        if missing:
            ours = f"without {', '.join(missing[:3])}"
        yield Question("tags", f"{len(known)} tags", id, "the same order", ours)


# What pip takes


def _files(truth: Document, wanted: Iterable[str], worlds: dict[str, World]) -> Iterator[Question]:
    targets = {id: target(document) for id, document in truth["targets"].items()}
    for text in wanted:
        requirement = parse(text)
        for id, answer in truth["choices"].get(text, {}).items():
            for key, world in (("pip", worlds["default"]), ("only_binary", worlds["wheels"])):
                if key in answer:
                    words = f"{text}{' --only-binary :all:' * (key != 'pip')}"
                    theirs = (answer[key] or {}).get("file", "nothing")
                    ours = taken(world, targets[id], requirement)
                    yield Question("file", words, id, theirs, ours)


def taken(world: World, place: Target, requirement: Requirement) -> str:
    """The file that is predicted to be taken for one requirement alone."""
    project = world.project(requirement.name)
    mask = world.admitted(requirement, place)
    number = world.first_usable(project, mask, place)[0]
    file = world.choice(project, number, place).file if number is not None else None
    return file.filename if file else "nothing"


# uv's closures


def _closures(closures: Document, worlds: dict[str, World]) -> Iterator[Question]:
    from envcheck.predict.closure import close

    targets = {id: target(document) for id, document in closures["targets"].items()}
    asked = [
        (text, id, mode, answer)
        for text, by_target in closures["closures"].items()
        for id, by_mode in by_target.items()
        for mode, answer in by_mode.items()
    ]
    for mode, world in worlds.items():
        world.prefetch([(parse(text), targets[id]) for text, id, m, _ in asked if m == mode])
    for text, id, mode, answer in asked:
        found = close(worlds[mode], targets[id], [parse(text)])
        ours = {name: picked.version for name, picked in found.picked.items()}
        theirs = answer.get("pins", {})
        if "failure" in answer or not found.solved:
            one = "fails" if "failure" in answer else _told(text, theirs)
            other = _told(text, ours) if found.solved else "fails"
            yield Question("closure", text, id, one, other)
            continue
        names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
        yield Question("closure", text, id, _listed(theirs, names), _listed(ours, names))


def _told(text: str, pins: Document) -> str:
    name = parse(text).name
    return f"{name} {pins.get(name, '?')}" if pins else "nothing to install"


def _listed(pins: Document, names: list[str]) -> str:
    return ", ".join(f"{name} {pins.get(name, 'absent')}" for name in names) or "the same pins"


# Verdicts


def _rows(truth: Document, worlds: dict[str, World], *, core: bool) -> Iterator[Question]:
    targets = {id: target(document) for id, document in truth["targets"].items()}
    rows = toml("acceptance.toml")["row"]
    wanted = [row for row in rows if not core or row["group"] == "table"]
    yield from prediction_verdicts.rows(worlds["default"], wanted, targets)


def _observed(truth: Document, worlds: dict[str, World]) -> Iterator[Question]:
    targets = {id: target(document) for id, document in truth["targets"].items()}
    with open(os.path.join(DATA, "observed.json")) as file:
        observed = json.load(file)["cells"]
    yield from prediction_verdicts.cells(worlds["wheels"], observed, targets)
    yield from prediction_verdicts.builds(worlds["default"], observed, targets)


# Who is right


def _explained(questions: list[Question]) -> list[Question]:
    rows = toml("disagreements.toml").get("row", [])
    return [one if one.agrees else _explain(one, rows) for one in questions]


def _explain(question: Question, rows: list[Document]) -> Question:
    for row in rows:
        fits = question.kind == row["kind"] and any(
            fnmatch.fnmatchcase(question.requirement, pattern) for pattern in row["requirements"]
        )
        if fits and any(fnmatch.fnmatchcase(question.target, one) for one in row["targets"]):
            return question._replace(right=row["right"], evidence=row["evidence"])
    return question
