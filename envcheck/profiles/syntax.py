"""What types cannot say about a requirement: specifiers, versions, names that parse."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envcheck.errors import did_you_mean
from envcheck.model.condition import CONDITIONS
from envcheck.tomlfile import printable

Problems = Iterator[tuple[str, str]]  # (key or empty, what is wrong with it)

#: kind -> keys that hold a PEP 440 specifier set
SPECIFIERS: dict[str, tuple[str, ...]] = {
    "python": ("requires",),
    "cuda_toolkit": ("requires",),
    "cudnn": ("requires",),
    "driver": ("requires", "cuda"),
    "device": ("compute_capability",),
    "compiler": ("requires",),
}
#: kind -> keys of which at least one has to say something
ONE_OF: dict[str, tuple[str, ...]] = {
    "python": ("requires", "implementation", "free_threaded"),
    "driver": ("requires", "cuda"),
    "cpu": ("minimum", "features"),
}
#: kind -> keys that must not be empty
FILLED: dict[str, tuple[str, ...]] = {
    "os": ("any",),
    "wheel_tag": ("any",),
    "device": ("any",),
    "distribution": ("requires",),
    "cuda_toolkit": ("requires",),
    "cudnn": ("requires",),
    "disk": ("path",),
    "file": ("path",),
}
_TAG = re.compile(r"[a-z0-9_]{1,100}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
_FEATURE = re.compile(r"[a-z0-9_.]{1,40}")


def problems_of(kind: str, requirement: Any) -> Problems:
    """Every (key, what is wrong) of a requirement whose types are right."""
    for condition in requirement.when:
        if condition not in CONDITIONS:
            close = did_you_mean(condition, CONDITIONS)
            yield "when", f"`{printable(condition)}` is no condition{close}"
    for key in FILLED.get(kind, ()):
        if not getattr(requirement, key):
            yield key, "must not be empty"
    choices = ONE_OF.get(kind, ())
    if choices and not any(_given(getattr(requirement, key)) for key in choices):
        yield "", f"requires nothing: give one of {', '.join(f'`{key}`' for key in choices)}"
    for key in SPECIFIERS.get(kind, ()):
        yield from _specifier(key, getattr(requirement, key))
    for key in requirement.__struct_fields__:
        value = getattr(requirement, key)
        if isinstance(value, float) and not math.isfinite(value):
            yield key, f"`{value}` is no amount"
        if isinstance(value, str) and "\0" in value:
            yield key, "must not contain a null character"
    if "=" in getattr(requirement, "path", ""):  # the agent is asked for label=path
        yield "path", "must not contain `=`"
    if kind in _OWN:
        yield from _OWN[kind](requirement)


def _given(value: object) -> bool:
    """Whether a key says something; ``free_threaded = false`` does."""
    return value is False or bool(value)


def _specifier(key: str, text: str) -> Problems:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        hint = ""
        with contextlib.suppress(InvalidVersion):
            hint = f"; did you mean `>={Version(text)}`?"
        yield key, f"`{printable(text)}` is no specifier as in PEP 440{hint}"


def _distribution(requirement: Any) -> Problems:
    text = requirement.requires
    if not text:
        return
    try:
        parsed = Pep508(text)
    except InvalidRequirement as error:
        what = printable(str(error).partition("\n")[0])
        yield "requires", f"`{printable(text)}` is no requirement as in PEP 508: {what}"
        return
    if parsed.url:
        yield "requires", "an address says nothing about a version: write `name>=version`"


def _os(requirement: Any) -> Problems:
    for name in requirement.recommended:
        if name not in requirement.any:
            yield "recommended", f"`{name}` is not in `any`"


def _libc(requirement: Any) -> Problems:
    if requirement.minimum:
        try:
            Version(requirement.minimum)
        except InvalidVersion:
            yield "minimum", f"`{printable(requirement.minimum)}` is no version"


def _wheel_tag(requirement: Any) -> Problems:
    for tag in requirement.any:
        if not _TAG.fullmatch(tag):
            what = "is no platform tag such as `manylinux_2_28_x86_64`"
            yield "any", f"`{printable(tag)}` {what}"


def _cpu(requirement: Any) -> Problems:
    for feature in requirement.features:
        if not _FEATURE.fullmatch(feature):
            yield "features", f"`{printable(feature)}` is no feature such as `avx2`"


def _variable(requirement: Any) -> Problems:
    if not _VARIABLE.fullmatch(requirement.name):
        yield "name", f"`{printable(requirement.name)}` is no name of an environment variable"


_OWN: dict[str, Callable[[Any], Problems]] = {
    "distribution": _distribution,
    "os": _os,
    "libc": _libc,
    "wheel_tag": _wheel_tag,
    "cpu": _cpu,
    "variable": _variable,
}
