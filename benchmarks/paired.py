"""What one program costs more than another, from runs that alternated."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    #: Seconds per step: an outer entry for each round (fresh processes), an inner one for each
    #: timed block. Blocks of the same number ran beside each other.
    Rounds = Sequence[Sequence[float]]


class Overhead(NamedTuple):
    """Seconds per step over the plain program, and ``share``, the same over its median.

    ``typical``: the median over rounds of each round's median of paired differences. ``low`` and
    ``high``: the smallest and largest of these medians. ``least``: between the smallest times.
    """

    typical: float
    low: float
    high: float
    least: float
    share: float


def overhead(plain: Rounds, other: Rounds) -> Overhead:
    """Compare block by block, so that what slowed both down cancels. Raises ValueError if unpaired.

    Rounds, not blocks, are the sample: where the linker and the allocator put things is drawn once
    for each process and moves all its blocks alike.
    """
    medians = [
        statistics.median(b - a for a, b in zip(before, after, strict=True))
        for before, after in zip(plain, other, strict=True)
    ]
    typical = statistics.median(medians)
    smallest = min(map(min, other)) - min(map(min, plain))
    return Overhead(typical, min(medians), max(medians), smallest, typical / middle(plain))


def middle(rounds: Rounds) -> float:
    """The median of all blocks, seconds per step."""
    return statistics.median(value for blocks in rounds for value in blocks)


def confidence(rounds: int) -> float:
    """How surely the range of ``rounds`` medians holds the median that more rounds would find.

    Free of any distribution: it misses only if all of them lie on the same side (David, Nagaraja:
    Order Statistics, 7.1).
    """
    return 1 - 2.0 ** (1 - rounds)


def order(names: Sequence[str], turn: int) -> list[str]:
    """The order of turn ``turn``: each name is first equally often, and each follows each."""
    start = turn % len(names)
    rotated = [*names[start:], *names[:start]]
    return rotated if turn // len(names) % 2 == 0 else rotated[::-1]
