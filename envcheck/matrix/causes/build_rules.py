"""What builds write when they fail: rules as data, each with the tool that it was seen with."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from envcheck.knowledge import table

_LONGEST = 2000  # characters of a line that are looked at


class Rule(NamedTuple):
    """``kind``: what a match is about; ``building`` makes the sentence of it."""

    order: int
    kind: str
    pattern: re.Pattern[str]


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """All of them."""
    found = table("build_failures")
    compiler = found["compiler"]
    return tuple(
        Rule(row["order"], row["kind"], re.compile(row["pattern"].replace("@compiler@", compiler)))
        for row in found["rows"]
    )


def last(lines: list[str]) -> tuple[Rule, re.Match[str]] | None:
    """The rule that decides for these lines, and its match.

    It is the last line that one matches: a build tries things that fail on its way, and that is
    not why it fails.
    """
    shortened = [text[:_LONGEST] for text in lines]
    for order in (0, 1, 2):
        some = [rule for rule in rules() if rule.order == order]
        for text in reversed(shortened):
            for rule in some:
                if match := rule.pattern.search(text):
                    return rule, match
    return None
