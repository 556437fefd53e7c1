"""What a distribution requires on a target, from the headers of its METADATA.

METADATA of big projects has hundreds of requirements, nearly all for extras that nobody asked for:
those are told by a look at their text, and what is parsed is parsed once for all wheels.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Written

from envcheck.index.pages import normalized
from envcheck.predict.environment import marker_environment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.model.target import Target

_SIMPLE = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([A-Za-z0-9._, -]*)\])?"
    r"\s*\(?\s*((?:(?:[<>=!~]=|[<>]|===)\s*[A-Za-z0-9._*+!-]+\s*,?\s*)*)\)?\s*(?:;(.*))?",
    re.DOTALL,
)
_EXTRA = re.compile(r"\bextra\s*(?:==|in)\s*[\"']([^\"']*)[\"']|[\"']([^\"']*)[\"']\s*==\s*extra")


class Requirement(NamedTuple):
    """One line. ``name`` and ``extras`` are normalized; ``url``: of a direct reference."""

    name: str
    extras: tuple[str, ...] = ()
    specifier: str = ""
    marker: str = ""
    url: str = ""

    @property
    def text(self) -> str:
        """As a person reads it, without its marker."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}{self.specifier}"


class Metadata:
    """Headers of one METADATA or PKG-INFO."""

    def __init__(self, text: str) -> None:
        self.unread: list[str] = []  # requirements that cannot be read
        self.extras: list[str] = []
        self._always: list[Requirement] = []
        self._by_extra: list[tuple[frozenset[str], str]] = []
        for key, value in headers(text):
            if key == "requires-dist":
                self._line(value)
            elif key == "provides-extra":
                self.extras.append(normalized(value.strip()))

    def required(self, target: Target, extra: str = "") -> list[Requirement]:
        """What is needed there: without ``extra`` always, with it for that extra alone."""
        if not extra:
            return [one for one in self._always if applies(one.marker, target)]
        found = []
        for names, line in self._by_extra:
            if extra in names:
                one = self._parsed(line)
                if one and applies(one.marker, target, extra) and not applies(one.marker, target):
                    found.append(one)
        return found

    def _line(self, value: str) -> None:
        named = frozenset(normalized(a or b) for a, b in _EXTRA.findall(value))
        if named:
            self._by_extra.append((named, value))
            marker = value.partition(";")[2]
            if " or " not in marker and "!=" not in marker:
                return
        if one := self._parsed(value):
            self._always.append(one)

    def _parsed(self, line: str) -> Requirement | None:
        try:
            return parse(line)
        except ValueError:
            self.unread.append(line.strip()[:200])
            return None


def headers(text: str) -> Iterable[tuple[str, str]]:
    """Keys, in lower case, and values of the headers, continued lines joined."""
    key, value = "", ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):  # continued, even if there is nothing else in it: RFC 5322
            value += f" {line.strip()}"
            continue
        if key:
            yield key, value
            key = ""
        if not line.strip():
            return
        name, colon, rest = line.partition(":")
        if colon:
            key, value = name.strip().lower(), rest.strip()
    if key:
        yield key, value


@lru_cache(maxsize=1 << 16)
def parse(line: str) -> Requirement:
    """One requirement. Raises ValueError."""
    match = _SIMPLE.fullmatch(line)
    if match:
        name, extras, specifier, marker = match.groups()
        if marker is not None:
            _marker(marker.strip())
        specifier = specifier.replace(" ", "").strip(",")
        return Requirement(normalized(name), _extras(extras), specifier, (marker or "").strip())
    try:
        written = Written(line)
    except InvalidRequirement as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return Requirement(
        normalized(written.name),
        tuple(sorted(map(normalized, written.extras))),
        str(written.specifier),
        str(written.marker or ""),
        written.url or "",
    )


def _extras(text: str | None) -> tuple[str, ...]:
    return tuple(sorted(normalized(one.strip()) for one in (text or "").split(",") if one.strip()))


@lru_cache(maxsize=4096)
def _marker(text: str) -> Marker:
    """Raises ValueError."""
    try:
        return Marker(text)
    except ValueError as error:
        raise ValueError(str(error).splitlines()[0]) from error


@lru_cache(maxsize=1 << 16)
def applies(marker: str, target: Target, extra: str = "") -> bool:
    """Whether a marker holds there; one that cannot be compared holds, as nothing says it does
    not.
    """
    if not marker:
        return True
    try:
        return _marker(marker).evaluate({**marker_environment(target), "extra": extra})
    except (ValueError, KeyError, TypeError):
        return True
