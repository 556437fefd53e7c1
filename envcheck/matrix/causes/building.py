"""An sdist that could not be built: what it lacked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.knowledge import table
from envcheck.matrix.causes import build_rules, packages
from envcheck.matrix.causes.base import Verdict, evidence
from envcheck.matrix.causes.wording import ended, platform_words
from envcheck.predict.projects import numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.matrix.causes.base import Failure
    from envcheck.matrix.causes.build_rules import Rule
    from envcheck.matrix.causes.reading import Build

    Matched = tuple[str, str, str]  # cause, what its build lacks or does, remedy

_LANGUAGES = {
    "C": ("C", "C"), "CXX": ("C++", "C++"), "C++": ("C++", "C++"),
    "Fortran": ("Fortran", "Fortran"),
}  # fmt: skip
_PROGRAM_OF = {
    "cargo": "Rust", "rustc": "Rust", "gfortran": "Fortran",
    "g++": "C++", "c++": "C++", "clang++": "C++", "cl": "C", "cl.exe": "C",
}  # fmt: skip
#: File names that are a fault of the sdist itself when they are missing.
_DATA = re.compile(r"\.(?:md|rst|txt|cfg|toml|json|in|py|pyx|h|c)$")


def judge(failure: Failure, build: Build) -> Verdict:
    """Why ``build`` failed."""
    name = build.name
    if build.signal:
        return Verdict(
            "crash",
            f"{_why_built(failure, name)} crashed ({build.signal})",
            _use_wheel(failure, name),
            evidence(build.lines[-4:]),
        )
    found = build_rules.last(build.lines)
    if found is None:
        return Verdict(
            "build-failed",
            f"{_why_built(failure, name)} failed{ended(failure.step)} and does not say why",
            _use_wheel(failure, name),
            evidence(build.lines[-4:]),
        )
    rule, match = found
    cause, what, remedy = _HANDLERS[rule.kind](failure, match, rule)
    lines = [match.string, *build.lines[-1:]]
    return Verdict(
        cause, f"{_why_built(failure, name)} {what}", remedy or _use_wheel(failure, name),
        evidence(lines),
    )  # fmt: skip


def _why_built(failure: Failure, name: str) -> str:
    """``regex 2026.11.15 has no wheel for musl 1.2.3 x86_64, CPython 3.12; building its sdist``."""
    project, _, version = name.partition(" ")
    found = failure.project(project) if project else None
    number = found.number(version) if found and version else None
    if found and not version and found.releases:
        number = len(found.releases) - 1
    if not found or number is None or found.choice(number, failure.target).kind != "sdist":
        return f"building {name or 'an sdist'}"
    if not found.releases[number].wheels:
        return f"{name} is published as an sdist only; building it"
    return f"{name} has no wheel for {platform_words(failure)}; building its sdist"


def _use_wheel(failure: Failure, name: str) -> str:
    """The remedy that is left: a release or an interpreter for which there is a wheel."""
    project, _, version = name.partition(" ")
    found = failure.project(project)
    if found is None:
        return ""
    fitting = [
        found.versions[number]
        for number in numbers(found.final & found.standing)
        if found.choice(number, failure.target).kind in ("wheel", "generic")
    ]
    if fitting and str(fitting[-1]) != version:
        return f"use {project} {fitting[-1]}, the newest release with a wheel for this cell"
    return ""


def _compiler(failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    program = re.sub(r"-\d+$", "", match["compiler"].rpartition("/")[2])
    language = _PROGRAM_OF.get(program, _PROGRAM_OF.get(program.rpartition("-")[2], "C"))
    what = f"needs a {language} compiler (`{match['compiler']}`), and there is none"
    return "no-compiler", what, packages.compiler(failure, language)


def _language(failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    word, key = _LANGUAGES.get(match["language"], (match["language"], ""))
    remedy = packages.compiler(failure, key) if key else f"install {word}"
    return "no-compiler", f"needs a {word} compiler, and there is none", remedy


def _rust(failure: Failure, _match: re.Match[str], _rule: Rule) -> Matched:
    what = "needs a Rust compiler (`cargo`), and there is none"
    return "no-compiler", what, packages.compiler(failure, "Rust")


def _header(failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    library, remedy = packages.for_building(failure, "header", match["name"])
    of = f" of {library}" if library else ""
    text = f"needs the header `{match['name']}`{of}, which is not there"
    return "missing-header", text, remedy


def _library(kind: str) -> Callable[[Failure, re.Match[str], Rule], Matched]:
    def handler(failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
        name = match["name"]
        key = f"lib{name}.so" if kind == "library" else name
        library, remedy = packages.for_building(
            failure, "soname" if kind == "library" else kind, key
        )
        if not library and kind in ("cmake", "library"):
            library, remedy = packages.for_building(failure, "pkg-config", name.lower())
        of = f"{library} (`{name}`)" if library and library.lower() != name.lower() else name
        return "missing-header", f"needs the library {of}, which is not there", remedy

    return handler


def _program(failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    name = match["name"].lower() if match["name"] in ("CMake", "MAKE") else match["name"]
    library, _ = packages.for_building(failure, "program", name)
    remedy = packages.program(failure, name)
    if library:
        return "missing-header", f"needs `{name}` of {library}, which is not there", remedy
    return "build-failed", f"needs the program `{name}`, which is not there", remedy


def _file(failure: Failure, match: re.Match[str], rule: Rule) -> Matched:
    name = match["name"]
    if "/" not in name and not _DATA.search(name):
        return _program(failure, match, rule)
    shown = name.rpartition("/")[2] if name.startswith("/") else name
    return "build-failed", f"looks for the file `{shown}`, which is not there", ""


def _platform(_failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    remedy = "it is made for another system: leave these cells out ([[exclude]])"
    return "build-failed", f"is refused on this operating system: `{_said(match)}`", remedy


def _refuses(failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    return "build-failed", f"is refused for {failure.target.words}: `{_said(match)}`", ""


def _module(failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    name = match["name"].partition(".")[0]
    removed = removed_module(name, failure.target.minor)
    if removed:
        text = f"imports `{name}`, which was removed in Python {removed}"
        return "build-failed", text, f"use a newer release of it, or Python before {removed}"
    text = f"imports `{match['name']}`, which its build requirements do not bring"
    remedy = f"install `{name}` first and build with `--no-build-isolation`, or use a wheel"
    return "build-failed", text, remedy


def _source(_failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    return "build-failed", f"fails, the compiler rejects its source: `{_said(match)}`", ""


def _killed(failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    if failure.step.oom:
        return "memory", f"needed more memory than {failure.cell.limits.memory}", ""
    text = (
        f"fails: the compiler (`{match['text']}`) was killed, as a kernel does when memory runs out"
    )
    return "build-failed", text, "give the cell more memory (limits.memory)"


def _memory(failure: Failure, _match: re.Match[str], _rule: Rule) -> Matched:
    text = f"ran out of memory (limit: {failure.cell.limits.memory})"
    return "memory", text, "give the cell more memory (limits.memory)"


def _disk(failure: Failure, _match: re.Match[str], _rule: Rule) -> Matched:
    text = f"filled the disk (scratch space: {failure.cell.limits.scratch})"
    return "disk", text, "give the cell more scratch space (limits.scratch)"


def _network(_failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    text = "wants to download something itself, and cells reach nothing but the index"
    return "build-failed", f"{text}: `{_said(match)}`", ""


def _error(_failure: Failure, match: re.Match[str], _rule: Rule) -> Matched:
    return "build-failed", f"fails: `{_said(match)}`", ""


def _said(match: re.Match[str]) -> str:
    return evidence([match["text"]])[0][:160] if match["text"].strip() else "it does not say more"


def removed_module(name: str, python: str) -> str:
    """The Python (``3.12``) that removed a standard module, if this one lacks it; else empty."""
    for row in table("removed_modules")["rows"]:
        if name in row["modules"] and _older(row["removed"], python):
            return str(row["removed"])
    return ""


def _older(removed: str, python: str) -> bool:
    first, second = (
        [int(part) for part in re.findall(r"\d+", text)[:2]] for text in (removed, python)
    )
    return first <= second


_HANDLERS: dict[str, Callable[[Failure, re.Match[str], Rule], Matched]] = {
    "compiler": _compiler,
    "language": _language,
    "rust": _rust,
    "header": _header,
    "library": _library("library"),
    "pkg-config": _library("pkg-config"),
    "cmake": _library("cmake"),
    "soname": _library("soname"),
    "program": _program,
    "file": _file,
    "platform": _platform,
    "refuses": _refuses,
    "module": _module,
    "source": _source,
    "killed": _killed,
    "memory": _memory,
    "disk": _disk,
    "network": _network,
    "error": _error,
}
