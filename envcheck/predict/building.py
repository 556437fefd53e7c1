"""Whether an sdist can be built on a target, as far as its files tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.artifact import SdistFacts
    from envcheck.model.target import Target

_COMPILERS = {
    "c": "a C compiler", "c++": "a C++ compiler", "fortran": "a Fortran compiler",
    "objective-c": "an Objective-C compiler", "rust": "Rust (cargo)", "go": "Go", "zig": "Zig",
    "cuda": "CUDA's compiler (nvcc)", "java": "a JDK",
}  # fmt: skip
_SYSTEMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}


class Prospect(NamedTuple):
    """What is to be expected of a build. ``pure``: None if it cannot be told; ``languages``: that
    are compiled; ``summary``: what it needs, in words.

    ``problem``: why it fails there, in a clause; ``cause``: of that, one of ``cell.CAUSES``; both
    empty if nothing is known to stand in the way. ``remedy``: what would bring what it needs.
    """

    pure: bool | None = None
    languages: tuple[str, ...] = ()
    summary: str = ""
    cause: str = ""
    problem: str = ""
    remedy: str = ""


def prospect(facts: SdistFacts | None, target: Target) -> Prospect:
    """Of the build of an sdist on a target. ``facts``: None if it could not be read."""
    from envcheck.index.sdist.summary import summary

    if facts is None:
        return Prospect(summary="its sdist could not be read")
    cause, problem, remedy = _outcome(facts, target)
    return Prospect(facts.pure, tuple(facts.languages), summary(facts), cause, problem, remedy)


def _outcome(facts: SdistFacts, target: Target) -> tuple[str, str, str]:
    """(cause, why it fails, what would help), in the order in which a build would meet it."""
    if facts.refuses:
        return "build-failed", facts.refuses, ""
    if facts.systems and target.system not in facts.systems:
        only = " and ".join(_SYSTEMS.get(one, one) for one in facts.systems)
        remedy = f"it is made for {only}: leave it out elsewhere"
        return "build-failed", f"it builds on {only} only", remedy
    if facts.needs:
        what = ", ".join(facts.needs)
        problem = f"its build imports {what}, which it does not say that it needs"
        first = " ".join(facts.needs)
        return "build-failed", problem, f"install {first} first, then with `--no-build-isolation`"
    if facts.pure:
        return "", "", ""
    remedy = _ingredients(facts, target)
    if target.compilers is not None and not target.compilers:
        # nor is there what comes with libraries for whoever compiles
        asked = [one for one in facts.programs if one.endswith(("_config", "-config"))]
        if asked and facts.backend.startswith("setuptools"):  # others look for a compiler first
            problem = f"its build runs {asked[0]}, which is not in {target.id}"
            return "missing-header", problem, remedy
    lacking = lacking_compilers(facts.languages, target)
    if lacking:
        return "no-compiler", f"its build needs {lacking}, which is not in {target.id}", remedy
    return "", "", remedy


def lacking_compilers(languages: Sequence[str], target: Target) -> str:
    """``a C++ compiler and Rust (cargo)``: what is not there; empty also if that is not known."""
    if target.compilers is None:
        return ""
    lacking = [one for one in languages if one not in target.compilers]
    if "c++" in lacking and "c" in lacking:
        lacking.remove("c")  # a compiler of one is one of both
    return " and ".join(_COMPILERS.get(one, one) for one in lacking)


def _ingredients(facts: SdistFacts, target: Target) -> str:
    """What to install before it is built."""
    from envcheck.predict.remedies import for_building

    command, unknown = for_building(facts, target)
    if not command:
        return ""
    more = f"; what brings {', '.join(unknown)} is not known here" if unknown else ""
    return f"to build it: {command}{more}"
