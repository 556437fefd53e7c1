"""Whether what would be installed can be imported, where that can be told from the index."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct, field

from envcheck.errors import IndexTrouble
from envcheck.model.deep_finding import DeepFinding  # noqa: TC001  # msgspec reads annotations
from envcheck.model.prediction import Blocker

if TYPE_CHECKING:
    from envcheck.index.pages import File
    from envcheck.model.artifact import WheelFacts
    from envcheck.predict.judgement import Judgement
    from envcheck.predict.world import World

_VERSION = "4"  # of the answers that are kept
#: Kind of a finding -> cause, in the words of a run; others: ``import-failed``.
CAUSES = {
    "missing-library": "missing-library",
    "generic-wheel": "missing-library",
    "missing-module": "missing-module",
}


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``unseen``: sentences on what was not looked at."""

    findings: list[DeepFinding] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


def with_imports(world: World, judgement: Judgement, *, deep: bool) -> Judgement:
    """The judgement with what will not import; see ``judgement.judge_imports``."""
    seen = _look(world, judgement, deep=deep)
    remarks = tuple(one.sentence for one in seen.findings if not one.certain)
    remarks += tuple(text for text in seen.unseen if deep or text.startswith(_FAILED))
    certain = [one for one in seen.findings if one.certain]
    if not certain:
        return judgement._replace(remarks=(*judgement.remarks, *remarks))
    blockers = tuple(
        Blocker(
            name=one.distribution,
            requirement=f"{one.distribution}=={one.version}",
            kind="will-not-import",
            cause=CAUSES.get(one.kind, "import-failed"),
            sentence=one.sentence,
            remedy=one.remedy,
        )
        for one in certain
    )
    return judgement._replace(
        class_="will-not-import", blockers=blockers, remarks=(*judgement.remarks, *remarks)
    )


def _look(world: World, judgement: Judgement, *, deep: bool) -> Seen:
    picked = [one for one in judgement.actual.picked.values() if one.choice.kind != "sdist"]
    only = None if deep else sorted(one.name for one in picked if one.beside_others)
    artefacts = []
    for one in picked:
        facts = world.wheel(one.file)
        if facts is not None:
            artefacts.append((one.name, one.file, facts))
    asked = [subject.project.name for subject in judgement.subjects]
    key = _key(judgement, artefacts, only)
    known = world.session.recall(key, Seen)
    if known is None:
        known = _looked(world, judgement, artefacts, asked, only)
        if not any(text.startswith(_FAILED) for text in known.unseen):
            world.session.remember(key, known)
    return known


_FAILED = "wheels could not be looked into: "


def _looked(
    world: World,
    judgement: Judgement,
    artefacts: list[tuple[str, File, WheelFacts]],
    asked: list[str],
    only: list[str] | None,
) -> Seen:
    from envcheck.predict.deep import examine

    try:
        read = world.session.reader()
    except IndexTrouble as trouble:
        return Seen(unseen=[f"{_FAILED}{trouble.message}"])
    found = examine(
        judgement.target,
        artefacts,
        read,
        asked=asked,
        listing=lambda name: world.session.listing(name).files,
        only=only,
    )
    return Seen(findings=found.findings, unseen=found.unseen)


def _key(
    judgement: Judgement, artefacts: list[tuple[str, File, WheelFacts]], only: list[str] | None
) -> str:
    target = judgement.target._replace(id="", note="")
    # by name: a recording has no hashes, and what an index has under a name does not change; a
    # file of this machine may
    names = sorted(
        f"{file.filename} {file.sha256} {file.size}"
        if file.url.startswith("file:")
        else file.filename
        for _, file, _ in artefacts
    )
    said = repr((_VERSION, tuple(target), names, only))
    return "deep" + hashlib.sha256(said.encode()).hexdigest()
