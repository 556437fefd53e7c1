"""``[tool.poetry]`` of a ``pyproject.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement

from envcheck.index.pages import normalized
from envcheck.predict.inputs import poetry_constraints
from envcheck.predict.inputs.addresses import url_problem, without_credentials
from envcheck.predict.inputs.asked import Pin, marker_problem
from envcheck.predict.inputs.files import file_of
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.predict.inputs.document import Document


class Wanted(Struct, frozen=True):
    """A dependency. ``group``: empty for the main one. ``pin``: if it comes from no index."""

    name: str
    text: str  # PEP 508
    group: str = ""
    optional: bool = False
    index: str = ""
    pin: Pin | None = None
    line: int = 0


class Poetry(NamedTuple):
    """``extras``: extra -> normalized names of dependencies. ``main``: the index instead of the
    default one, empty if that is kept.
    """

    dependencies: list[Wanted]
    extras: dict[str, list[str]]
    groups: list[str]
    requires_python: str
    main: str
    extra_urls: list[str]
    notes: list[str]


def read(document: Document) -> Poetry | None:
    """What the table says, None without one. Raises DataError."""
    tool = document.data.get("tool")
    table = tool.get("poetry") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        return None
    reader = _Reader(document)
    reader.sources(table.get("source"))
    reader.dependencies(table.get("dependencies"), "", ("tool", "poetry", "dependencies"))
    place = ("tool", "poetry", "dev-dependencies")  # before Poetry 1.2
    reader.dependencies(table.get("dev-dependencies"), "dev", place)
    groups = table.get("group")
    for name, group in groups.items() if isinstance(groups, dict) else ():
        if isinstance(group, dict):
            where = ("tool", "poetry", "group", name, "dependencies")
            reader.dependencies(group.get("dependencies"), normalized(name), where)
    extras = table.get("extras")
    return Poetry(
        reader.found,
        {
            normalized(extra): [normalized(name) for name in names if isinstance(name, str)]
            for extra, names in (extras if isinstance(extras, dict) else {}).items()
            if isinstance(names, list)
        },
        list(dict.fromkeys(one.group for one in reader.found if one.group)),
        reader.requires_python,
        reader.main,
        reader.extra_urls,
        reader.notes,
    )


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Wanted] = []
        self.requires_python = ""
        self.main = ""
        self.extra_urls: list[str] = []
        self.notes: list[str] = []
        self._named: dict[str, str] = {}

    def sources(self, found: object) -> None:
        """``[[tool.poetry.source]]``: a primary one replaces the default index."""
        for number, entry in enumerate(found if isinstance(found, list) else []):
            if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
                continue
            url, line = entry["url"], self.document.header(number, "tool", "poetry", "source")
            plain = without_credentials(url)
            if plain != url:
                self.notes.append(
                    f"{self.document.shown}:{line}: the credentials of an index were left out:"
                    " leave them to netrc"
                )
            if url_problem(plain, ("http", "https", "file")):
                continue
            self._named[str(entry.get("name"))] = plain
            priority = str(entry.get("priority", "primary")).lower()
            if priority in ("primary", "default") and not self.main:
                self.main = plain
            elif priority != "explicit":
                self.extra_urls.append(plain)

    def dependencies(self, table: object, group: str, place: tuple[str, ...]) -> None:
        """One table of dependencies."""
        for name, said in table.items() if isinstance(table, dict) else ():
            line = self.document.key(*place, name)
            try:
                if name.lower() == "python" and not group:
                    self._python(said, line)
                    continue
                for one in said if isinstance(said, list) else [said]:
                    self.found += self._wanted(name, one, group, line)
            except ValueError as error:
                what = f"`{printable(name)}`: {error}"
                self.document.refuse(what, line=line, hint='write it as `name = "^1.2"`')

    def _python(self, said: object, line: int) -> None:
        text, exact = poetry_constraints.specifier(_version(said))
        self.requires_python = text
        if not exact:
            self._inexact("python", text, line)

    def _inexact(self, name: str, text: str, line: int) -> None:
        what = f"the alternatives of `{printable(name)}` were taken as `{text or 'any version'}`"
        self.notes.append(f"{self.document.shown}:{line}: {what}")

    def _wanted(self, name: str, said: object, group: str, line: int) -> Iterator[Wanted]:
        """One dependency. Raises ValueError."""
        table: dict[str, Any] = said if isinstance(said, dict) else {"version": said}
        specifier, exact = poetry_constraints.specifier(_version(said))
        if not exact:
            self._inexact(name, specifier, line)
        extras = table.get("extras", [])
        if not isinstance(extras, list) or not all(isinstance(one, str) for one in extras):
            raise ValueError("`extras` is no list of names")
        marker = _marker(table)
        text = f"{name}[{','.join(extras)}]" if extras else name
        text += specifier + (f" ; {marker}" if marker else "")
        try:
            Requirement(text)
        except InvalidRequirement as error:
            raise ValueError(str(error).splitlines()[0]) from error
        pin = _pin(name, table, marker)
        index = self._named.get(str(table.get("source", "")), "")
        optional = table.get("optional") is True
        yield Wanted(name, text, group, optional, index, pin, line)


def _version(said: object) -> str:
    """Raises ValueError."""
    version = said.get("version", "*") if isinstance(said, dict) else said
    if not isinstance(version, str):
        raise ValueError("has no version that can be read")
    return version


def _marker(table: dict[str, Any]) -> str:
    """Of ``markers``, ``python`` and ``platform``. Raises ValueError."""
    found = []
    if isinstance(text := table.get("markers"), str) and text:
        if what := marker_problem(text):
            raise ValueError(f"no marker: {what}")
        found.append(text)
    if isinstance(text := table.get("python"), str) and (made := poetry_constraints.marker(text)):
        found.append(made)
    if isinstance(text := table.get("platform"), str) and text.replace("_", "").isalnum():
        found.append(f"sys_platform == '{text}'")
    return found[0] if len(found) == 1 else " and ".join(f"({one})" for one in found)


def _pin(name: str, table: dict[str, Any], marker: str) -> Pin | None:
    """What is required of a repository, an address or a path."""
    for key, source in (("git", "git"), ("path", "local"), ("file", "local"), ("url", "url")):
        if isinstance(place := table.get(key), str):
            file = file_of("", place) if source == "url" else None
            version = file.version if file else ""
            files = (file,) if file else ()
            plain = without_credentials(place)
            kind: Any = source
            return Pin(normalized(name), version, marker, kind, files=files, place=plain)
    return None
