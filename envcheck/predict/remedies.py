"""What to install where a system library, a compiler or a program is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envcheck.predict import system_packages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from envcheck.model.artifact import SdistFacts
    from envcheck.model.target import Target

#: Languages as ``SdistFacts`` has them -> the compilers that are installed for them.
_COMPILERS = {"c": "C", "c++": "C++", "fortran": "Fortran", "rust": "Rust", "go": "Go"}
_CUDA = "an image with CUDA's compiler, such as those of nvidia/cuda that end in -devel"


class Ingredients(NamedTuple):
    """What a build lacks. ``command``: what brings it, in backquotes, empty if nothing is known
    to; ``unknown``: names of which it is not known what brings them.
    """

    command: str = ""
    unknown: tuple[str, ...] = ()


def for_building(facts: SdistFacts, target: Target) -> Ingredients:
    """The packages that bring the compilers that are not there, and the headers and programs that
    its build looks for, which may be there.
    """
    if target.system != "linux":
        return Ingredients()
    there = target.compilers or frozenset()
    languages = [one for one in facts.languages if one not in there]
    if "c++" in languages and "c" in languages:
        languages.remove("c")  # a compiler of one is one of both
    named = [_COMPILERS.get(one, "") for one in languages]
    found = [system_packages.COMPILERS[name] for name in named if name]
    unknown = [one for one, name in zip(languages, named, strict=True) if not name]
    for kind, names in (("header", facts.headers), ("program", facts.programs)):
        for name in names:
            library = name.startswith("pkg-config ")
            packages = (
                system_packages.to_build("pkg-config", name.partition(" ")[2])
                if library
                else system_packages.to_build(kind, name)
            )
            if packages:
                found.append(packages)
            elif name not in there and name != "nvcc":
                unknown.append(name)
    text = _CUDA if "cuda" in facts.languages and "cuda" not in there else ""
    command = _command(target, found)
    unknown = [one for one in unknown if one != "cuda"]
    return Ingredients(" in ".join(filter(None, (command, text))), tuple(dict.fromkeys(unknown)))


def for_libraries(target: Target, names: Sequence[str]) -> str:
    """The command that brings these libraries, by soname or as ``find_library`` takes them; empty
    if none of them is known. Only what is known is named.
    """
    if not system_packages.family_of(target.distribution):
        return ""
    rows = [system_packages.library("soname", _soname(name)) for name in names]
    return _command(target, [system_packages.packages_of(row, "run") for row in rows])


def _soname(name: str) -> str:
    if ".so" in name:
        return name
    return f"{name}.so" if name.startswith("lib") else f"lib{name}.so"


def _command(target: Target, packages: Iterable[Mapping[str, Sequence[str]]]) -> str:
    """One command for all. The lists of packages are not in images of Debian: they come first."""
    merged: dict[str, list[str]] = {}
    for each in packages:
        for family, names in each.items():
            mine = merged.setdefault(family, [])
            mine += [name for name in names if name not in mine]
    command = system_packages.install(system_packages.family_of(target.distribution), merged)
    return command.replace("`apt-get install", "`apt-get update && apt-get install")
