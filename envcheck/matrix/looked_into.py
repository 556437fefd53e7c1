"""What images of this machine are, for predictions: each is looked into once.

An image that stands for an os by a setting may be anything. If the engine has it, the agent looks
into it as for ``envcheck facts --image``: without a network, and nothing of a package is there.
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
    from collections.abc import Callable

_PATIENCE = 30.0  # seconds for all of it


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
