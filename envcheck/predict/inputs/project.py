"""``pyproject.toml``: what a project requires, as the packaging specifications (PEP 621, 735) or
Poetry write it, and what it tells uv and Poetry about indexes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envcheck.index.pages import normalized
from envcheck.predict.inputs import poetry_project, uv_settings
from envcheck.predict.inputs.addresses import without_credentials
from envcheck.predict.inputs.asked import Asked, Pin
from envcheck.predict.inputs.choice import choose
from envcheck.predict.inputs.document import Document, read_toml
from envcheck.predict.inputs.files import elsewhere, file_of
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.matrix import Index

#: Back-ends that compile; what they need to build a project is not judged.
COMPILING = ("maturin", "scikit_build_core", "mesonpy", "skbuild", "sipbuild", "setuptools_rust")


class _Project(Struct, rename="kebab"):
    name: str = ""
    requires_python: str = ""
    dependencies: list[str] = field(default_factory=list)
    optional_dependencies: dict[str, list[str]] = field(default_factory=dict)
    dynamic: list[str] = field(default_factory=list)


class _BuildSystem(Struct, rename="kebab"):
    build_backend: str = ""


class _Document(Struct, rename="kebab"):
    project: _Project | None = None
    dependency_groups: dict[str, list[str | dict[str, str]]] = field(default_factory=dict)
    build_system: _BuildSystem = field(default_factory=_BuildSystem)
    tool: dict[str, Any] = field(default_factory=dict)


class Line(NamedTuple):
    """A requirement, and where in the file it stands: names of tables and key."""

    text: str
    place: tuple[str, ...]


def read(path: str, shown: str, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Asked:
    """The project's dependencies and those of ``extras`` and ``groups``. Raises DataError."""
    document = read_toml(path, shown)
    said = document.convert(_Document)
    poetry = poetry_project.read(document)
    if said.project is None and poetry is None and not said.dependency_groups:
        document.refuse(
            "has neither [project] nor [tool.poetry] nor [dependency-groups]",
            hint="name a requirements file, a lock or a Dockerfile, or write the requirements out",
        )
    project = said.project or _Project()
    offered_extras = {*project.optional_dependencies, *(poetry.extras if poetry else ())}
    offered_groups = {*said.dependency_groups, *(poetry.groups if poetry else ())}
    wanted = choose(document.shown, extras, groups, offered_extras, offered_groups)
    settings = uv_settings.of_project(document)
    collected = _Collected(document, settings, normalized(project.name))
    if poetry:
        collected.poetry(poetry, project, wanted.extras, wanted.groups)
    collected.project(project, wanted.extras)
    collected.groups(said.dependency_groups, wanted.groups)
    collected.note_dynamic(project, said.build_system, has_poetry=poetry is not None)
    python = project.requires_python or (poetry.requires_python if poetry else "")
    try:
        SpecifierSet(python)
    except InvalidSpecifier:
        line = document.key("project", "requires-python")
        document.refuse("`requires-python` is no specifier", line=line, hint="write as `>=3.10`")
    index = settings.index
    if poetry and poetry.main and not index.url:
        index = replace(index, url=poetry.main)
    if poetry and poetry.extra_urls:
        index = replace(index, extra_urls=[*index.extra_urls, *poetry.extra_urls])
    return Asked(
        kind="pyproject.toml",
        path=document.shown,
        requirements=list(dict.fromkeys(collected.requirements)),
        constraints=_strings(document, "constraint-dependencies"),
        pins=collected.pins,
        extras=wanted.extras,
        groups=wanted.groups,
        requires_python=python,
        index=uv_settings.with_more(index, collected.indexes.values()),
        indexes=collected.indexes,
        notes=[*settings.notes, *(poetry.notes if poetry else ()), *collected.notes],
    )


def index_beside(path: str, shown: str) -> Index:
    """What the project in whose folder a lock lies says about indexes."""
    return uv_settings.beside(path, shown).index


def _strings(document: Document, key: str) -> list[str]:
    """A list of strings in ``[tool.uv]``."""
    tool = document.data.get("tool")
    table = tool.get("uv") if isinstance(tool, dict) else None
    found = table.get(key) if isinstance(table, dict) else None
    return [text for text in found if _is_requirement(text)] if isinstance(found, list) else []


def _is_requirement(text: object) -> bool:
    try:
        return isinstance(text, str) and not Requirement(text).url
    except InvalidRequirement:
        return False


class _Collected:
    """Requirements as they come together."""

    def __init__(self, document: Document, settings: uv_settings.Settings, name: str) -> None:
        self.document = document
        self.settings = settings
        self.name = name
        self.requirements: list[str] = []
        self.pins: list[Pin] = []
        self.indexes: dict[str, str] = {}
        self.notes: list[str] = []

    def project(self, project: _Project, extras: Sequence[str]) -> None:
        """``[project]``. An extra may name others of its own project: ``demo[plot]``."""
        optional = {normalized(k): (k, v) for k, v in project.optional_dependencies.items()}
        for text in project.dependencies:
            self.add(text, "project", "dependencies")
        waiting, done = list(extras), set()
        while waiting:
            extra = waiting.pop(0)
            if extra in done or extra not in optional:
                continue
            done.add(extra)
            key, texts = optional[extra]
            for text in texts:
                found = self.add(text, "project", "optional-dependencies", key)
                if found and self.name and normalized(found.name) == self.name:
                    waiting += sorted(map(normalized, found.extras))

    def groups(self, groups: dict[str, list[str | dict[str, str]]], wanted: Sequence[str]) -> None:
        """``[dependency-groups]``, with those that they include."""
        by_name = {normalized(name): (name, entries) for name, entries in groups.items()}
        for group in wanted:
            if group in by_name:
                self._group(by_name, group, ())

    def _group(
        self,
        groups: dict[str, tuple[str, list[str | dict[str, str]]]],
        group: str,
        chain: tuple[str, ...],
    ) -> None:
        name = groups[group][0] if group in groups else group
        line = self.document.key("dependency-groups", chain[-1] if chain else name)
        if group in chain:
            self.document.refuse(
                f"groups include each other in a circle: {' includes '.join([*chain, group])}",
                line=line, hint="take one of the `include-group` out",
            )  # fmt: skip
        if group not in groups:
            self.document.refuse(
                f"there is no group `{printable(group)}`", line=line, hint="name one that is there"
            )
        for entry in groups[group][1]:
            if isinstance(entry, str):
                self.add(entry, "dependency-groups", name)
            elif "include-group" in entry:
                self._group(groups, normalized(entry["include-group"]), (*chain, group))

    def poetry(
        self,
        poetry: poetry_project.Poetry,
        project: _Project,
        extras: Sequence[str],
        groups: Sequence[str],
    ) -> None:
        """``[tool.poetry]``: beside [project], its dependencies only say where these come from."""
        enriched = bool(project.dependencies) or "dependencies" not in project.dynamic
        is_main = not project.name or not enriched
        for wanted in poetry.dependencies:
            chosen = wanted.group in groups if wanted.group else is_main
            if wanted.index:
                self.indexes[normalized(wanted.name)] = wanted.index
            if not chosen or (wanted.optional and not extras_of(wanted, poetry, extras)):
                continue
            if wanted.pin is not None:
                self.pins.append(wanted.pin)
                self._elsewhere(wanted.pin, wanted.line)
            else:
                self.requirements.append(wanted.text)

    def add(self, text: str, *place: str) -> Requirement | None:
        """One PEP 508 requirement; None if it is not taken. Raises DataError."""
        line = self.document.key(*place)
        try:
            found = Requirement(text)
        except InvalidRequirement as error:
            what = f"`{printable(text)}` is no PEP 508 requirement: {str(error).splitlines()[0]}"
            self.document.refuse(what, line=line, hint="write it as `name>=1.2`")
        name = normalized(found.name)
        if name == self.name:
            return found
        index = self.settings.named.get(self.settings.sources.get(name, ""), "")
        if index:
            self.indexes[name] = index
        kind = self.settings.elsewhere.get(name)
        if found.url or (kind and not index):
            pin = pin_of(found, kind or "")
            self.pins.append(pin)
            self._elsewhere(pin, line)
        else:
            self.requirements.append(text)
        return found

    def _elsewhere(self, pin: Pin, line: int) -> None:
        self.notes.append(elsewhere(self.document.shown, line, pin.name, pin.source, pin.place))

    def note_dynamic(self, project: _Project, build: _BuildSystem, *, has_poetry: bool) -> None:
        """What only a build would tell, and is not built here."""
        shown = self.document.shown
        for key in ("dependencies", "optional-dependencies"):
            if key in project.dynamic and not has_poetry:
                line = self.document.key("project", "dynamic")
                what = f"`{key}` are dynamic: only a build tells them, and nothing is built here"
                self.notes.append(f"{shown}:{line}: {what}")
        backend = build.build_backend.partition(".")[0].partition(":")[0]
        if backend in COMPILING:
            line = self.document.key("build-system", "build-backend")
            what = f"the project itself is compiled, by {backend}: what that needs is not judged"
            self.notes.append(f"{shown}:{line}: {what}")


def extras_of(
    wanted: poetry_project.Wanted, poetry: poetry_project.Poetry, extras: Sequence[str]
) -> list[str]:
    """Those of ``extras`` that ask for an optional dependency."""
    return [extra for extra in extras if normalized(wanted.name) in poetry.extras.get(extra, ())]


def pin_of(found: Requirement, kind: str = "") -> Pin:
    """What is required by an address, or by a place that uv is told of."""
    url = found.url or ""
    source: Any = "git" if url.startswith("git+") or kind == "git" else "url"
    if url.startswith("file:") or kind in ("path", "workspace"):
        source = "local"
    file = file_of("", url) if source != "git" and url else None
    return Pin(
        normalized(found.name),
        file.version if file else "",
        str(found.marker or ""),
        source,
        files=(file,) if file else (),
        extras=tuple(sorted(map(normalized, found.extras))),
        place=without_credentials(url),
    )
