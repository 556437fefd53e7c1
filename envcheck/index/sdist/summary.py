"""What an sdist's build needs, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.model.artifact import SdistFacts

_WORDS = {"c": "C", "c++": "C++", "rust": "Rust", "cuda": "CUDA", "fortran": "Fortran", "go": "Go",
          "objective-c": "Objective-C", "zig": "Zig", "java": "Java", "hip": "HIP"}  # fmt: skip
_SYSTEMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
_BRIEF = 100

#: Back-ends that are known by what they run.
_RUNS = {"scikit-build-core": "CMake, by scikit-build-core"}


def summary(facts: SdistFacts) -> str:
    """In plain words, at most 100 characters: "needs a C compiler and pg_config (setuptools)"."""
    backend = facts.backend.partition(".")[0].partition(":")[0].replace("_", "-")
    by = f" ({_RUNS.get(backend, backend)})" if backend else ""
    if facts.refuses:
        return _cut(f"refuses to build: {facts.refuses}", _BRIEF)
    if facts.systems and "linux" not in facts.systems:
        return f"builds on {' and '.join(_SYSTEMS.get(s, s) for s in facts.systems)} only"
    wanted = [*_compilers(facts.languages), *facts.headers, *_programs(facts.programs)]
    if facts.needs:
        wanted = [f"{', '.join(facts.needs[:3])} that it does not declare", *wanted]
    text = f"needs {_listed(wanted)}" if wanted else ""
    if facts.pure and not text:
        text = "pure Python"
        if facts.optional:
            text += f", {_listed([_WORDS.get(each, each) for each in facts.optional])} optional"
        if not facts.complete:
            text += ", by what was looked at"
    elif facts.pure is None and not text:
        text = "it cannot be told what its build needs"
    elif not text:
        text = "not pure Python"
    if facts.downloads:
        text += ", and fetches something"
    return _fitted(text, wanted, by)


def _fitted(text: str, wanted: list[str], by: str) -> str:
    """With fewer of the things that are wanted, if it is too long."""
    count = len(wanted)
    while len(text) + len(by) > _BRIEF and count > 1:
        count -= 1
        tail = ", and fetches something" if text.endswith("fetches something") else ""
        text = f"needs {', '.join(wanted[:count])} and more{tail}"
    return _cut(text, _BRIEF - len(by)) + by


def _compilers(languages: list[str]) -> list[str]:
    named = [_WORDS.get(each, each) for each in languages]
    plain = [word for word in named if word in ("C", "C++", "Fortran", "Objective-C")]
    if plain == ["C", "C++"] or plain == ["C++", "C"]:
        plain = ["C++"]  # a compiler of one is one of both
    found = [f"a {' and '.join(plain)} compiler"] if plain else []
    return found + [word for word in named if word not in ("C", "C++", "Fortran", "Objective-C")]


def _programs(programs: list[str]) -> list[str]:
    packages = [each.partition(" ")[2] for each in programs if each.startswith("pkg-config ")]
    return [
        f"{each} ({', '.join(packages[:3])})" if each == "pkg-config" and packages else each
        for each in programs
        if not each.startswith("pkg-config ")
    ]


def _listed(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
