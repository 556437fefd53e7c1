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
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envcheck.index.pages import normalized
from envcheck.predict.environment import marker_environment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envcheck.model.target import Target

LONGEST = 8192  # characters of one requirement; the longest known has a third
MOST = 10_000  # requirements of one distribution; the most known are a tenth
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_ONE = r"(?:[<>=!~]=|[<>])[ \t]*[A-Za-z0-9._*+!-]+[ \t]*"
_ALL = rf"{_ONE}(?:,[ \t]*{_ONE})*"
#: Nearly all that are read; what does not look like it is left to packaging. Blanks are matched in
#: one way only, or it would take the square of their number.
_SIMPLE = re.compile(
    rf"[ \t]*({_NAME})[ \t]*(?:\[({_NAME}(?:,[ ]?{_NAME})*)\][ \t]*)?"
    rf"(?:\(({_ALL})\)[ \t]*|({_ALL}))?(?:;(.*))?",
    re.ASCII | re.DOTALL,
)
_EXTRA = re.compile(r"\bextra\s*(?:==|in)\s*[\"']([^\"']*)[\"']|[\"']([^\"']*)[\"']\s*==\s*extra\b")
_ALSO_WITHOUT = re.compile(r"\b(?:or|not|in)\b|!=")  # … that extra, perhaps: "" is in any text
_HEADER = re.compile(r"([!-9;-~]*):(.*)", re.DOTALL)


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
        count = 0
        for key, value in headers(text):
            if key == "requires-dist":
                count += 1
                if count > MOST:
                    self.unread.append(f"more than {MOST:,} requirements")
                    break
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
        if len(value) <= LONGEST and (found := _EXTRA.findall(value)):
            words = (word for pair in found for text in pair for word in re.split(r"[\s,|]+", text))
            self._by_extra.append((frozenset(map(normalized, words)), value))
            if not _ALSO_WITHOUT.search(value.partition(";")[2]):
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
    """Keys, in lower case, and values of the headers, continued lines joined: as `email` does it,
    with which pip reads them.
    """
    key, parts = "", [""]
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line[:1] in (" ", "\t"):  # continued, even if there is nothing else in it: RFC 5322
            parts.append(line.strip())
            continue
        if key:
            yield key, " ".join(parts)
        match = _HEADER.fullmatch(line)
        if match is None:  # the end, be it empty or not
            return
        key, parts = match[1].lower(), [match[2].strip()]
    if key:
        yield key, " ".join(parts)


@lru_cache(maxsize=1 << 16)
def parse(line: str) -> Requirement:
    """One requirement. Raises ValueError."""
    if len(line) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST:,} characters")
    match = _SIMPLE.fullmatch(line)
    if match:
        name, extras, in_brackets, bare, marker = match.groups()
        specifier = (in_brackets or bare or "").replace(" ", "").replace("\t", "")
        if _is_specifier(specifier):
            if marker is not None:
                _marker(marker.strip())
            return Requirement(normalized(name), _extras(extras), specifier, (marker or "").strip())
    try:
        written = Written(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
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
    return tuple(sorted({normalized(one.strip()) for one in text.split(",")})) if text else ()


@lru_cache(maxsize=1 << 14)
def _is_specifier(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


@lru_cache(maxsize=4096)
def _marker(text: str) -> Marker:
    """Raises ValueError."""
    try:
        return Marker(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
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
    except (ValueError, KeyError, TypeError, RecursionError):
        return True
