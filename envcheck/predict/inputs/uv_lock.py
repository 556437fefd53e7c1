"""``uv.lock``: a graph of packages, several versions of one by markers, workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from envcheck.index.pages import normalized
from envcheck.predict.inputs.addresses import without_credentials
from envcheck.predict.inputs.asked import Asked, Need, Pin, marker_problem
from envcheck.predict.inputs.choice import choose
from envcheck.predict.inputs.document import Document, read_toml
from envcheck.predict.inputs.files import file_of, locked_elsewhere
from envcheck.predict.inputs.uv_settings import beside, with_more
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envcheck.index.pages import File
    from envcheck.predict.inputs.asked import Source
    from envcheck.predict.inputs.choice import Choice

VERSION = 1


class _Source(Struct):
    registry: str = ""
    git: str = ""
    url: str = ""
    path: str = ""
    directory: str = ""
    editable: str = ""
    virtual: str = ""

    @property
    def kind(self) -> Source:
        """As a pin has it."""
        if self.git:
            return "git"
        if self.directory or self.editable or self.virtual or self.path:
            return "local"
        return "url" if self.url else "index"

    @property
    def place(self) -> str:
        """Where it is, for what no index has."""
        return self.git or self.url or self.path or self.directory or self.editable or self.virtual


class _Dependency(Struct):
    name: str
    version: str = ""
    source: _Source | None = None
    marker: str = ""
    extra: list[str] = field(default_factory=list)


class _File(Struct, rename="kebab"):
    url: str = ""
    path: str = ""
    filename: str = ""
    hash: str = ""
    size: int | None = None
    upload_time: Any = None


class _Package(Struct, rename="kebab"):
    name: str
    version: str = ""
    source: _Source = field(default_factory=_Source)
    sdist: _File | None = None
    wheels: list[_File] = field(default_factory=list)
    dependencies: list[_Dependency] = field(default_factory=list)
    optional_dependencies: dict[str, list[_Dependency]] = field(default_factory=dict)
    dev_dependencies: dict[str, list[_Dependency]] = field(default_factory=dict)

    @property
    def is_root(self) -> bool:
        """Whether it is the project in whose folder the lock lies."""
        return "." in (self.source.editable, self.source.virtual, self.source.directory)


class _Manifest(Struct, rename="kebab"):
    members: list[str] = field(default_factory=list)
    requirements: list[_Dependency] = field(default_factory=list)  # of a script
    dependency_groups: dict[str, list[_Dependency]] = field(default_factory=dict)


class _Lock(Struct, rename="kebab"):
    version: int
    requires_python: str = ""
    supported_markers: list[str] = field(default_factory=list)
    package: list[_Package] = field(default_factory=list)
    manifest: _Manifest = field(default_factory=_Manifest)


def read(path: str, shown: str, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Asked:
    """The lock, for the project's dependencies and those of ``extras`` and ``groups``.

    Raises DataError.
    """
    document = read_toml(path, shown)
    version = document.data.get("version")
    if isinstance(version, int) and version != VERSION:
        what = f"version {version} of the format is not known, only {VERSION}"
        document.refuse(what, line=1, hint="a newer envcheck may read it")
    lock = document.convert(_Lock)
    _check_markers(document, lock)
    roots, offered = _roots(lock)
    wanted = choose(document.shown, extras, groups, *offered)
    settings = beside(path, shown)
    registries = settings.registries(package.source.registry for package in lock.package)
    asked = Asked(
        kind="uv.lock",
        path=document.shown,
        pins=[_pin(document, *entry, registries) for entry in enumerate(lock.package)],
        roots=_Needs(registries).of_roots(roots, lock.manifest, wanted),
        locked=True,
        extras=(*wanted.extras, *_in_conflict(roots, wanted)),
        groups=wanted.groups,
        requires_python=lock.requires_python,
        environments=lock.supported_markers,
        index=with_more(settings.index, registries.values()),
        notes=list(settings.notes),
    )
    pins = (pin for pin in asked.selected(None) if pin.place)
    asked.notes.extend(locked_elsewhere(document, "package", pins))
    return asked


def _check_markers(document: Document, lock: _Lock) -> None:
    for marker in lock.supported_markers:
        if what := marker_problem(marker):
            document.refuse(f"`supported-markers`: {what}")
    for number, package in enumerate(lock.package):
        lists = (
            package.dependencies,
            *package.optional_dependencies.values(),
            *package.dev_dependencies.values(),
        )
        for dependency in (one for several in lists for one in several):
            if what := marker_problem(dependency.marker):
                line = document.header(number, "package")
                document.refuse(f"`{dependency.name}`: no marker: {what}", line=line)


def _roots(lock: _Lock) -> tuple[list[_Package], tuple[set[str], set[str]]]:
    """The projects that are installed, and the (extras, groups) that they offer.

    A workspace without a project of its own installs all its members, as uv does.
    """
    roots = [package for package in lock.package if package.is_root]
    if not roots and not lock.manifest.requirements:
        members = set(map(normalized, lock.manifest.members))
        roots = [
            package
            for package in lock.package
            if normalized(package.name) in members
            or (not members and package.source.kind == "local" and not package.source.path)
        ]
    extras = {normalized(extra) for root in roots for extra in root.optional_dependencies}
    groups = {normalized(group) for root in roots for group in root.dev_dependencies}
    return roots, (extras, groups | set(map(normalized, lock.manifest.dependency_groups)))


class _Needs:
    """Dependencies as needs; ``registries``: address as written -> as pins have it."""

    def __init__(self, registries: Mapping[str, str]) -> None:
        self.registries = registries

    def of_roots(self, roots: list[_Package], manifest: _Manifest, wanted: Choice) -> list[Need]:
        """What is installed first."""
        found = [Need(normalized(root.name), extras=wanted.extras) for root in roots]
        found += self.of(manifest.requirements)
        for groups in [*(root.dev_dependencies for root in roots), manifest.dependency_groups]:
            for group, dependencies in groups.items():
                if normalized(group) in wanted.groups:
                    found += self.of(dependencies)
        return found

    def of(self, dependencies: Iterable[_Dependency]) -> tuple[Need, ...]:
        """In their order."""
        return tuple(map(self._one, dependencies))

    def _one(self, dependency: _Dependency) -> Need:
        source = dependency.source
        return Need(
            normalized(dependency.name),
            (dependency.version,) if dependency.version else (),
            tuple(map(normalized, dependency.extra)),
            dependency.marker,
            self.registries.get(source.registry) if source and source.registry else None,
        )


def _in_conflict(roots: list[_Package], wanted: Choice) -> tuple[str, ...]:
    """The chosen extras and groups as markers of a lock with ``conflicts`` call them."""
    found = []
    for name in (normalized(root.name) for root in roots):
        found += [f"extra-{len(name)}-{name}-{extra}" for extra in wanted.extras]
        found += [f"group-{len(name)}-{name}-{group}" for group in wanted.groups]
        found.append(f"project-{len(name)}-{name}")
    return tuple(found)


def _pin(document: Document, number: int, package: _Package, registries: Mapping[str, str]) -> Pin:
    source = package.source
    if source.kind == "index" and not source.registry:
        what = f"`{printable(package.name)}` has a source that is not known"
        document.refuse(what, line=document.header(number, "package"))
    needs = _Needs(registries)
    return Pin(
        normalized(package.name),
        package.version,
        source=source.kind,
        index=registries.get(source.registry, ""),
        files=tuple(_files(package)),
        place=without_credentials(source.place),
        needs=needs.of(package.dependencies),
        extra_needs=tuple(
            (normalized(extra), needs.of(several))
            for extra, several in package.optional_dependencies.items()
        ),
        number=number,
    )


def _files(package: _Package) -> Iterator[File]:
    for one in [*package.wheels, *([package.sdist] if package.sdist else [])]:
        place = one.url or one.path or package.source.url or package.source.path
        file = file_of(one.filename, place, one.hash, size=one.size, uploaded=one.upload_time)
        if file:
            yield file
