"""From a TOML table to a profile as written: every problem at once, each with its place.

msgspec stops at the first thing that is wrong, so it is asked about one value at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from envcheck.errors import did_you_mean
from envcheck.model.finding import Anchor
from envcheck.model.profile import KINDS, Placed, ProfileDocument, WaiverEntry, WaiverRule
from envcheck.profiles.syntax import problems_of
from envcheck.tomlfile import Places, printable

S = TypeVar("S", bound=msgspec.Struct)
Locate = Callable[[str], int]  # key of a table -> its line
MOST = 2000  # requirements in one file


class Problem(NamedTuple):
    """Something wrong in a file. ``where`` names table and key."""

    line: int
    where: str
    what: str


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
        self.problems: list[Problem] = []
        self._header = next(iter(self.places.headers(*prefix)), 0) if prefix else 0

    def read(self, table: Mapping[str, Any]) -> Written | None:
        """The profile, or None and ``problems``."""
        lists = {name: value for name, value in table.items() if name in KINDS or name == "waiver"}
        rest = {name: value for name, value in table.items() if name not in lists}
        document = self._struct(ProfileDocument, rest, "", self._line)
        requirements, waivers = [], []
        for name, entries in lists.items():
            for entry, line, where in self._entries(name, entries):
                anchor = Anchor(self.path, line)
                locate = self._locate_in(line, name)
                if name == "waiver":
                    waiver = self._struct(WaiverEntry, entry, where, locate)
                    waivers += [_rule(waiver, anchor)] if waiver is not None else []
                elif (written := self._struct(KINDS[name], entry, where, locate)) is not None:
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
            self._problem(
                line, f"`{name}`", f"no array of tables: write `[[{self._dotted(name)}]]`"
            )
            return
        if len(entries) > MOST:
            self._problem(line, f"`{name}`", f"has {len(entries)} entries; at most {MOST} are read")
            return
        headers = self.places.headers(*self.prefix, name)
        for number, entry in enumerate(entries, 1):
            at = headers[number - 1] if len(headers) == len(entries) else line
            where = f"[[{self._dotted(name)}]] number {number}"
            if isinstance(entry, dict):
                yield entry, at, where
            else:
                self._problem(at, where, "no table")

    def _struct(
        self, struct: type[S], table: Mapping[str, Any], where: str, locate: Locate
    ) -> S | None:
        """``table`` as a struct of what is right in it; None if something required is not there."""
        fields = _fields(struct)
        lists = {*KINDS, "waiver"} if issubclass(struct, ProfileDocument) else set()
        own = {name: part for name, part in fields.items() if name not in lists}
        values = {}
        for key, value in table.items():
            place = _place(where, printable(key))
            if key not in own:
                self._problem(locate(key), place, f"not known{did_you_mean(key, fields)}")
                continue
            try:
                values[key] = msgspec.convert(value, own[key].type)
            except (msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
                self._problem(locate(key), place, _explain(error, key, value, own[key].type))
        for name, part in own.items():
            if part.required and name not in table:
                self._problem(locate(""), where, f"must have the key `{name}`")
        complete = all(name in values for name, part in own.items() if part.required)
        return struct(**values) if complete else None

    def _check_meaning(
        self, placed: Placed, entry: Mapping[str, Any], where: str, locate: Locate
    ) -> None:
        """What types cannot say, about the keys whose type was right."""
        wrong = {problem.where for problem in self.problems}
        any_wrong = any(_place(where, printable(key)) in wrong for key in entry)
        for key, what in problems_of(placed.kind, placed.written):
            place = _place(where, key)
            if place not in wrong and (key in entry or not any_wrong):
                self._problem(locate(key), place, what)

    def _check_ids(self, requirements: list[Placed]) -> None:
        first: dict[str, Placed] = {}
        for placed in requirements:
            if placed.id is None:
                continue
            if (earlier := first.setdefault(placed.id, placed)) is not placed:
                what = f"`{placed.id}` is taken by line {earlier.anchor.line}; an id stands once"
                where = _place(f"[[{self._dotted(placed.kind)}]]", "id")
                self._problem(placed.anchor.line, where, what)

    def _problem(self, line: int, where: str, what: str) -> None:
        self.problems.append(Problem(line, where, what))

    def _dotted(self, name: str) -> str:
        return ".".join((*self.prefix, name))

    def _line(self, key: str) -> int:
        """The line of a key (or of the first table) directly in the profile."""
        headers = self.places.headers(*self.prefix, key)
        return headers[0] if headers else self.places.key(self._header, key)

    def _locate_in(self, header: int, name: str) -> Locate:
        has_header = header in self.places.headers(*self.prefix, name)
        return lambda key: self.places.key(header, key) if key and has_header else header


@lru_cache(maxsize=64)
def _fields(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {part.encode_name: part for part in msgspec.structs.fields(struct)}


def _rule(waiver: WaiverEntry, anchor: Anchor) -> WaiverRule:
    expires = waiver.expires.isoformat() if waiver.expires else ""
    return WaiverRule(waiver.code, waiver.reason, waiver.subject, expires, anchor)


_WORDS = {
    "object": "table",
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "true or false",
}


#: what the patterns in ``model/profile.py`` ask for, by key
_FORMS = {
    "code": "no code such as `GPU101`, nor the beginning of some, such as `GPU`",
    "reason": "empty: a waiver needs a reason",
    "id": "no id: letters, digits, `.`, `_` and `-`, at most 100",
    "name": "no name: letters, digits, `.`, `_` and `-`, at most 100",
}


def _place(where: str, key: str) -> str:
    named = f"key `{key}`" if key else ""
    return ", ".join(part for part in (where, named) if part)


def _explain(error: Exception, key: str, value: object, type_: object) -> str:
    """Msgspec's message in TOML's words, with the words that would do."""
    message = str(error)
    message, _, path = message.partition(" - at ")
    if message.startswith("Invalid enum value"):
        choices = [str(choice) for choice in _choices(type_)]
        wrong = message[len("Invalid enum value ") :].strip("'")
        return f"`{printable(wrong)}` is none of {', '.join(choices)}{did_you_mean(wrong, choices)}"
    if "matching regex" in message:
        return f"{_quoted(value)} is {_FORMS[key]}" if key != "reason" else _FORMS[key]
    if "RFC3339" in message:
        return f"{_quoted(value)} is no day: write YYYY-MM-DD"
    message = message.replace(" | null`", "`")  # TOML has none
    for word, toml in _WORDS.items():
        message = message.replace(f"`{word}`", toml)
    message = message[:1].lower() + message[1:]
    item = path.strip("`").removeprefix("$").strip("[]")
    return f"{message}{f' (item {int(item) + 1})' if item.isdigit() else ''}: {_quoted(value)}"


def _choices(type_: object) -> tuple[Any, ...]:
    """The words of the first Literal in a type."""
    if get_origin(type_) is Literal:
        return get_args(type_)
    for inner in get_args(type_):
        if found := _choices(inner):
            return found
    return ()


def _quoted(value: object) -> str:
    if isinstance(value, (dict, list)):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    return f"`{printable(str(value), 60)}`"
