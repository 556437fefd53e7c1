"""Whether a target takes exactly the wheels of some tags, in their order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from envcheck.predict.tags import ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.target import Target


def differences(target: Target, expected: Sequence[str]) -> list[str]:
    """What is amiss; ``expected``: ``cp312-cp312-manylinux_2_36_x86_64`` …, best first."""
    order = ranks(target)
    places = [(tag, order.rank(f"x-1-{tag}.whl")) for tag in expected]
    found = [f"{tag} is not taken" for tag, place in places if place is None]
    known = [(place, tag) for tag, place in places if place is not None]
    for (one, tag), (other, after) in pairwise(known):
        if not one < other:
            found.append(f"{tag} does not come before {after}")
    every = len(order._pairs) * len(order.platforms) + len(order._generic)
    if every != len(set(expected)):
        found.append(f"{every} tags are taken, {len(set(expected))} are expected")
    return found
