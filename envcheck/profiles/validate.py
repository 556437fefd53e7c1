"""From a TOML table to a profile as written: every problem at once, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.model.finding import Anchor
from envcheck.model.profile import KINDS, Placed, ProfileDocument, WaiverEntry, WaiverRule
from envcheck.profiles.syntax import problems_of
from envcheck.tomlfile import Places, printable
from envcheck.tomltable import Locate, Tables, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST = 2000  # requirements in one file
#: what the patterns in ``model/profile.py`` ask for, by key
FORMS = {
    "code": "no code such as `GPU101`, nor the beginning of some, such as `GPU`",
    "reason": "empty: a waiver needs a reason",
    "id": "no id: letters, digits, `.`, `_` and `-`, at most 100",
    "name": "no name: letters, digits, `.`, `_` and `-`, at most 100",
}


class Written(NamedTuple):
    """One file's profile: nothing of the profiles that it extends."""

    document: ProfileDocument
    requirements: tuple[Placed, ...]
    waivers: tuple[WaiverRule, ...]
    lines: Mapping[str, int]


class Reader:
    """Reads one profile table. ``prefix``: where it stands, e.g. in ``tool.envcheck.profile``."""

    def __init__(self, text: str, path: str, prefix: tuple[str, ...] = ()) -> None:
        self.path = path
        self.prefix = prefix
        self.places = Places(text)
        self.tables = Tables(FORMS)
        self.problems = self.tables.problems
        self._header = next(iter(self.places.headers(*prefix)), 0) if prefix else 0

    def read(self, table: Mapping[str, Any]) -> Written | None:
        """The profile, or None and ``problems``."""
        lists = {name: value for name, value in table.items() if name in KINDS or name == "waiver"}
        rest = {name: value for name, value in table.items() if name not in lists}
        document = self.tables.struct(
            ProfileDocument, rest, "", self._line, elsewhere={*KINDS, "waiver"}
        )
        requirements, waivers = [], []
        for name, entries in lists.items():
            for entry, line, where in self._entries(name, entries):
                anchor = Anchor(self.path, line)
                locate = self._locate_in(line, name)
                if name == "waiver":
                    waiver = self.tables.struct(WaiverEntry, entry, where, locate)
                    waivers += [_rule(waiver, anchor)] if waiver is not None else []
                elif (written := self.tables.struct(KINDS[name], entry, where, locate)) is not None:
                    requirements.append(Placed(name, written, anchor))
                    self._check_meaning(requirements[-1], entry, where, locate)
        self._check_ids(requirements)
        if self.problems or document is None:
            return None
        lines = {name: self._line(name) for name in rest}
        return Written(document, tuple(requirements), tuple(waivers), lines)

    def _entries(self, name: str, entries: object) -> Iterator[tuple[dict[str, Any], int, str]]:
        """The tables of one kind: (table, its line, how messages call it)."""
        line = self._line(name)
        if not isinstance(entries, list):
            self.tables.problem(
                line, f"`{name}`", f"no array of tables: write `[[{self._dotted(name)}]]`"
            )
            return
        if len(entries) > MOST:
            self.tables.problem(
                line, f"`{name}`", f"has {len(entries)} entries; at most {MOST} are read"
            )
            return
        headers = self.places.headers(*self.prefix, name)
        for number, entry in enumerate(entries, 1):
            at = headers[number - 1] if len(headers) == len(entries) else line
            where = f"[[{self._dotted(name)}]] number {number}"
            if isinstance(entry, dict):
                yield entry, at, where
            else:
                self.tables.problem(at, where, "no table")

    def _check_meaning(
        self, placed: Placed, entry: Mapping[str, Any], where: str, locate: Locate
    ) -> None:
        """What types cannot say, about the keys whose type was right."""
        wrong = {problem.where for problem in self.problems}
        any_wrong = any(place_of(where, printable(key)) in wrong for key in entry)
        for key, what in problems_of(placed.kind, placed.written):
            place = place_of(where, key)
            if place not in wrong and (key in entry or not any_wrong):
                self.tables.problem(locate(key), place, what)

    def _check_ids(self, requirements: list[Placed]) -> None:
        first: dict[str, Placed] = {}
        for placed in requirements:
            if placed.id is None:
                continue
            if (earlier := first.setdefault(placed.id, placed)) is not placed:
                what = f"`{placed.id}` is taken by line {earlier.anchor.line}; an id stands once"
                where = place_of(f"[[{self._dotted(placed.kind)}]]", "id")
                self.tables.problem(placed.anchor.line, where, what)

    def _dotted(self, name: str) -> str:
        return ".".join((*self.prefix, name))

    def _line(self, key: str) -> int:
        """The line of a key (or of the first table) directly in the profile."""
        headers = self.places.headers(*self.prefix, key)
        return headers[0] if headers else self.places.key(self._header, key)

    def _locate_in(self, header: int, name: str) -> Locate:
        has_header = header in self.places.headers(*self.prefix, name)
        return lambda key: self.places.key(header, key) if key and has_header else header


def _rule(waiver: WaiverEntry, anchor: Anchor) -> WaiverRule:
    expires = waiver.expires.isoformat() if waiver.expires else ""
    return WaiverRule(waiver.code, waiver.reason, waiver.subject, expires, anchor)
