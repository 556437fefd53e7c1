"""Targets that exist, for predictions: images, environments, other machines, saved fact sheets.

The agent looks into them as for ``envcheck facts``. An image that stands for an os by a setting may
be anything: if the engine has it, it is looked into once.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

import envcheck
from envcheck.errors import DataError, TargetError
from envcheck.index import kept
from envcheck.model.target import Target

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

#: kind of a place, as in ``image:mine:1`` -> the option of ``targets.choose`` that looks there
PLACES = {
    "image": "image",
    "container": "container",
    "ssh": "ssh",
    "venv": "venv",
    "interpreter": "python",
    "facts": "facts",
}
_PATIENCE = 30.0  # seconds for all of it


def is_place(word: str) -> bool:
    """Whether it names something that exists, to be looked into."""
    kind, separator, _ = word.partition(":")
    return bool(separator) and kind in PLACES


def named(
    words: Iterable[str],
    pythons: Iterable[str] = (),
    systems: Iterable[str] = (),
    *,
    today: dt.date,
) -> list[Target]:
    """As ``targets.parse_all``, of words that may be lists with commas or places; these come last.

    Raises UsageError, and TargetError or DataError for what cannot be looked into.
    """
    from envcheck.predict.targets import parse_all

    said = list(words)
    plain = [one for word in said if not is_place(word) for one in word.split(",") if one.strip()]
    found = parse_all(plain, pythons, systems, today=today) if plain or pythons else []
    return [*found, *_distinct([_place(word) for word in said if is_place(word)])]


def _place(word: str) -> Target:
    from envcheck.predict.examined import of_facts
    from envcheck.targets import choose
    from envcheck.targets.base import AgentRequest

    kind, _, value = word.partition(":")
    name = os.path.basename(os.path.normpath(value)) if kind in ("facts", "venv") else value
    place = choose(**{PLACES[kind]: value})
    sheet = place.start(AgentRequest(timeout=_PATIENCE)).finish()
    return of_facts(sheet, name.removesuffix(".json") if name.isprintable() else kind)


def _distinct(found: Sequence[Target]) -> list[Target]:
    """With ids that differ."""
    ids = [target.id for target in found]
    numbers = [ids[: n + 1].count(id_) for n, id_ in enumerate(ids)]
    return [
        target if number == 1 else target._replace(id=f"{target.id} ({number})")
        for target, number in zip(found, numbers, strict=True)
    ]


def by_engine(cache: str) -> Callable[[str], Target | None]:
    """For ``targets.of_cell``: the target that an image is, by its reference; None if it is not
    here, no engine answers, or it has no Python. ``cache``: a directory, where it is kept.
    """
    known: dict[str, Target | None] = {}

    def examined(reference: str) -> Target | None:
        if reference not in known:
            known[reference] = _examined(reference, cache)
        return known[reference]

    return examined


def _examined(reference: str, cache: str) -> Target | None:
    identity = _identity(reference)
    if not identity:
        return None
    key = f"{identity} {reference} {envcheck.__version__}"
    file = os.path.join(cache, "images", hashlib.sha256(key.encode()).hexdigest())
    if content := kept.read(file):
        try:
            return msgspec.json.decode(content, type=Target)
        except msgspec.MsgspecError:
            pass  # of another version that called itself the same
    target = _look(reference)
    if target is not None:
        kept.write(file, msgspec.json.encode(target))
    return target


def _identity(reference: str) -> str:
    """The image's own digest; empty without one, or without an engine."""
    from envcheck.targets import engine

    try:
        with closing(engine.connect(_PATIENCE)) as client:
            return str(client.images.get(reference).id or "")
    except Exception:  # whatever is wrong with it: nothing is known then
        return ""


def _look(reference: str) -> Target | None:
    from envcheck.predict.examined import of_facts
    from envcheck.targets.base import AgentRequest
    from envcheck.targets.image import Image

    try:
        running = Image(reference).start(AgentRequest(timeout=_PATIENCE))
        with closing(running.client):
            return of_facts(running.finish())
    except (TargetError, DataError):
        return None
