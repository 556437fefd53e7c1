"""What following an import comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from envcheck.predict.loading import Lack

Kind = Literal["library", "object", "module"]


class Search(NamedTuple):
    """Something that was looked for and is not there: a library by name, an object that does not
    load, a module. ``place``: the module that looked.
    """

    kind: Kind
    name: str
    place: str
    lacks: tuple[Lack, ...] = ()


class Outcome(NamedTuple):
    """``works``: None if it cannot be told. ``searches``: in vain, on the way to the failure."""

    works: bool | None
    text: str = ""
    searches: tuple[Search, ...] = ()
    module: str = ""  # in which it fails
    reached: frozenset[str] = frozenset()  # extension modules that were loaded on the way
