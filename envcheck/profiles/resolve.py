"""Finding, reading, extending and combining profiles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn

from envcheck.config import working_directory
from envcheck.errors import DataError, did_you_mean
from envcheck.model.profile import SCHEMA, Placed, Profile, WaiverRule
from envcheck.profiles import FOLDER, SHOWN, names
from envcheck.profiles.validate import Reader, Written
from envcheck.tomlfile import Source, is_path, parse, printable, read
from envcheck.tomltable import Problem, refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = "pyproject.toml"
PROJECT_TABLE = ("tool", "envcheck", "profile")
HINT = "`envcheck profile show ci` is an example, `envcheck profile schema` has the rules"
_DEPTH = 20  # of profiles that extend each other


def combine(references: Sequence[str], cwd: str) -> Profile:
    """All requirements of all ``references``; what two say alike is there once."""
    loader = Loader(cwd)
    loaded = [loader.load(reference, cwd, reference, ()) for reference in references]
    if len(loaded) == 1:
        return loaded[0]
    requirements: list[Placed] = []
    waivers: list[WaiverRule] = []
    for profile in loaded:
        requirements += [placed for placed in profile.requirements if placed not in requirements]
        waivers += [rule for rule in profile.waivers if rule not in waivers]
    found = tuple(dict.fromkeys(name for profile in loaded for name in profile.names))
    return Profile(found, tuple(requirements), tuple(waivers))


def from_text(text: str, path: str) -> Profile:
    """A profile from memory; ``path`` is its name in messages and anchors."""
    source = parse(text.encode("utf-8", "surrogateescape"), path)
    absolute = os.path.abspath(path)
    return Loader(working_directory()).resolve(source, os.path.dirname(absolute), (absolute,))


class Loader:
    """Loads profiles and what they extend; each file is read once. ``cwd`` is where the user is."""

    def __init__(self, cwd: str) -> None:
        self.cwd = cwd
        self._known: dict[str, Profile] = {}

    def load(self, reference: str, base: str, shown: str, chain: tuple[str, ...]) -> Profile:
        """The profile by that name, or at that path below ``base``. ``chain``: what led here."""
        if is_path(reference):
            path = os.path.normpath(os.path.join(base, os.path.expanduser(reference)))
        elif reference in names():
            path = os.path.join(FOLDER, f"{reference}.toml")
            shown = f"{SHOWN}/{reference}.toml"
        else:
            _not_found(reference, base)
        if path in chain:
            circle = " extends ".join(printable(os.path.basename(p)) for p in (*chain, path))
            raise DataError(f"profiles extend each other in a circle: {circle}")
        if len(chain) >= _DEPTH:
            raise DataError(f"more than {_DEPTH} profiles extend one another")
        if path not in self._known:
            source = parse(read(path, shown), shown)
            self._known[path] = self.resolve(source, os.path.dirname(path), (*chain, path))
        return self._known[path]

    def resolve(self, source: Source, folder: str, chain: tuple[str, ...]) -> Profile:
        """What ``source`` says on top of what it extends."""
        written = _read(source)
        own = written.document
        inherited: dict[object, Placed] = {}
        waivers: list[WaiverRule] = []
        for reference in own.extends:
            parent = self._parent(reference, source, written, folder, chain)
            for placed in parent.requirements:
                inherited[_key(placed)] = placed
            waivers += [rule for rule in parent.waivers if rule not in waivers]
        _drop(source, written, inherited)
        for placed in written.requirements:
            inherited[_key(placed)] = placed
        return Profile(
            (own.name or _default_name(source, folder),),
            tuple(inherited.values()),
            (*waivers, *written.waivers),
            summary=own.summary,
        )

    def _parent(
        self,
        reference: str,
        source: Source,
        written: Written,
        folder: str,
        chain: tuple[str, ...],
    ) -> Profile:
        shown = os.path.relpath(os.path.join(folder, os.path.expanduser(reference)), self.cwd)
        try:
            return self.load(reference, folder, shown, chain)
        except DataError as error:
            place = f"extended by {source.path}:{written.lines.get('extends', 1)}"
            raise DataError(
                error.message, context=(*error.context, place), hint=error.hint
            ) from error


def _not_found(reference: str, base: str) -> NoReturn:
    shown = printable(reference)
    hint = f"shipped profiles: {', '.join(names())}; a file is named by a path, such as ./{shown}"
    if os.path.exists(os.path.join(base, reference)):
        hint = f"there is a file of that name: write ./{shown}"
    raise DataError(f"there is no profile `{shown}`{did_you_mean(reference, names())}", hint=hint)


def _key(placed: Placed) -> object:
    """What a later requirement replaces: the same id, else only itself (seen by two ways)."""
    return placed.id or (placed.kind, placed.anchor, repr(placed.written))


def _drop(source: Source, written: Written, inherited: dict[object, Placed]) -> None:
    ids = [key for key in inherited if isinstance(key, str)]
    problems = []
    for name in written.document.drop:
        if inherited.pop(name, None) is None:
            what = f"`{printable(name)}` is no id of what is inherited{did_you_mean(name, ids)}"
            problems.append(Problem(written.lines.get("drop", 1), "key `drop`", what))
    if problems:
        refuse(source.path, "profile", problems, HINT)


def _default_name(source: Source, folder: str) -> str:
    """The file's name, or for a project's table the folder's."""
    stem = os.path.basename(source.path).removesuffix(".toml")
    return os.path.basename(folder) or stem if stem == "pyproject" else stem


def _read(source: Source) -> Written:
    table: Any = source.data
    prefix: tuple[str, ...] = ()
    if os.path.basename(source.path) == PROJECT:
        prefix = PROJECT_TABLE
        for part in prefix:
            table = table.get(part) if isinstance(table, dict) else None
        if not isinstance(table, dict):
            raise DataError(f"{source.path} has no table [{'.'.join(prefix)}]", hint=HINT)
    schema = table.get("schema", SCHEMA)
    if isinstance(schema, str) and schema != SCHEMA and schema.startswith("envcheck.profile/"):
        raise DataError(
            f"{source.path} is written for another envcheck: {printable(schema)}, not {SCHEMA}",
            hint="use the envcheck that it was written for, or a newer one",
        )
    reader = Reader(source.text, source.path, prefix)
    written = reader.read(table)
    if written is None:
        refuse(source.path, "profile", reader.problems, HINT)
    return written
