"""The download and the disk that a predicted cell would take, as a run measures them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envcheck.model.cell import Download
from envcheck.model.prediction import Parts
from envcheck.predict.disk import estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.cell import Usage
    from envcheck.model.matrix import Cell
    from envcheck.predict.closure import Picked
    from envcheck.predict.judgement import Judgement
    from envcheck.predict.world import World


class Sizes(NamedTuple):
    """None where it is not known of everything: something is built, or was not read."""

    parts: Parts
    download: Download | None = None
    disk: Usage | None = None


def sizes(world: World, judgement: Judgement, cell: Cell) -> Sizes | None:
    """Of what would be installed; None if that is nothing."""
    picked = list(judgement.actual.picked.values())
    if not picked:
        return None
    closure, unknown = [], []
    for one in picked:
        facts = world.wheel(one.file) if one.choice.kind != "sdist" else None
        if facts is None or facts.contents is None:
            unknown.append(one.name)
        else:
            closure.append((one.file, facts))
    counts = [size_of(world, one) for one in picked]
    total = None if None in counts else sum(count for count in counts if count is not None)
    requested = [subject.project.name for subject in judgement.subjects]
    found = estimate(closure, judgement.target, installer=cell.installer, requested=requested)
    bare = None if unknown else found.usage(bytecode=False)
    full = None if unknown else found.usage(bytecode=True)
    compiled = cell.installer == "pip" or cell.steps.bytecode == "compiled"
    parts = Parts(
        download=total,
        files=bare.files if bare else None,
        logical=bare.logical if bare else None,
        allocated=bare.allocated if bare else None,
        logical_with_bytecode=full.logical if full else None,
        allocated_with_bytecode=full.allocated if full else None,
        unknown=sorted({*unknown, *found.unknown}),
        sources=_sources(world, picked),
    )
    download = None
    if total is not None:
        download = Download(upstream=total, served=total, files=len(picked))
    return Sizes(parts, download, full if compiled else bare)


def size_of(world: World, picked: Picked) -> int | None:
    """Bytes that its file has, None if that is not known."""
    if picked.file.size is not None:
        return picked.file.size
    return getattr(world.facts(picked.file), "size", None)


def _sources(world: World, picked: Sequence[Picked]) -> list[str]:
    """Where the numbers come from, each kind once."""
    said = {
        f"{what}: {where}"
        for one in picked
        if (facts := world.wheel(one.file)) is not None
        for what, where in facts.sources.items()
        if what != "metadata"
    }
    return sorted(said)
