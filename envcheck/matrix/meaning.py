"""What is wrong in a matrix though each of its values has the right type."""

from __future__ import annotations

import datetime as dt
import os
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from envcheck.errors import did_you_mean
from envcheck.model.matrix import STEPS
from envcheck.predict.inputs.addresses import url_problem
from envcheck.predict.inputs.requirement import ARCHIVES, parse
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envcheck.model.matrix import Axes, Index, MatrixDocument, Steps, Variant

Path = tuple[str | int, ...]

AXES = ("python", "os", "architecture", "installer")  # those that every matrix has
SMOKE = ("accelerator", "none")  # words for `smoke` that are no file
_PYTHON = re.compile(r"3\.(0|[1-9][0-9]?)(\.[0-9]{1,2})?t?$")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")
_AFTER_INSTALL = ("import", "smoke", "measure")


def problems_of(document: MatrixDocument, folder: str) -> Iterator[tuple[Path, str]]:
    """(path of the key, what is wrong) of everything. Paths in it are relative to ``folder``."""
    yield from _subject(document, folder)
    yield from _axes(document.axes)
    yield from index_problems(document.index, folder)
    for axis, values in document.variants.items():
        if axis in AXES:
            yield ("variants", axis), f"`{axis}` is an axis already: write it in [axes]"
        if not _WORD.match(axis):
            yield ("variants", axis), "no name: letters, digits, `.`, `_`, `+` and `-`"
        for word, variant in values.items():
            if not _WORD.match(word):
                yield ("variants", axis, word), "no name: letters, digits, `.`, `_`, `+` and `-`"
            yield from _variant(variant, ("variants", axis, word), folder)
    yield from _cells(document)
    yield from _steps(document.steps)
    for name, seconds in msgspec.to_builtins(document.limits.seconds).items():
        if not 0 < seconds <= 7 * 86400:
            yield ("limits", "seconds", name), "no deadline: more than 0 seconds, at most a week"
    for name in ("memory", "disk", "scratch", "log"):
        text = getattr(document.limits, name)
        if text[-1] == "T" and float(text[:-1]) > 1024:
            yield ("limits", name), f"`{text}` is more than any machine has"


def _subject(document: MatrixDocument, folder: str) -> Iterator[tuple[Path, str]]:
    test = document.test
    axes = document.variants.values()
    by_axis = any(all(variant.requirements for variant in axis.values()) for axis in axes)
    if not (test.requirements or test.project or test.requirements_file or by_axis):
        what = "nothing to test: give `requirements`, `project` or `requirements-file`"
        yield ("test",), what
    for word in test.requirements:
        if what := requirement_problem(word):
            yield ("test", "requirements"), what
    for word in test.constraints:
        if what := constraint_problem(word):
            yield ("test", "constraints"), what
    if test.project and (what := _project_problem(os.path.join(folder, test.project))):
        yield ("test", "project"), what
    if test.extras and not test.project:
        yield ("test", "extras"), "are those of `project`; of a requirement write NAME[EXTRA]"
    if test.requirements_file:
        path = os.path.join(folder, test.requirements_file)
        if not os.path.isfile(path):
            yield ("test", "requirements-file"), f"there is no file {printable(path)}"
    for name in test.imports:
        if not _MODULE.match(name):
            yield ("test", "imports"), f"`{printable(name)}` is no name of a module"
    if not test.smoke:
        yield ("test", "smoke"), "empty: write `none` for no smoke script"
    elif test.smoke not in SMOKE and not os.path.isfile(os.path.join(folder, test.smoke)):
        near = did_you_mean(test.smoke, SMOKE)
        yield ("test", "smoke"), f"there is no file `{printable(test.smoke)}` here{near}"


def requirement_problem(word: str) -> str:
    """What is wrong with a requirement, empty if nothing is."""
    try:
        parse(word)
    except ValueError as error:
        return f"`{printable(word)}`: {error}"
    return ""


def constraint_problem(word: str) -> str:
    """What is wrong with a constraint, empty if nothing is."""
    shown = f"`{printable(word)}`"
    try:
        constraint = Requirement(word.partition(" --hash=")[0])
    except InvalidRequirement as error:
        return f"{shown}: no PEP 508 requirement: {str(error).splitlines()[0]}"
    if constraint.extras or constraint.url:
        return f"{shown}: a constraint has neither extras nor an address"
    return ""


def _project_problem(path: str) -> str:
    shown = printable(path)
    if os.path.isdir(path):
        known = ("pyproject.toml", "setup.py", "setup.cfg")
        if not any(os.path.isfile(os.path.join(path, name)) for name in known):
            return f"{shown} is no project: it has none of {', '.join(known)}"
        return ""
    if not os.path.isfile(path):
        return f"there is no {shown}"
    if not path.endswith(ARCHIVES):
        return f"{shown} is neither a directory nor a {', '.join(ARCHIVES)}"
    return ""


def _axes(axes: Axes) -> Iterator[tuple[Path, str]]:
    for name in AXES:
        values: Sequence[str] = getattr(axes, name)
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield ("axes", name), f"has `{value}` twice"
    for version in axes.python:
        if not _PYTHON.match(version):
            yield ("axes", "python"), f"`{version}` is no version such as 3.12, 3.12.4 or 3.13t"


def index_problems(index: Index | Variant, folder: str) -> Iterator[tuple[Path, str]]:
    """Of where distributions come from, in ``[index]`` or in a variant."""
    is_table = hasattr(index, "url")
    prefix: Path = ("index",) if is_table else ()
    fields = ("url", "extra_urls") if is_table else ("index_url", "extra_index_urls")
    for name in fields:
        said = getattr(index, name)
        for url in [said] if isinstance(said, str) else said:
            if what := url_problem(url, ("http", "https", "file")):
                yield (*prefix, name.replace("_", "-")), what
    for place in index.find_links:
        if "://" in place:
            what = url_problem(place, ("http", "https", "file"))
        else:
            path = os.path.join(folder, os.path.expanduser(place))
            what = "" if os.path.isdir(path) else f"there is no directory {printable(path)}"
        if what:
            yield (*prefix, "find-links"), what
    day = getattr(index, "exclude_newer", "")
    if day and not _is_day(day):
        yield (*prefix, "exclude-newer"), f"`{printable(day)}` is no day: write YYYY-MM-DD"


def _is_day(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _variant(variant: Variant, path: Path, folder: str) -> Iterator[tuple[Path, str]]:
    for word in variant.requirements:
        if what := requirement_problem(word):
            yield (*path, "requirements"), what
    for word in variant.constraints:
        if what := constraint_problem(word):
            yield (*path, "constraints"), what
    for key, what in index_problems(variant, folder):
        yield (*path, *key), what


def _cells(document: MatrixDocument) -> Iterator[tuple[Path, str]]:
    """``include`` and ``exclude``: their axes are known, and what they name is there."""
    values: dict[str, list[str]] = {axis: [*getattr(document.axes, axis)] for axis in AXES}
    values |= {axis: list(variants) for axis, variants in document.variants.items()}
    for number, cell in enumerate(document.include):
        if not cell:
            yield ("include", number), "names no axis"
        for axis, value in cell.items():
            if axis not in values:
                yield ("include", number, axis), f"no axis{did_you_mean(axis, values)}"
            elif what := _value_problem(axis, value, document):
                yield ("include", number, axis), what
    for number, cell in enumerate(document.exclude):
        if not cell:
            yield ("exclude", number), "names no axis, so that it would leave out every cell"
        for axis, glob in cell.items():
            if axis not in values:
                yield ("exclude", number, axis), f"no axis{did_you_mean(axis, values)}"
            elif axis != "architecture" and not any(fnmatchcase(v, glob) for v in values[axis]):
                near = did_you_mean(glob, values[axis])
                yield ("exclude", number, axis), f"`{printable(glob)}` matches no value of it{near}"


def _value_problem(axis: str, value: str, document: MatrixDocument) -> str:
    """What is wrong with a value of an axis that is said outside of ``[axes]``."""
    shown = f"`{printable(value)}`"
    if axis == "python":
        return "" if _PYTHON.match(value) else f"{shown} is no version such as 3.12"
    if axis == "installer" and value not in ("uv", "pip"):
        return f"{shown} is none of uv, pip"
    if axis in document.variants and value not in document.variants[axis]:
        known = document.variants[axis]
        return f"{shown} is none of {', '.join(known)}{did_you_mean(value, known)}"
    return "" if _WORD.match(value) else f"{shown} is no name"


def _steps(steps: Steps) -> Iterator[tuple[Path, str]]:
    for step in steps.skip:
        if step not in STEPS:  # on the command line it can be any word
            near = did_you_mean(step, STEPS)
            yield ("steps", "skip"), f"`{printable(step)}` is none of {', '.join(STEPS)}{near}"
    for step in ("create", "resolve"):
        if step in steps.skip:
            yield ("steps", "skip"), f"nothing can be said of a cell without `{step}`"
    if "install" in steps.skip:
        left = [step for step in _AFTER_INSTALL if step not in steps.skip]
        if left:
            yield (
                ("steps", "skip"),
                f"without `install` there is no {', '.join(left)}: skip them too",
            )
