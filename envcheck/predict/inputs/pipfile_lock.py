"""``Pipfile.lock``: packages with markers and hashes, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from envcheck.index.pages import normalized
from envcheck.model.matrix import Index
from envcheck.predict.inputs.addresses import url_problem, without_credentials
from envcheck.predict.inputs.asked import Asked, Pin, marker_problem
from envcheck.predict.inputs.choice import choose
from envcheck.predict.inputs.document import Document, read_json
from envcheck.predict.inputs.files import elsewhere, file_of
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.predict.inputs.asked import Source

SPEC = 6
_SECTIONS = ("_meta", "default")


class _Source(Struct):
    name: str = ""
    url: str = ""


class _Meta(Struct, rename="kebab"):
    pipfile_spec: int = 0
    requires: dict[str, str] = field(default_factory=dict)
    sources: list[_Source] = field(default_factory=list)


class _Package(Struct):
    version: str = ""
    markers: str = ""
    hashes: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    index: str = ""
    git: str = ""
    path: str = ""
    file: str = ""


class _Lock(Struct):
    meta: _Meta = field(name="_meta")
    default: dict[str, _Package] = field(default_factory=dict)
    develop: dict[str, _Package] = field(default_factory=dict)


def read(path: str, shown: str, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> Asked:
    """The lock's packages; those of other categories (``develop``) as groups. Raises DataError."""
    document = read_json(path, shown)
    lock = document.convert(_Lock)
    if lock.meta.pipfile_spec != SPEC:
        what = f"version {lock.meta.pipfile_spec} of the format is not known, only {SPEC}"
        document.refuse(f"`_meta.pipfile-spec`: {what}", hint="`pipenv lock` writes it anew")
    offered = [name for name in document.data if name not in _SECTIONS]
    wanted = choose(document.shown, extras, groups, (), offered)
    packages: dict[str, _Package] = dict(lock.default)
    for name in offered:
        if normalized(name) in wanted.groups:
            packages = _category(document, name) | packages
    urls = {one.name: without_credentials(one.url) for one in lock.meta.sources}
    usable = [url for url in urls.values() if not url_problem(url, ("http", "https", "file"))]
    notes: list[str] = []
    pins = [
        pin
        for number, (name, package) in enumerate(packages.items())
        if (pin := _pin(document, number, name, package, urls, notes))
    ]
    version = lock.meta.requires
    python = version.get("python_full_version") or version.get("python_version") or ""
    exact = python if "python_full_version" in version else f"{python}.*"
    return Asked(
        kind="Pipfile.lock",
        path=document.shown,
        pins=pins,
        locked=True,
        groups=wanted.groups,
        requires_python=f"=={exact}" if python.replace(".", "").isdigit() else "",
        index=Index(extra_urls=usable[1:]),
        notes=notes,
    )


def _category(document: Document, name: str) -> dict[str, _Package]:
    part = Document(document.path, document.shown, "", {"develop": document.data[name]})
    return part.convert(_Category).develop


class _Category(Struct):
    develop: dict[str, _Package]


def _pin(
    document: Document, number: int, name: str, package: _Package, urls: dict[str, str],
    notes: list[str],
) -> Pin | None:  # fmt: skip
    """One package; None, and a note, for what pipenv did not lock."""
    shown = f"`{printable(name)}`"
    if what := marker_problem(package.markers):
        document.refuse(f"{shown}: no marker: {what}")
    place = package.git or package.path or package.file
    source: Source = "index"
    if place:
        source = "git" if package.git else "local" if package.path else "url"
        notes.append(elsewhere(document.shown, 0, name, source, place))
    version = package.version.removeprefix("==") if package.version.startswith("==") else ""
    if not version and not place:
        notes.append(f"{document.shown}: {shown} has no version there: pipenv did not lock it")
        return None
    file = file_of("", package.file) if package.file else None
    default = next(iter(urls.values()), "")
    index = urls.get(package.index, "")
    return Pin(
        normalized(name),
        version or (file.version if file else ""),
        package.markers,
        source,
        index if index != default else "",
        (file,) if file else (),
        hashes=tuple(package.hashes),
        extras=tuple(map(normalized, package.extras)),
        place=without_credentials(place),
        number=number,
    )
