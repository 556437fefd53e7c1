"""The disk that a predicted cell would take, as a run measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.model.cell import Usage
    from envcheck.model.matrix import Cell
    from envcheck.predict.judgement import Judgement
    from envcheck.predict.world import World


def usage(world: World, judgement: Judgement, cell: Cell) -> Usage | None:
    """None if it is not known of everything: something is built, or a directory was not read."""
    from envcheck.predict.disk import estimate

    closure = []
    for picked in judgement.actual.picked.values():
        facts = world.wheel(picked.file) if picked.choice.kind != "sdist" else None
        if facts is None or facts.contents is None:
            return None
        closure.append((picked.file, facts))
    requested = tuple(subject.project.name for subject in judgement.subjects)
    found = estimate(closure, judgement.target, installer=cell.installer, requested=requested)
    compiled = cell.installer == "pip" or cell.steps.bytecode == "compiled"
    return found.usage(bytecode=compiled)
