"""The instructions of a Dockerfile: continued lines, comments, here-documents, JSON forms.

Reference: docs.docker.com, "Dockerfile reference". What is wrong raises SyntaxProblem.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from envcheck.errors import did_you_mean
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INSTRUCTIONS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
_WITH_DOCUMENTS = ("RUN", "COPY", "ADD")
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][\w-]*)\s*=\s*(\S+)\s*$")
_DOCUMENT = re.compile(r"(?<!<)\d*<<(-?)\s*([\"']?)([A-Za-z_][\w.-]*)\2(?!<)")
_FLAG = re.compile(r"--([a-z][a-z-]*)(?:=(\"[^\"]*\"|\S*))?(?:\s+|$)")
_VARIABLE = re.compile(
    r"\\\$|\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)"
    r"(?:(?P<how>:?[-+?])(?P<other>[^}]*)|(?P<rest>[^}]+))?\})"
)


class SyntaxProblem(ValueError):  # noqa: N818 - of the user's file
    """``line``: where."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


class Instruction(NamedTuple):
    """``name`` in capitals; ``flags``: (name, value) of ``--mount=…``; ``documents``: contents of
    here-documents.
    """

    name: str
    text: str
    line: int
    flags: tuple[tuple[str, str], ...] = ()
    documents: tuple[str, ...] = ()

    def flag(self, name: str) -> str:
        """The value of a flag, empty without it."""
        return next((value for flag, value in self.flags if flag == name), "")

    @property
    def words(self) -> list[str] | None:
        """Those of the JSON form (exec form), None if it is another."""
        if not self.text.startswith("["):
            return None
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        is_words = isinstance(found, list) and all(isinstance(word, str) for word in found)
        return found if is_words else None


def instructions(text: str) -> Iterator[Instruction]:
    """All of them in order. Raises SyntaxProblem."""
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape(lines)
    number = 0
    while number < len(lines):
        if not lines[number].strip() or lines[number].lstrip().startswith("#"):
            number += 1
            continue
        first = number
        logical, number = _logical(lines, number, escape)
        word, _, rest = logical.partition(" ") if " " in logical else logical.partition("\t")
        name, rest = word.upper(), rest.strip()
        if name not in INSTRUCTIONS:
            near = did_you_mean(name, INSTRUCTIONS)
            raise SyntaxProblem(first + 1, f"`{printable(word, 60)}` is no instruction{near}")
        documents: list[str] = []
        if name in _WITH_DOCUMENTS and not rest.startswith("["):
            for dash, _, delimiter in _DOCUMENT.findall(rest):
                content, number = _document(lines, number, delimiter, bool(dash), first)
                documents.append(content)
        flags, rest = _flags(rest)
        yield Instruction(name, rest, first + 1, flags, tuple(documents))


def _escape(lines: list[str]) -> str:
    """Directives stand before everything else."""
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        if match is None:
            break
        if match[1].lower() == "escape":
            return match[2] if match[2] in ("\\", "`") else "\\"
    return "\\"


def _logical(lines: list[str], number: int, escape: str) -> tuple[str, int]:
    """(a line with those that continue it, the number of the next); comments are left out."""
    parts: list[str] = []
    while number < len(lines):
        line = lines[number].strip() if not parts else lines[number].rstrip()
        number += 1
        if line.lstrip().startswith("#") or (parts and not line.strip()):
            continue
        if not line.endswith(escape):
            return "".join([*parts, line]), number
        parts.append(line[:-1])
    return "".join(parts).strip(), number


def _document(
    lines: list[str], number: int, delimiter: str, has_dash: bool, first: int
) -> tuple[str, int]:
    found: list[str] = []
    while number < len(lines):
        line = lines[number].lstrip("\t") if has_dash else lines[number]
        number += 1
        if line == delimiter:
            return "\n".join(found), number
        found.append(line)
    raise SyntaxProblem(first + 1, f"the here-document `{printable(delimiter)}` does not end")


def _flags(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    found: list[tuple[str, str]] = []
    while match := _FLAG.match(text):
        found.append((match[1], (match[2] or "").strip('"')))
        text = text[match.end() :]
    return tuple(found), text.strip()


def expand(text: str, variables: Mapping[str, str]) -> tuple[str, list[str]]:
    """(``text`` with its variables replaced, those of no known value, which stay as they are)."""
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        name = match["bare"] or match["name"]
        if name is None:
            return "$"
        how, other = match["how"] or "", match["other"] or ""
        known = variables.get(name)
        if match["rest"]:  # patterns, as in ${x#y}
            missing.append(name)
            return match[0]
        if how.endswith("+"):
            return expand(other, variables)[0] if known else ""
        if known or (known is not None and not how):
            return known
        if how.endswith("-"):
            return expand(other, variables)[0]
        missing.append(name)
        return match[0]

    return _VARIABLE.sub(value, text), missing
