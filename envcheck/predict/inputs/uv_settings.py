"""What a project tells uv about indexes: ``[tool.uv]`` of ``pyproject.toml``, or ``uv.toml``."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from envcheck.errors import DataError
from envcheck.index.pages import normalized
from envcheck.model.matrix import Index
from envcheck.predict.inputs.addresses import url_problem, without_credentials
from envcheck.predict.inputs.document import Document, read_toml
from envcheck.predict.inputs.files import project_in
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterable


class Settings(Struct, frozen=True):
    """``named``: index -> address. ``sources``: normalized name -> name of its own index.

    ``elsewhere``: names that come from no index at all, and from what: ``git``, ``path`` ….
    """

    index: Index = field(default_factory=Index)
    named: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def registries(self, written: Iterable[str]) -> dict[str, str]:
        """Addresses in a lock, as written -> without credentials, empty for the default index.

        A lock does not say which of its indexes that is: the one that the project declares as
        default, else, of those that it does not declare, the one with most packages.
        """
        counted = Counter(url for url in written if url)
        declared = {without_credentials(url).rstrip("/") for url in self.named.values()}
        plain = {url: without_credentials(url) for url in counted}
        main = self.index.url.rstrip("/")
        if not main:
            others = Counter(
                {url: n for url, n in counted.items() if plain[url].rstrip("/") not in declared}
            )
            main = plain[others.most_common(1)[0][0]].rstrip("/") if others else ""
        return {url: "" if plain[url].rstrip("/") == main else plain[url] for url in counted}


def with_more(index: Index, urls: Iterable[str]) -> Index:
    """``index`` with further ones, where some of the packages come from."""
    found = dict.fromkeys([*index.extra_urls, *filter(None, urls)])
    known = [url for url in found if not url_problem(url, ("http", "https", "file"))]
    return replace(index, extra_urls=[url for url in known if url and url != index.url])


def beside(path: str, shown: str) -> Settings:
    """Those of the project in whose folder the lock at ``path`` lies; none if there is no project,
    or none that can be read: the lock counts.
    """
    found = project_in(os.path.dirname(path), os.path.dirname(shown))
    if found is None:
        return Settings()
    try:
        return of_project(read_toml(*found))
    except DataError as error:
        return Settings(notes=(f"{error.message}: what it says about indexes is not known",))


def of_project(document: Document) -> Settings:
    """``[tool.uv]``; what ``uv.toml`` in the same folder says goes before it."""
    tool = document.data.get("tool")
    table: Any = tool.get("uv") if isinstance(tool, dict) else None
    table = table if isinstance(table, dict) else {}
    sources = table.get("sources")
    reader = _Reader(document.shown)
    place = os.path.join(os.path.dirname(document.path), "uv.toml")
    if os.path.isfile(place):  # uv reads one of them: this one
        shown = os.path.normpath(os.path.join(os.path.dirname(document.shown), "uv.toml"))
        reader, table = _Reader(shown), read_toml(place, shown).data
    reader.indexes(table)
    if isinstance(sources, dict):
        reader.sources(sources)
    index = Index(
        url=reader.main,
        extra_urls=reader.extra,
        pre=table.get("prerelease") == "allow",
        exclude_newer=reader.day(table.get("exclude-newer")),
        no_binary=reader.names(table, "no-binary"),
        only_binary=reader.names(table, "no-build"),
    )
    return Settings(index, reader.named, reader.by_name, reader.elsewhere, tuple(reader.notes))


class _Reader:
    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.main = ""
        self.extra: list[str] = []
        self.named: dict[str, str] = {}
        self.by_name: dict[str, str] = {}
        self.elsewhere: dict[str, str] = {}
        self.notes: list[str] = []

    def indexes(self, table: dict[str, Any]) -> None:
        """``[[tool.uv.index]]``, and what was there before it."""
        found = table.get("index")
        for entry in found if isinstance(found, list) else []:
            if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
                continue
            url = self._url(entry["url"])
            if isinstance(entry.get("name"), str):
                self.named[entry["name"]] = url
            elif not entry.get("default"):
                self.named[f"#{len(self.named)}"] = url
            if entry.get("default") is True:
                self.main = self.main or url
            elif url and entry.get("explicit") is not True:
                self.extra.append(url)
        if isinstance(single := table.get("index-url"), str):
            self.main = self.main or self._url(single)
        several = table.get("extra-index-url")
        for url in several if isinstance(several, list) else []:
            if isinstance(url, str):
                self.extra.append(self._url(url))
        self.extra = list(dict.fromkeys(filter(None, self.extra)))

    def sources(self, table: dict[str, Any]) -> None:
        """``[tool.uv.sources]``: of several for one package, that for an index counts."""
        for name, said in table.items():
            for one in said if isinstance(said, list) else [said]:
                if not isinstance(one, dict):
                    continue
                if isinstance(one.get("index"), str):
                    self.by_name[normalized(name)] = one["index"]
                    continue
                for kind in ("git", "path", "url", "workspace"):
                    if kind in one:
                        self.elsewhere[normalized(name)] = kind

    def day(self, said: object) -> str:
        """``exclude-newer`` as the first day that does not count any more."""
        if isinstance(said, dt.date):  # or a date with its time
            said = said.isoformat()
        if not isinstance(said, str):
            return ""
        match = re.match(r"(\d{4}-\d{2}-\d{2})(?:[T ](.*))?$", said)
        try:
            day = dt.date.fromisoformat(match[1]) if match else None
        except ValueError:
            day = None
        if match is None or day is None:
            self.notes.append(
                f"{self.shown}: `exclude-newer = {printable(said, 40)}` is not taken: it is no day"
            )
            return ""
        midnight = match[2] and re.match(r"00:00(:00(\.0+)?)?(Z|\+00:00)?$", match[2])
        try:
            return (day if midnight else day + dt.timedelta(days=1)).isoformat()
        except OverflowError:
            return ""

    @staticmethod
    def names(table: dict[str, Any], key: str) -> list[str]:
        """``no-build`` and ``no-binary``: of all, or of packages."""
        found = table.get(f"{key}-package")
        names = [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
        return [":all:"] if table.get(key) is True else names

    def _url(self, url: str) -> str:
        plain = without_credentials(url)
        if plain != url:
            self.notes.append(
                f"{self.shown}: the credentials of an index were left out: leave them to netrc"
            )
        if "://" not in plain:
            return ""
        return "" if url_problem(plain, ("http", "https", "file")) else plain
