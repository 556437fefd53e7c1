"""Two questions about one environment as one."""

from __future__ import annotations

import re

from msgspec.structs import replace

from envcheck.index.pages import normalized
from envcheck.model.matrix import Index
from envcheck.predict.inputs.asked import Asked, Need, Pin

_NAME = re.compile(r"[\s\[<>=!~;@(]")
NOTHING = Asked(kind="", path="")


def both(first: Asked, second: Asked) -> Asked:
    """What both ask: two commands of a Dockerfile. Of what only one can say, the second counts."""
    if first is NOTHING or second is NOTHING:
        return first if second is NOTHING else second
    locked = first.locked or second.locked
    first, second = _apart(first, second)
    return Asked(
        kind=second.kind or first.kind,
        path=second.path or first.path,
        requirements=_distinct(first.requirements, second.requirements),
        constraints=_distinct(first.constraints, second.constraints),
        hashes={**first.hashes, **second.hashes},
        pins=_pins(first, second),
        roots=[*_roots(first), *_roots(second)] if locked else None,
        locked=locked,
        extras=tuple(_distinct(first.extras, second.extras)),
        groups=tuple(_distinct(first.groups, second.groups)),
        requires_python=second.requires_python or first.requires_python,
        environments=second.environments or first.environments,
        index=_index(first.index, second.index),
        indexes={**first.indexes, **second.indexes},
        notes=_distinct(first.notes, second.notes),
    )


def _apart(first: Asked, second: Asked) -> tuple[Asked, Asked]:
    """Both without main indexes of their own, if these differ: then what each names comes from its
    own one, and what that needs from any of them.
    """
    urls = (first.index.url, second.index.url)
    if urls[0] == urls[1] or not all(one.requirements or one.pins for one in (first, second)):
        return first, second
    return _own(first), _own(second)


def _own(asked: Asked) -> Asked:
    index = asked.index
    if not index.url:
        return asked
    names = [normalized(_NAME.split(text, maxsplit=1)[0]) for text in asked.requirements]
    return replace(
        asked,
        index=replace(index, url="", extra_urls=_distinct([index.url], index.extra_urls)),
        indexes={**dict.fromkeys(names, index.url), **asked.indexes},
    )


def _distinct(first: list[str] | tuple[str, ...], second: list[str] | tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def _pins(first: Asked, second: Asked) -> list[Pin]:
    """One lock may be installed by two commands."""
    found = {
        (pin.name, pin.version, pin.index, pin.marker, pin.place): pin
        for pin in [*first.pins, *second.pins]
    }
    return list(found.values())


def _roots(asked: Asked) -> list[Need]:
    """Where a walk over the pins begins; those that are no graph are all roots."""
    if asked.roots is not None:
        return asked.roots
    return [
        Need(pin.name, (pin.version,) if pin.version else (), marker=pin.marker, index=pin.index)
        for pin in asked.pins
    ]


def _index(first: Index, second: Index) -> Index:
    return Index(
        url=second.url or first.url,
        extra_urls=_distinct(first.extra_urls, second.extra_urls),
        find_links=_distinct(first.find_links, second.find_links),
        pre=first.pre or second.pre,
        exclude_newer=second.exclude_newer or first.exclude_newer,
        only_binary=_distinct(first.only_binary, second.only_binary),
        no_binary=_distinct(first.no_binary, second.no_binary),
    )
