"""What following an import comes to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from envcheck.predict.loading import Lack

_FOREIGN = re.compile(r"\.dll$|\.dylib$|\\|^lib.*-\d+$")  # names on other systems

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

    def libraries(self) -> list[str]:
        """Libraries that were looked for: the last one and other spellings of it, those of other
        systems left out.
        """
        names = list(dict.fromkeys(one.name for one in self.searches if one.kind != "module"))
        alike = [name for name in names if stem(name) == stem(names[-1])]
        return [name for name in alike if not _FOREIGN.search(name)] or alike


def stem(name: str) -> str:
    """What spellings of a library have in common: ``magic`` of ``libmagic.so.1``."""
    bare = re.split(r"[/\\]", name)[-1].lower().removeprefix("lib")
    return re.sub(r"[-_.]?\d.*$", "", re.split(r"\.(?:so|dll|dylib)", bare)[0])
