"""Whether a wheel's tag fits the target, from the tags that the agent observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envcheck.model.reading import strings

if TYPE_CHECKING:
    from envcheck.checks.base import Context


class Supported(NamedTuple):
    """What the target supports: ``pairs`` of interpreter and ABI that go with every one of
    ``platforms``, and ``generic`` pairs for wheels that go with any platform.
    """

    pairs: frozenset[str]
    generic: frozenset[str]
    platforms: frozenset[str]


def supported(context: Context) -> Supported:
    """The target's tags. Raises UnknownFact where they could not be observed."""
    pairs = strings(context["interpreter.tags"])
    platforms = strings(context["host.tags"])
    generic = {pair[: -len("-any")] for pair in pairs if pair.endswith("-any")}
    return Supported(
        frozenset(pair for pair in pairs if pair.count("-") == 1),
        frozenset(generic),
        frozenset(platforms),
    )


def fits(tag: str, target: Supported) -> bool | None:
    """Whether one of the tags in ``tag`` (``py2.py3-none-any``) fits; None if it is none."""
    parts = tag.split("-")
    if len(parts) != 3 or len(tag) > 2000 or not all(parts):
        return None
    interpreters, abis, platforms = (part.lower().split(".") for part in parts)
    pairs = {f"{interpreter}-{abi}" for interpreter in interpreters for abi in abis}
    if "any" in platforms and not pairs.isdisjoint(target.generic):
        return True
    return not pairs.isdisjoint(target.pairs) and not target.platforms.isdisjoint(platforms)
