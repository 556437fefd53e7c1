"""What a resolver says about why there is no solution: taken out of its prose.

uv explains by a derivation (PubGrub), pip by the requirement that it could not satisfy. The texts
only name suspects: whether one is guilty is decided by what the index offers (``resolving``).
Seen with uv 0.13.8 and pip 23.0 to 26.3.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from envcheck.index.pages import normalized

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_SPEC = r"(?:\[[^\]]*\])?(?:\s*(?:[<>=!~]=?=?)\s*[^\s,;`)]+(?:,\s*(?:[<>=!~]=?=?)\s*[^\s,;`)]+)*)?"
_TERM = re.compile(rf"^({_NAME})(\[[^\]]*\])?(.*)$")

_UV = (
    (
        "no-wheel",
        re.compile(rf"({_NAME}{_SPEC}) ha(?:s|ve) no (?:wheels with a matching|usable wheels)"),
    ),
    ("not-found", re.compile(rf"({_NAME}{_SPEC}) was not found in the")),
    ("not-found", re.compile(rf"there (?:is|are) no versions? of ({_NAME}{_SPEC})")),
    ("python", re.compile(rf"does not satisfy Python\S+ and ({_NAME}{_SPEC}) depends? on Python")),
)
_UV_DEPENDS = re.compile(rf"({_NAME}{_SPEC}) depends? on ({_NAME}{_SPEC})")
_UV_ONLY = re.compile(rf"only ({_NAME})\S* is available and you require ({_NAME}{_SPEC})")
_UV_REQUIRE = re.compile(rf"you require ({_NAME}{_SPEC})")
_PIP_MISSING = re.compile(
    r"ERROR: Could not find a version that satisfies the requirement (.+?)"
    r"(?: \(from (?!versions:)(.+?)\))?(?: \(from versions: (.*)\))?$"
)
_PIP_DEPENDS = re.compile(rf"^ {{4}}({_NAME})(?:\[\S*\])? (\S+) depends on (.+)$")
_PIP_REQUIRE = re.compile(r"^ {4}The user requested (?:\(constraint\) )?(.+)$")
_PIP_PYTHON = re.compile(
    rf"ERROR: Package '?({_NAME})'? requires a different Python: (\S+) not in '(.+)'"
)


class Term(NamedTuple):
    """A project and the versions of it that are meant."""

    name: str
    specifier: str = ""

    def __str__(self) -> str:
        return f"{self.name}{self.specifier}"


class Derivation(NamedTuple):
    """``suspects``: kind (``no-wheel``, ``not-found``, ``python``, ``missing``) and what;
    ``depends``: who needs what; ``required``: by the user; ``lines``: what said so.
    """

    suspects: list[tuple[str, Term]]
    depends: list[tuple[Term, Term]]
    required: list[Term]
    lines: list[str]

    @property
    def conflict(self) -> tuple[Term, Term, Term] | None:
        """Who needs what, and what of the same project is needed besides, the last said first."""
        for parent, needed in reversed(self.depends):
            for other in self.required:
                if other.name == needed.name and other != needed and parent.name != other.name:
                    return parent, needed, other
        for number, (parent, needed) in enumerate(self.depends):
            for second, other in self.depends[:number]:
                if other.name == needed.name and other != needed and second.name != parent.name:
                    return parent, needed, Term(f"{second} needs {other}")
        return None

    def parents(self, name: str) -> list[str]:
        """From the user's requirement down to who needs ``name``: ``["accelerate"]``."""
        chain: list[str] = []
        while True:
            parent = next((one.name for one, needed in self.depends if needed.name == name), "")
            if not parent or parent in chain or parent == name:
                return chain[::-1]
            chain.append(parent)
            name = parent


def term(text: str) -> Term:
    """``torch>=2.0.0``, ``torch[extra] >= 2 ; marker``: name in PEP 503's form and specifier."""
    match = _TERM.match(text.strip())
    if not match:
        return Term(text.strip())
    specifier = match[3].partition(";")[0].strip().strip("()").replace(" and ", ",")
    specifier = specifier.replace(" ", "").rstrip(".,")
    return Term(normalized(match[1]), specifier)


def of_uv(own: list[str]) -> Derivation | None:
    """What uv derived; None if it says nothing of the kind."""
    start = next(
        (n for n, text in enumerate(own) if "No solution found when resolving" in text), None
    )
    if start is None:
        return None
    lines = own[start:]
    prose = re.sub(
        r"\s+", " ", " ".join(text.strip() for text in lines if not text.startswith("hint:"))
    )
    prose = prose.replace(", we can conclude", " , we can conclude")
    suspects = [
        (kind, term(match[1])) for kind, pattern in _UV for match in pattern.finditer(prose)
    ]
    suspects += [("not-found", term(match[2])) for match in _UV_ONLY.finditer(prose)]
    depends = [
        (term(match[1]), term(match[2]))
        for match in _UV_DEPENDS.finditer(prose)
        if not match[2].startswith("Python")
    ]
    required = [term(match[1]) for match in _UV_REQUIRE.finditer(prose)]
    said = [text for text in lines[1:] if not text.startswith("hint: Pre-releases")]
    return Derivation(suspects, depends, required, said)


def of_pip(own: list[str]) -> Derivation | None:
    """What pip reports; None if it says nothing of the kind."""
    suspects: list[tuple[str, Term]] = []
    depends: list[tuple[Term, Term]] = []
    required: list[Term] = []
    lines: list[str] = []
    for text in own:
        if match := _PIP_MISSING.match(text):
            suspects.append(("missing", term(match[1])))
            parents = re.split(r"->", re.sub(r"-r \S+ \(line \d+\)", "", match[2] or ""))
            if match[2] and parents[0].strip():
                depends.append((term(parents[0]), term(match[1])))
            lines.append(text)
        elif match := _PIP_PYTHON.match(text):
            suspects.append(("python", term(match[1])))
            lines.append(text)
        elif match := _PIP_DEPENDS.match(text):
            depends.append((Term(term(match[1]).name, f"=={match[2]}"), term(match[3])))
            lines.append(text)
        elif match := _PIP_REQUIRE.match(text):
            required.append(term(match[1]))
            lines.append(text)
        elif text.startswith(("ERROR: Cannot install", "ERROR: No matching distribution")):
            lines.append(text)
    if not suspects and not any("conflicting dependencies" in text for text in lines):
        return None
    return Derivation(suspects, depends, required, lines)
