"""Which extras and dependency groups of a project are asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envcheck.errors import UsageError, did_you_mean
from envcheck.index.pages import normalized
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ALL = ":all:"


class Choice(NamedTuple):
    """Normalized names."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def choose(
    shown: str,
    extras: Sequence[str],
    groups: Sequence[str],
    offered_extras: Collection[str],
    offered_groups: Collection[str],
) -> Choice:
    """What is asked for of what the file has; ``:all:`` is all of it. Raises UsageError."""
    return Choice(
        _named(shown, "extra", extras, offered_extras),
        _named(shown, "group", groups, offered_groups),
    )


def _named(
    shown: str, what: str, words: Sequence[str], offered: Collection[str]
) -> tuple[str, ...]:
    known = sorted(map(normalized, offered))
    if ALL in words:
        return tuple(known)
    chosen = tuple(dict.fromkeys(map(normalized, words)))
    for word in chosen:
        if word not in known:
            near = did_you_mean(word, known)
            raise UsageError(
                f"{printable(shown)} has no {what} `{printable(word)}`{near}",
                hint=f"it has {', '.join(known)}" if known else f"it has no {what} at all",
            )
    return chosen
