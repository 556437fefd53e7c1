"""Whether an sdist can be built on a target, as far as its files tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.model.artifact import SdistFacts
    from envcheck.model.target import Target

_COMPILED = {
    "c": "C",
    "c++": "C++",
    "rust": "Rust",
    "fortran": "Fortran",
    "cuda": "CUDA",
    "go": "Go",
}


def obstacle(
    facts: SdistFacts | None, target: Target
) -> tuple[bool | None, list[str], str, str, str]:
    """(whether it is pure, what is compiled, its build in words, cause, why it fails there).

    The cause is one of ``cell.CAUSES``, empty if nothing is known to stand in the way.
    """
    from envcheck.index.sdist_signs import summary

    if facts is None:
        return None, [], "its sdist could not be read", "", ""
    words = summary(facts)
    languages = list(facts.languages)
    if facts.systems and target.system not in facts.systems:
        only = " and ".join(facts.systems)
        return facts.pure, languages, words, "build-failed", f"it builds on {only} only"
    if facts.pure:
        return True, languages, words, "", ""
    if target.compilers is not None:
        lacking = [one for one in languages if one not in target.compilers]
        if lacking:
            named = " and ".join(_COMPILED.get(one, one) for one in lacking)
            problem = f"it needs a compiler for {named}, and {target.id} has none"
            return facts.pure, languages, words, "no-compiler", problem
    if facts.needs:
        what = ", ".join(facts.needs)
        problem = f"its build imports {what}, which it does not say that it needs"
        return facts.pure, languages, words, "build-failed", problem
    return facts.pure, languages, words, "", ""
