"""How an sdist is built, by the names in it and by a few small texts. None of its code is run.

The back-end says which files tell what is compiled (PEP 517, knowledge/build_backends.json); that
C files lie in an archive tells nothing. What cannot be told stays unknown.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from envcheck.errors import DataError
from envcheck.index.sdist import build_files, by_setuptools, declared, includes
from envcheck.index.sdist.signs import Signs, language_of, line, names_of, own_sources, rows, seen
from envcheck.index.sdist.summary import summary as summary
from envcheck.knowledge import table
from envcheck.model.artifact import SdistFacts

if TYPE_CHECKING:
    from envcheck.index.sdist.archive import Archive

_LEGACY = "setuptools.build_meta:__legacy__"
_LIBRARY = re.compile(r"\.(so(\.\d+)*|dylib|dll|pyd)$")
_WRAPPED = re.compile(
    r"\b(setuptools|scikit_build_core|mesonpy|hatchling|flit_core|maturin|poetry|pdm)\b[\w.]*"
)


def classify(archive: Archive) -> SdistFacts:
    """What is known of an sdist by what was seen of it. Never raises."""
    project, problem = _pyproject(archive)
    system = _table(project, "build-system")
    said = system.get("build-backend")
    backend = said if isinstance(said, str) and said.strip() else "setuptools"
    required = system.get("requires")
    requires = (
        [line(r) for r in required if isinstance(r, str)] if isinstance(required, list) else []
    )
    if backend == "setuptools" and not requires:
        requires = ["setuptools"]
    signs = Signs()
    path = system.get("backend-path")
    row = _row(backend) if path is None else _wrapped(archive, backend, path, signs)
    if row is None:
        row = _required(requires, signs)
    if row is not None and path is not None:
        backend = str(row["backend"])  # what stands behind it
    if problem:
        signs.refuses = problem
    elif not _buildable(archive, project):
        signs.refuses = "it has neither setup.py nor pyproject.toml"
    else:
        _by_backend(archive, project, row, backend, requires[:100], signs)
    if signs.pure and path is not None and not signs.optional and own_sources(archive):
        signs.pure = None  # frozenlist and its like name their extensions in there
    built = [name for name in archive.names if _LIBRARY.search(name)]
    if signs.pure and built:
        signs.add("evidence", f"{built[0]}: nothing is compiled, but compiled files are in it")
    if signs.pure is None and not signs.evidence and not archive.complete:
        signs.add("evidence", "what says how it is built was not among what was looked at")
    if project.get("project") is not None:  # then nothing else counts
        signs.requires = declared.by_project(project)
    return _facts(archive, signs, backend, requires)


def _facts(archive: Archive, signs: Signs, backend: str, requires: list[str]) -> SdistFacts:
    languages = [word for word in signs.languages if word]
    return SdistFacts(
        requires=signs.requires,
        complete=archive.complete,
        backend=line(backend, 100),
        build_requires=requires[:50],
        languages=languages,
        optional=[word for word in signs.optional if word and word not in languages],
        pure=signs.pure,
        headers=signs.headers,
        programs=signs.programs,
        needs=signs.needs,
        downloads=signs.downloads,
        systems=signs.systems,
        refuses=signs.refuses,
        evidence=signs.evidence,
        problem=archive.problem,
    )


def _pyproject(archive: Archive) -> tuple[dict[str, Any], str]:
    """(what pyproject.toml says, what is wrong with it: then no build begins)."""
    from envcheck import tomlfile

    text = archive.texts.get("pyproject.toml")
    if text is None:
        return {}, ""
    try:
        return tomlfile.parse(text.encode(), "pyproject.toml").data, ""
    except (DataError, RecursionError):
        return {}, "its pyproject.toml is not TOML"


def _table(data: Any, *path: str) -> dict[str, Any]:
    """The table at ``path``; empty if there is none."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _buildable(archive: Archive, project: dict[str, Any]) -> bool:
    known = {"setup.py", "pyproject.toml"} & archive.names.keys()
    return bool(known or project) or not archive.complete


@lru_cache(maxsize=1)
def _backends() -> dict[str, dict[str, Any]]:
    return {row["backend"]: row for row in table("build_backends")["rows"]}


def _row(backend: str) -> dict[str, Any] | None:
    """What is known of a back-end: by the first part of its name."""
    return _backends().get(re.split(r"[.:]", backend.strip())[0])


def _wrapped(archive: Archive, backend: str, path: Any, signs: Signs) -> dict[str, Any] | None:
    """Of the back-end that one in the sdist itself (``backend-path``) stands before."""
    module = backend.partition(":")[0].replace(".", "/")
    folders = [each for each in path if isinstance(each, str)] if isinstance(path, list) else []
    for folder in folders[:5]:
        start = "" if folder in (".", "") else folder.strip("/") + "/"
        for name in (f"{start}{module}.py", f"{start}{module}/__init__.py"):
            text = seen(archive, name)
            found = _WRAPPED.search(text)
            if found:
                signs.add("evidence", f"{name}: a back-end of its own, before {found[1]}")
                return _backends().get(found[1])
    return None


def _required(requires: list[str], signs: Signs) -> dict[str, Any] | None:
    """Of the back-end that one that is not known must stand before: it requires it."""
    names = {name.replace("-", "_") for name in names_of(requires)}
    for name, row in _backends().items():
        if {name, row.get("distribution", name)} & names and row["reads"] != "setup.py":
            signs.add("evidence", f"pyproject.toml: requires {name}")
            return row
    return None


def _by_backend(
    archive: Archive,
    project: dict[str, Any],
    row: dict[str, Any] | None,
    backend: str,
    requires: list[str],
    signs: Signs,
) -> None:
    unseen = "pyproject.toml" not in archive.names and not archive.complete
    reads = row["reads"] if row else ""
    if unseen and "setup.py" not in archive.texts:
        _by_names(archive, signs)
    elif reads == "setup.py":
        by_setuptools.read(archive, project, requires, signs)
    elif reads == "CMakeLists.txt":
        _cmake(archive, project, tuple(row.get("languages", ())) if row else (), signs)
    elif reads == "meson.build":
        _meson(archive, signs)
    elif reads == "Cargo.toml":
        _cargo(archive, signs)
    elif reads == "hatch":
        _hatch(archive, project, signs)
    elif reads == "poetry":
        _poetry(archive, project, requires, signs)
    elif reads == "pdm":
        _pdm(archive, project, requires, signs)
    elif reads == "fetch":
        signs.pure = False
        signs.add("downloads", f"{backend}: it fetches a wheel from another index")
        signs.add("evidence", f"pyproject.toml: build-backend {backend}")
    elif row:
        languages = row.get("languages", ())
        signs.add("programs", *row.get("programs", ()))
        if languages:
            signs.compiled(*languages, because=f"pyproject.toml: build-backend {backend}")
        else:
            signs.pure = True
            signs.add("evidence", f"pyproject.toml: {backend} makes wheels of pure Python only")
    else:
        signs.add("evidence", f"pyproject.toml: build-backend {backend}, of which nothing is known")
        if archive.complete and not own_sources(archive):
            signs.pure = True
            signs.add("evidence", "no source of a compiled language is in it")


def _by_names(archive: Archive, signs: Signs) -> None:
    """What can be told although neither pyproject.toml nor setup.py was seen."""
    if "CMakeLists.txt" in archive.texts and own_sources(archive):
        built = build_files.cmake(archive.texts["CMakeLists.txt"], ("c", "c++"))
        signs.add("evidence", f"CMakeLists.txt: {', '.join(built.languages)} at its top")
    elif "meson.build" in archive.texts:
        signs.add("evidence", "meson.build at its top")


def _cmake(
    archive: Archive, project: dict[str, Any], default: tuple[str, ...], signs: Signs
) -> None:
    options = _table(project, "tool", "scikit-build")
    if _table(options, "wheel").get("cmake") is False:
        signs.pure = True
        signs.add("evidence", "pyproject.toml: wheel.cmake = false")
        return
    folder = _table(options, "cmake").get("source-dir")
    path = f"{folder.strip('./')}/CMakeLists.txt" if isinstance(folder, str) else "CMakeLists.txt"
    text = archive.texts.get(path.lstrip("/"))
    if text is None:
        signs.compiled(*default, because="pyproject.toml: built by CMake")
        return
    built = build_files.cmake(text, default)
    _take(built, path, signs)
    if signs.pure is None:
        signs.compiled(because=f"{path}: project() without a language")


def _take(built: build_files.Built, path: str, signs: Signs) -> None:
    if built.languages:
        said = ", ".join(built.languages)
        signs.compiled(*built.languages, because=f"{path}: the project's languages are {said}")
    if built.packages:
        signs.add("programs", "pkg-config", *(f"pkg-config {name}" for name in built.packages))
    if "cuda" in built.languages:
        signs.add("programs", "nvcc")
    signs.add("downloads", *(f"{path}: {each}" for each in built.fetches))


def _meson(archive: Archive, signs: Signs) -> None:
    text = archive.texts.get("meson.build")
    if text is None:
        found = [language_of(name) for name in own_sources(archive)]
        most = [each for each in dict.fromkeys(found) if found.count(each) * 20 > len(found)]
        signs.compiled(*most, because="pyproject.toml: built by Meson; its sources")
        return
    built = build_files.meson(text)
    _take(built, "meson.build", signs)
    if signs.pure is None:
        signs.pure = True
        signs.add("evidence", "meson.build: the project has no language that is compiled")
    elif signs.pure is False:
        includes.wanted(archive, own_sources(archive), signs, known_only=True)


def _cargo(archive: Archive, signs: Signs) -> None:
    signs.compiled("rust", because="pyproject.toml: maturin builds a Rust crate")
    vendored = any("vendored" in text for name, text in archive.texts.items() if "Cargo" in name)
    for name, text in archive.texts.items():
        if not name.endswith("Cargo.toml"):
            continue
        for crate, rest in build_files.crates(text).items():
            row = rows("crate").get(crate)
            if row and row["unless"] not in rest and "optional = true" not in rest and not vendored:
                signs.add("headers", row["header"])
                signs.add("evidence", f"{name}: {crate}")


def _hatch(archive: Archive, project: dict[str, Any], signs: Signs) -> None:
    build = _table(project, "tool", "hatch", "build")
    hooks = {**_table(build, "hooks"), **_table(build, "targets", "wheel", "hooks")}
    for name, options in list(hooks.items())[:20]:
        if isinstance(options, dict) and options.get("enable-by-default") is False:
            continue
        row = rows("hook").get(name)
        if name == "custom":
            path = options.get("path") if isinstance(options, dict) else None
            _script(archive, path if isinstance(path, str) else "hatch_build.py", signs)
        elif row and row.get("reads") == "CMakeLists.txt":
            _cmake(archive, project, tuple(row["languages"]), signs)
        elif row and row.get("languages"):
            signs.compiled(*row["languages"], because=f"pyproject.toml: hatchling's hook {name}")
        elif row is None or "languages" not in row:
            signs.add("evidence", f"pyproject.toml: hatchling's hook {name}, not known here")
            return
    if signs.pure is None and not signs.evidence:
        signs.pure = True
        signs.add("evidence", "pyproject.toml: hatchling, no hook that compiles")


#: What a script of a build does that compiles, and in which language.
_COMPILES = (
    (re.compile(r"\bcythonize\b|\bExtension\("), ("c",)),
    (re.compile(r"[\"']cmake\b"), ("c", "c++")),
    (re.compile(r"[\"']cargo\b|RustExtension"), ("rust",)),
    (re.compile(r"[\"']go\b[\"'],|[\"']go build"), ("go",)),
    (re.compile(r"[\"'](gcc|cc|clang|make)\b[\"' ]"), ("c",)),
    (re.compile(r"[\"'](g\+\+|c\+\+|clang\+\+)"), ("c++",)),
    (re.compile(r"\bmypycify\b"), ("c",)),
    (re.compile(r"[\"']zig\b"), ("zig",)),
    (re.compile(r"\bffi\w*\.compile\("), ("c",)),
)


def _script(archive: Archive, path: str, signs: Signs) -> None:
    """A script that a back-end runs, by the words in it."""
    path = path.removeprefix("./").strip("/")
    text = archive.texts.get(path)
    if text is None:
        signs.add("evidence", f"pyproject.toml: {path} has a part in the build and was not seen")
        return
    by_setuptools.fetches(archive, path, signs)
    for pattern, languages in _COMPILES:
        if pattern.search(text):
            signs.compiled(*languages, because=f"{path}: {pattern.search(text)[0]}")  # type: ignore[index]
    if signs.pure is None:
        if re.search(r"pure_python.{0,5}=\s*False|infer_tag", text):
            signs.add("evidence", f"{path}: it makes a wheel for one platform, of what is unknown")
            signs.pure = None
        else:
            signs.pure = True
            signs.add("evidence", f"{path}: a part of the build, it compiles nothing")


def _poetry(archive: Archive, project: dict[str, Any], requires: list[str], signs: Signs) -> None:
    build = _table(project, "tool", "poetry").get("build")
    script = build.get("script") if isinstance(build, dict) else build
    if isinstance(script, str) and script:
        by_setuptools.read_script(archive, script.strip("/"), requires, signs, "build")
    if signs.pure is None and not isinstance(script, str):
        signs.pure = True
        signs.add("evidence", "pyproject.toml: Poetry without a build script")


def _pdm(archive: Archive, project: dict[str, Any], requires: list[str], signs: Signs) -> None:
    build = _table(project, "tool", "pdm", "build")
    if build.get("run-setuptools") is True or isinstance(build.get("setup-script"), str):
        by_setuptools.read(archive, project, requires, signs)
        return
    hook = build.get("custom-hook")
    path = hook if isinstance(hook, str) else "pdm_build.py"
    if path in archive.names:
        _script(archive, path, signs)
    else:
        signs.pure = True
        signs.add("evidence", "pyproject.toml: PDM without a build hook")
