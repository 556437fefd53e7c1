"""Requirements that contradict each other, from the resolver's proof to a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.model.prediction import Blocker
from envcheck.predict.resolver import ROOT, facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.target import Target
    from envcheck.predict.closure import Closure
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.resolver import Node, Term
    from envcheck.predict.world import World

_SHOWN = 3


def conflict(
    world: World, target: Target, requirements: Sequence[Requirement], closure: Closure
) -> Blocker:
    """The contradiction that ``closure`` of ``requirements`` met: who wants what of the project on
    which they do not agree.
    """
    subject = requirements[0]
    if closure.proof is None:
        said = closure.unread[-1] if closure.unread else "it was given up"
        return Blocker(name=subject.name, requirement=subject.text, kind="unknown", sentence=said)
    rests = facts(closure.proof, lambda item: len(item.terms) > 1)
    wants: dict[str, list[tuple[Node, Term, Term]]] = {}
    for item in rests:
        who = next((node for node, said in item.terms.items() if said.positive), ROOT)
        for node, term in item.terms.items():
            if not term.positive and node != who:
                wants.setdefault(node[0], []).append((who, item.terms.get(who, term), term))
    wants.pop("", None)
    name = max(wants, key=lambda one: len({w[0][0] for w in wants[one]}), default="")
    if not name:
        return Blocker(
            name=subject.name,
            requirement=subject.text,
            kind="conflict",
            sentence=f"no releases of what {subject.text} needs fit together",
        )
    own = [f"you ask for {one.text}" for one in requirements if one.name == name]
    others = [_wants(world, target, name, *want) for want in wants[name] if want[0] != ROOT]
    distinct = list(dict.fromkeys((*own, *others)))
    rest = f" and {len(distinct) - _SHOWN} more" if len(distinct) > _SHOWN else ""
    return Blocker(
        name=name,
        requirement=name,
        kind="conflict",
        sentence=f"no release of {name} fits all: {'; '.join(distinct[:_SHOWN])}{rest}",
    )


def _wants(world: World, target: Target, name: str, who: Node, selected: Term, term: Term) -> str:
    """In the words of its metadata; else which releases would do, of those that were considered."""
    parent = world.project(who[0])
    title = f"{who[0]} {_range(parent.versions, selected.mask)}"
    metadata = world.required_by(parent, selected.mask.bit_length() - 1, target).metadata
    said = [one.text for one in metadata.required(target, who[1]) if one.name == name]
    return f"{title} needs {', '.join(said) or _range(world.project(name).versions, term.mask)}"


def _range(versions: list, mask: int) -> str:  # type: ignore[type-arg]
    """Releases in few words: the only one, or from the oldest to the newest of them."""
    if not mask:
        return "of no release that there is"
    newest = mask.bit_length() - 1
    oldest = (mask & -mask).bit_length() - 1
    if newest == oldest:
        return f"{versions[newest]}"
    if newest == len(versions) - 1:
        return f">={versions[oldest]}"
    if oldest == 0:
        return f"<={versions[newest]}"
    return f"{versions[oldest]} to {versions[newest]}"
