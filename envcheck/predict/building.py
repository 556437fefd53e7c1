"""Whether an sdist can be built on a target, as far as its files tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.model.artifact import SdistFacts
    from envcheck.model.target import Target

_COMPILED = {
    "c": "C", "c++": "C++", "rust": "Rust", "fortran": "Fortran", "cuda": "CUDA", "go": "Go",
    "objective-c": "Objective-C", "zig": "Zig",
}  # fmt: skip
_SYSTEMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}


def obstacle(
    facts: SdistFacts | None, target: Target
) -> tuple[bool | None, list[str], str, str, str]:
    """(whether it is pure, what is compiled, its build in words, cause, why it fails there).

    The cause is one of ``cell.CAUSES``, empty if nothing is known to stand in the way.
    """
    from envcheck.index.sdist_signs import summary

    if facts is None:
        return None, [], "its sdist could not be read", "", ""
    cause, problem = _problem(facts, target)
    return facts.pure, list(facts.languages), summary(facts), cause, problem


def _problem(facts: SdistFacts, target: Target) -> tuple[str, str]:
    """(cause, why it fails), in the order in which a build would meet it."""
    if facts.refuses:
        return "build-failed", facts.refuses
    if facts.systems and target.system not in facts.systems:
        only = " and ".join(_SYSTEMS.get(one, one) for one in facts.systems)
        return "build-failed", f"it builds on {only} only"
    if facts.needs:
        what = ", ".join(facts.needs)
        return "build-failed", f"its build imports {what}, which it does not say that it needs"
    if facts.pure or target.compilers is None:
        return "", ""
    if not target.compilers:  # nor what comes with libraries for whoever compiles
        asked = [one for one in facts.programs if one.endswith(("_config", "-config"))]
        if asked and facts.backend.startswith("setuptools"):  # others look for a compiler first
            return "missing-header", f"its build asks {asked[0]}, and {target.id} has none"
    lacking = [one for one in facts.languages if one not in target.compilers]
    if lacking:
        named = " and ".join(_COMPILED.get(one, one) for one in lacking)
        return "no-compiler", f"it needs a compiler for {named}, and {target.id} has none"
    return "", ""
