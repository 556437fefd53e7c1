"""Finding and reading matrices; making one of a few words on the command line."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import msgspec
from msgspec.structs import replace

from envcheck.errors import DataError, UsageError, did_you_mean
from envcheck.matrix import pythons, reading
from envcheck.matrix.meaning import SMOKE, problems_of
from envcheck.matrix.shipped import names, shipped
from envcheck.model.matrix import SCHEMA, Index, MatrixDocument
from envcheck.predict.inputs.requirement import ARCHIVES
from envcheck.predict.inputs.requirement import parse as parse_requirement
from envcheck.predict.inputs.requirements_file import flatten
from envcheck.predict.inputs.static_metadata import metadata
from envcheck.tomlfile import is_path, parse, printable, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.model.matrix import Subject

FOLDER = "matrices"


class Loaded(NamedTuple):
    """A matrix, where its paths begin, and in a sentence what it was taken for."""

    document: MatrixDocument
    name: str
    folder: str
    said: str = ""


def load(reference: str, cwd: str) -> Loaded:
    """The matrix called ``reference``: a TOML file's path, or a name in ``matrices/`` of the
    project around ``cwd`` or of envcheck. Raises DataError with all that is wrong.
    """
    if is_path(reference):
        path = os.path.join(cwd, os.path.expanduser(reference))
    else:
        path = find(reference, cwd) or _not_found(reference, cwd)
    shown = reference if is_path(reference) else _shown(path, cwd)
    folder = os.path.dirname(os.path.abspath(path))
    document = reading.read(parse(read(path, shown), shown), folder)
    name = os.path.basename(path).removesuffix(".toml")
    return Loaded(document, name, folder, f"the matrix {shown}")


def loads(text: str, path: str = "matrix.toml", folder: str = ".") -> MatrixDocument:
    """The matrix written in ``text``. Raises DataError."""
    return reading.read(parse(text.encode("utf-8", "surrogateescape"), path), folder)


def find(name: str, cwd: str) -> str:
    """The path of the matrix of that name, empty if there is none."""
    for folder in (*_folders(cwd), shipped(FOLDER)):
        path = os.path.join(folder, f"{name}.toml")
        if os.path.isfile(path):
            return path
    return ""


def available(cwd: str) -> list[str]:
    """The names of all matrices here, sorted; the project's own replace shipped ones."""
    found = set(names())
    for folder in _folders(cwd):
        found |= {n[: -len(".toml")] for n in os.listdir(folder) if n.endswith(".toml")}
    return sorted(found)


def _folders(cwd: str) -> list[str]:
    """``matrices/`` here and upwards, as far as the project reaches."""
    folders = []
    folder, home = os.path.abspath(cwd), os.path.expanduser("~")
    while True:
        if os.path.isdir(inside := os.path.join(folder, FOLDER)):
            folders.append(inside)
        parent = os.path.dirname(folder)
        if folder in (parent, home) or os.path.exists(os.path.join(folder, ".git")):
            return folders
        folder = parent


def _shown(path: str, cwd: str) -> str:
    """A path as messages call it: a shipped one alike wherever envcheck is installed."""
    if os.path.dirname(path) == shipped(FOLDER):
        return f"{FOLDER}/{os.path.basename(path)}"
    return os.path.relpath(path, cwd)


def _not_found(name: str, cwd: str) -> NoReturn:
    known = available(cwd)
    shown = printable(name)
    hint = f"matrices: {', '.join(known)}; a file is named by a path, such as ./{shown}.toml"
    raise DataError(f"there is no matrix `{shown}`{did_you_mean(name, known)}", hint=hint)


def choose(words: Sequence[str], cwd: str, **options: Any) -> Loaded:
    """What ``envcheck matrix run WORDS`` means: the one matrix of that name or path, else the
    requirements, project or file that is named. ``options`` are those of ``ad_hoc``; of a matrix
    the axes are for ``plan``, and what is tested is the matrix's own.
    """
    if len(words) != 1 or not (words[0].endswith(".toml") or _is_matrix(words[0], cwd)):
        return ad_hoc(words, cwd, **options)
    for name in ("extras", "requirements_file"):
        if options.get(name):
            raise UsageError(
                f"--{name.replace('_', '-')} does not go with a matrix:"
                f" `{printable(words[0])}` says that itself",
                hint=f"for the distribution of that name write `{printable(words[0])}>=0`",
            )
    loaded = _adjusted(load(words[0], cwd), cwd, options)
    if os.path.isdir(os.path.join(cwd, words[0])):
        loaded = loaded._replace(said=f"{loaded.said}; for the directory write ./{words[0]}")
    return loaded


def _adjusted(loaded: Loaded, cwd: str, options: Mapping[str, Any]) -> Loaded:
    """The matrix with what the command line says more precisely. Raises UsageError."""
    document = loaded.document
    test, steps = document.test, document.steps
    smoke = options.get("smoke") or test.smoke
    if options.get("smoke") and smoke not in SMOKE:
        smoke = os.path.relpath(os.path.join(cwd, smoke), loaded.folder)
    constraints = [
        line for word in options.get("constraints", ()) for line in _constraint(word, cwd)
    ]
    index: Index = options.get("index") or Index()
    said = {name: getattr(index, name) for name in Index.__struct_fields__}
    document = replace(
        document,
        test=replace(
            test,
            constraints=[*test.constraints, *constraints],
            imports=list(options.get("imports") or test.imports),
            smoke=smoke,
        ),
        steps=replace(steps, skip=list(dict.fromkeys([*steps.skip, *options.get("skip", ())]))),
        index=replace(document.index, **{name: value for name, value in said.items() if value}),
    )
    return loaded._replace(document=_checked(document, loaded.folder))


def _checked(document: MatrixDocument, folder: str) -> MatrixDocument:
    """The document. Raises UsageError if the words on the command line make no sense in it."""
    problems = [f"{_option(path)}: {what}" for path, what in problems_of(document, folder)]
    if problems:
        raise UsageError("this cannot be tested", context=tuple(dict.fromkeys(problems)))
    return document


def _is_matrix(word: str, cwd: str) -> bool:
    return not is_path(word) and word not in (".", "..") and bool(find(word, cwd))


def ad_hoc(
    words: Sequence[str],
    cwd: str,
    *,
    python: Sequence[str] = (),
    os: Sequence[str] = (),
    architecture: Sequence[str] = (),
    installer: Sequence[str] = (),
    extras: Sequence[str] = (),
    constraints: Sequence[str] = (),
    requirements_file: str = "",
    imports: Sequence[str] = (),
    smoke: str = "",
    index: Index | None = None,
    skip: Sequence[str] = (),
) -> Loaded:
    """A matrix of what is named: requirements, at most one project, wheel or sdist by its path,
    a requirements file. Raises UsageError with all that is wrong.
    """
    projects = [word for word in words if _is_project(word)]
    if len(projects) > 1:
        raise UsageError(f"more than one project: {', '.join(map(printable, projects))}")
    path, own_extras = _with_extras(projects[0]) if projects else ("", [])
    test = {
        "requirements": [word for word in words if word not in projects],
        "project": path,
        "requirements-file": requirements_file,
        "extras": [*own_extras, *extras],
        "constraints": [line for word in constraints for line in _constraint(word, cwd)],
        "imports": list(imports),
        "smoke": smoke,
    }
    pythons_, why = (list(python), "") if python else _pythons(path, cwd)
    axes = {
        "python": pythons_,
        "os": list(os),
        "architecture": list(architecture),
        "installer": list(installer),
    }
    document = _converted({"test": test, "axes": axes, "steps": {"skip": list(skip)}}, index)
    _checked(document, cwd)
    return Loaded(document, _name(document.test, cwd), cwd, _said(words, document.test, why, cwd))


def _converted(tables: Mapping[str, Mapping[str, object]], index: Index | None) -> MatrixDocument:
    """The document of what was said; what was not is as in a file that does not say it."""
    said: dict[str, object] = {
        name: {key: value for key, value in table.items() if value}
        for name, table in tables.items()
    }
    try:
        document = msgspec.convert({"schema": SCHEMA, **said}, MatrixDocument)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        key = place.strip("`").partition("[")[0].rpartition(".")[2]
        raise UsageError(f"--{key}: {message[:1].lower()}{message[1:]}") from error
    return document if index is None else replace(document, index=index)


def _constraint(word: str, cwd: str) -> Sequence[str]:
    """A constraint, or those in the file of that name."""
    path = os.path.join(cwd, os.path.expanduser(word))
    return flatten(path, word, cwd, constraint=True).constraints if os.path.isfile(path) else [word]


def _option(path: tuple[str | int, ...]) -> str:
    """How the command line calls the key at ``path``."""
    key = str(path[-1])
    words = {"requirements": "requirement", "project": "project", "test": "what"}
    return words.get(key, f"--{key}")


def _is_project(word: str) -> bool:
    """Whether a word is the path of a project, wheel or sdist, and no requirement."""
    path = _with_extras(word)[0]
    if "://" in word or " @ " in word:
        return False
    return path in (".", "..") or path.endswith(ARCHIVES) or "/" in path or "\\" in path


def _with_extras(word: str) -> tuple[str, list[str]]:
    """``.[train,test]`` -> ``.`` and the extras."""
    path, bracket, rest = word.partition("[")
    if not bracket or not rest.endswith("]"):
        return os.path.expanduser(word), []
    extras = [part.strip() for part in rest[:-1].split(",") if part.strip()]
    return os.path.expanduser(path), extras


def _pythons(project: str, cwd: str) -> tuple[list[str], str]:
    """The Pythons for what is tested, and why these."""
    today = dt.datetime.now(dt.timezone.utc).date()
    path = os.path.join(cwd, project)
    if project and os.path.exists(path):
        chosen, said = pythons.of_project(path, today)
        return chosen, f"Requires-Python {said}" if said else "the Pythons supported today"
    return pythons.supported(today), "the Pythons supported today"


def _name(test: Subject, cwd: str) -> str:
    """A name for reports: the distribution's, the project's or the file's."""
    if test.project:
        path = os.path.abspath(os.path.join(cwd, test.project))
        return metadata(path).get("Name", "") or os.path.basename(path)
    if test.requirements:
        wanted = parse_requirement(test.requirements[0])
        return wanted.name or os.path.basename(wanted.url).removesuffix(".git")
    return os.path.splitext(os.path.basename(test.requirements_file))[0]


def _said(words: Sequence[str], test: Subject, why: str, cwd: str) -> str:
    what = [*words, *filter(None, [test.requirements_file])]
    said = f"no matrix, but {', '.join(map(printable, what))}"
    bare = len(words) == 1 and not test.project and words[0].replace("-", "").isalnum()
    near = did_you_mean(words[0], available(cwd)) if bare else ""
    return said + near + (f"; on {why}" if why else "")
