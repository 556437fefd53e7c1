"""What was found out of how an sdist is built, while it is found out; and what is known of that."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from envcheck.index.pages import normalized
from envcheck.knowledge import table

if TYPE_CHECKING:
    from envcheck.index.sdist.archive import Archive

_MOST = 12  # words of each kind; pieces of evidence
_LONGEST = 200  # characters of one


@dataclass
class Signs:
    """As in ``SdistFacts``. ``optional``: languages that are compiled if that works."""

    languages: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)
    pure: bool | None = None
    headers: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    refuses: str = ""
    evidence: list[str] = field(default_factory=list)
    requires: list[str] | None = None

    def add(self, kind: str, *words: str) -> None:
        """Words of a kind, each once, a few at the most."""
        here: list[str] = getattr(self, kind)
        for word in words:
            short = line(word)
            if short and short not in here and len(here) < _MOST:
                here.append(short)

    def compiled(self, *languages: str, because: str) -> None:
        """It is not pure."""
        self.pure = False
        self.add("languages", *languages)
        self.add("evidence", because)


def line(text: str, longest: int = _LONGEST) -> str:
    """``text`` as one printable line that is not long."""
    words = " ".join(text[: 4 * longest].split())
    plain = "".join(char if char.isprintable() else "?" for char in words)
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


@lru_cache(maxsize=16)
def rows(kind: str) -> dict[str, dict[str, Any]]:
    """Rows of the table of signs that are of this kind, by what they are about."""
    return {row[kind]: row for row in table("build_signs")["rows"] if kind in row}


@lru_cache(maxsize=1)
def _of_module() -> dict[str, str]:
    return {m: name for name, row in rows("provider").items() for m in row["modules"]}


def all_known(requires: set[str]) -> bool:
    """Whether it is known what each of these distributions (normalized names) brings with it."""
    return all(name in rows("provider") for name in requires)


def brings(module: str, requires: set[str]) -> bool:
    """Whether one of the required distributions (normalized names) brings a module."""
    also = {each for name in requires for each in rows("provider").get(name, {}).get("with", ())}
    requires = requires | also
    provider = _of_module().get(module)
    if provider is not None:
        return provider in requires or f"{provider}-cpu" in requires
    name = normalized(module)
    return any(
        name in (each, each.replace("-", ""), each.removeprefix("python-"))
        or each.startswith(f"{name}-")
        for each in requires
    )


def provider_of(header: str) -> str:
    """The distribution that brings a header; empty if none is known to."""
    for name, row in rows("provider").items():
        if any(header.startswith(prefix) for prefix in row["headers"]):
            return name
    return ""


def names_of(requirements: list[str]) -> set[str]:
    """Normalized names of requirements."""
    found = set()
    for requirement in requirements:
        match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]{0,100})", requirement)
        if match:
            found.add(normalized(match[1].rstrip("._-")))
    return found


def seen(archive: Archive, path: str) -> str:
    """The text of a file; empty if it is not there or was not seen."""
    return archive.texts.get(path, "")


#: Directories whose sources are not of the extension itself.
_ELSEWHERE = re.compile(
    r"(^|/)(tests?|testing|docs?|examples?|samples?|demos?|benchmarks?|bench|_?vendor(ed)?([_-]\w+)?|"
    r"third[_-]?party|3rdparty|extern(al)?s?|deps|contrib|subprojects|submodules|node_modules|"
    r"tools|scripts|fuzz|winbuild|ci)/",
    re.I,
)
_SUFFIXES = {
    ".c": "c", ".cc": "c++", ".cpp": "c++", ".cxx": "c++", ".pyx": "c",
    ".cu": "cuda", ".c++": "c++",
    ".f": "fortran", ".f77": "fortran", ".f90": "fortran", ".f95": "fortran", ".f03": "fortran",
    ".rs": "rust", ".go": "go", ".m": "objective-c", ".mm": "objective-c", ".zig": "zig",
    ".pyf": "fortran", ".i": "c", ".d": "", ".s": "", ".asm": "", ".hip": "hip",
}  # fmt: skip


#: Endings that other kinds of files have, too.
_NOT_ALWAYS = (".i", ".d", ".m")


def language_of(source: str) -> str:
    """The language of a source by its name; empty if it does not tell."""
    dot = source.rfind(".")
    return _SUFFIXES.get(source[dot:].lower(), "") if dot > 0 else ""


def own_sources(archive: Archive) -> list[str]:
    """Sources of compiled languages that are probably what is built."""
    return [
        name
        for name in archive.names
        if language_of(name) and not _ELSEWHERE.search(name) and not name.endswith(_NOT_ALWAYS)
    ]
