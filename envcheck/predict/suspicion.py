"""Which wheels of a closure give reason to follow their imports, read within limits of bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.predict.import_findings import for_any
from envcheck.predict.imports.site import ASIDE
from envcheck.predict.imports.sources import removed
from envcheck.predict.loading import leaf

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from envcheck.predict.imports.site import Site
    from envcheck.predict.loading import Loader

_WORDS = re.compile(rb"find_library|\bdlopen\b|\bCDLL\b|\bLoadLibrary\b|\bcdll\b")
_IMPORTS = re.compile(rb"^(?:import|from)[ \t]+([\w.]+)", re.MULTILINE)
_READ = 2 << 20  # bytes of a wheel's sources, as they are unpacked, that are searched for words
_ASKED, _OTHER = 40 << 20, 16 << 20  # bytes of objects of wheels asked for, and of others
_SLACK, _HEADER = 512 << 10, 512  # bytes besides: of a wheel, of a member
_FEW = 3  # objects of a wheel for any platform that are read


class Suspicion:
    """Looks into wheels, a few bytes of each."""

    def __init__(self, site: Site, loader: Loader) -> None:
        self.site, self.loader = site, loader

    def share(self, numbers: Sequence[int], asked: Collection[str]) -> None:
        """Bytes for each wheel: sources first, then objects, those of small wheels before others.

        So that it does not depend on threads what is seen.
        """
        left = self.site.wheel(numbers[0]).left if numbers else 0
        shares = dict.fromkeys(numbers, 0)
        for number in numbers:
            shares[number] = min(left, sum(map(self.site.size, self._near(number))) + _SLACK)
            left -= shares[number]
        objects = {
            one: sum(self.site.size(path) + _HEADER for path in self.site.objects(one))
            for one in numbers
        }
        first = [one for one in numbers if self.site.artefacts[one].name in asked]
        others = sorted(set(numbers) - set(first), key=lambda one: (objects[one], one))
        for number in (*first, *others):
            share = min(_ASKED if number in first else _OTHER, objects[number], left)
            shares[number] += share
            left -= share
        for number, share in shares.items():
            wheel = self.site.wheel(number)
            wheel.allow(wheel.spent + share)

    def of(self, number: int) -> list[str] | None:
        """Objects of a wheel that do not load; None if nothing gives reason to look closer."""
        broken = self._broken(number)
        return broken if broken or self._mentions(number) else None

    def _broken(self, number: int) -> list[str]:
        """Shared objects of a wheel that do not load by themselves; the small ones first."""
        objects = self.site.objects(number)
        if for_any(self.site.artefacts[number]):  # it has them for several platforms, or by mistake
            objects = objects[:_FEW]
        self.site.ahead(number, objects)
        return [
            path
            for path in objects
            if ".libs/" not in path
            and not leaf(path.rpartition("/")[2])
            and self.loader.lacks(path)
        ]

    def _mentions(self, number: int) -> bool:
        """Whether the sources near the top look for libraries, or import what is gone."""
        wheel = self.site.artefacts[number]
        contents = wheel.facts.contents
        if contents is not None and not contents.python:
            return False
        sources = self.site.sources(number, self._near(number))
        gone = self._gone()
        return any(
            _WORDS.search(text) or not gone.isdisjoint(_IMPORTS.findall(text))
            for text in sources.values()
        )

    def _near(self, number: int) -> list[str]:
        """The sources that are searched: those nearest to the top."""
        files = self.site.files(number)
        if not files:
            return []
        members = self.site.wheel(number).members()
        paths = [path for path in files if path.endswith(".py") and not ASIDE.search(path)]
        paths.sort(key=lambda path: (path.count("/"), members[files[path].member].offset))
        chosen, size = [], 0
        for path in paths:
            size += members[files[path].member].size
            if size > _READ:
                break
            chosen.append(path)
        return chosen

    def _gone(self) -> set[bytes]:
        names = {*removed(self.loader.target.version), *self.loader.image.modules}
        return {name.encode() for name in names if not self.site.holders(name)[0]}
