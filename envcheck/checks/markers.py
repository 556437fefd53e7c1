"""Requirements with markers (PEP 508), judged for a target and never for the machine that judges.

As in ``specifiers``, ``packaging`` decides and what is simple is decided here with the same answer.
"""

from __future__ import annotations

from functools import lru_cache

from envcheck.checks.specifiers import canonical, clause_holds, release_of
from envcheck.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.checks.base import Context

_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
_LIMIT = 2000  # characters; longer than any requirement that a person wrote


class Requirement(NamedTuple):
    """A PEP 508 requirement; ``name`` and ``extras`` are canonical."""

    name: str
    extras: tuple[str, ...] = ()
    specifier: str = ""
    marker: str = ""
    url: str = ""


@lru_cache(maxsize=4096)
def parse(text: str) -> Requirement | None:
    """A requirement string, None if it is none."""
    return _parse_quickly(text) or _parse_slowly(text)


def environment(context: Context) -> dict[str, str]:
    """The marker variables of the target, as far as its facts tell; others are left out."""
    values: dict[str, str] = {}
    version = context.get("interpreter.version")
    if isinstance(version, str) and version:
        values["python_full_version"] = version
        values["python_version"] = ".".join(version.split(".")[:2])
    implementation = context.get("interpreter.implementation")
    if isinstance(implementation, str) and implementation:
        values["platform_python_implementation"] = implementation
        lower = implementation.lower()
        values["implementation_name"] = "graalpy" if lower.startswith("graal") else lower
        if lower == "cpython" and "python_full_version" in values:
            values["implementation_version"] = values["python_full_version"]
    system = context.get("host.os")
    if isinstance(system, str) and system:
        names = {
            "linux": ("linux", "Linux"),
            "darwin": ("darwin", "Darwin"),
            "windows": ("win32", "Windows"),
        }
        values["sys_platform"], values["platform_system"] = names.get(system, (system, system))
        values["os_name"] = "nt" if system == "windows" else "posix"
    for variable, key in (("platform_machine", "host.arch"), ("platform_release", "host.kernel")):
        value = context.get(key)
        if isinstance(value, str) and value:
            values[variable] = value
    return values


class Markers:
    """Evaluates markers against the variables of one target; remembers what it has answered."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = dict(variables)
        self._answers: dict[tuple[str, str], bool | None] = {}

    def holds(self, marker: str, extras: Sequence[str] = ()) -> bool | None:
        """Whether ``marker`` holds for one of ``extras`` (or without any, if there are none).

        None if it is no marker, or needs a variable that is not known.
        """
        if not marker:
            return True
        answer: bool | None = False
        for extra in extras or ("",):
            one = self._holds(marker, canonical(extra))
            if one:
                return True
            answer = None if one is None else answer
        return answer

    def _holds(self, marker: str, extra: str) -> bool | None:
        key = (marker, extra)
        if key not in self._answers:
            variables = {**self.variables, "extra": extra}
            try:
                answer = _Expression(_tokens(marker), variables).value()
            except _NotSimpleError:
                answer = _holds_slowly(marker, variables)
            self._answers[key] = answer
        return self._answers[key]


def _parse_quickly(text: str) -> Requirement | None:
    if "@" in text or len(text) > _LIMIT:
        return None
    head, semicolon, marker = text.partition(";")
    head = head.strip(" \t")
    rest = head.lstrip(_NAME)
    name = head[: len(head) - len(rest)]
    if not _is_name(name):
        return None
    extras: tuple[str, ...] = ()
    rest = rest.lstrip(" \t")
    if rest.startswith("["):
        inside, bracket, rest = rest[1:].partition("]")
        names = [extra.strip(" \t") for extra in inside.split(",")]
        if not bracket or not all(_is_name(extra) for extra in names):
            return None
        extras = tuple(sorted({canonical(extra) for extra in names}))
        rest = rest.lstrip(" \t")
    if rest.startswith("(") and rest.endswith(")"):
        rest = rest[1:-1].strip(" \t")
    if rest and any(clause_holds((0,), clause) is None for clause in rest.split(",")):
        return None
    marker = marker.strip(" \t")
    if semicolon:
        try:
            _Expression(_tokens(marker), {}).value()
        except _NotSimpleError:
            return None
    return Requirement(canonical(name), extras, rest.replace(" ", "").replace("\t", ""), marker)


def _is_name(text: str) -> bool:
    return text.isascii() and text[:1].isalnum() and text[-1:].isalnum() and not text.strip(_NAME)


def _parse_slowly(text: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Packaged

    try:
        parsed = Packaged(text)
        extras = tuple(sorted({canonical(extra) for extra in parsed.extras}))
        marker = str(parsed.marker) if parsed.marker else ""
        return Requirement(
            canonical(parsed.name), extras, str(parsed.specifier), marker, parsed.url or ""
        )
    except (InvalidRequirement, ValueError, RecursionError):
        return None


class _NotSimpleError(Exception):
    """The marker has something that is left to ``packaging``."""


_VARIABLES = {
    name: name
    for name in (
        "python_version",
        "python_full_version",
        "os_name",
        "sys_platform",
        "platform_machine",
        "platform_release",
        "platform_system",
        "platform_python_implementation",
        "implementation_name",
        "implementation_version",
        "extra",
    )
}
_OF_VERSIONS = frozenset(("python_version", "python_full_version", "implementation_version"))
_WORD = _NAME.replace("-", "_")
_OPERATORS = frozenset((">=", "<=", "==", "!=", "~=", "<", ">", "in", "not in"))


def _tokens(marker: str) -> list[str]:
    """Literals keep their opening quote; ``not in`` is one token. Raises _NotSimpleError."""
    tokens: list[str] = []
    rest = marker
    if "\\" in marker or len(marker) > _LIMIT:
        raise _NotSimpleError
    while rest := rest.lstrip(" \t"):
        first = rest[0]
        if first in "()":
            tokens.append(first)
            rest = rest[1:]
        elif first in "\"'":
            literal, quote, rest = rest[1:].partition(first)
            if not quote:
                raise _NotSimpleError
            tokens.append('"' + literal)
        else:
            after = rest.lstrip("<>=!~") if first in "<>=!~" else rest.lstrip(_WORD)
            word, rest = rest[: len(rest) - len(after)], after
            if word == "in" and tokens and tokens[-1] == "not":
                tokens[-1] = "not in"
            elif word:
                tokens.append(word)
            else:
                raise _NotSimpleError
    return tokens


class _Expression:
    """Recursive descent over tokens; the value is True, False or None (a variable is not known)."""

    def __init__(self, tokens: list[str], variables: Mapping[str, str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.variables = variables

    def value(self) -> bool | None:
        value = self._any()
        if self.at != len(self.tokens):
            raise _NotSimpleError
        return value

    def _next(self) -> str:
        if self.at >= len(self.tokens):
            raise _NotSimpleError
        self.at += 1
        return self.tokens[self.at - 1]

    def _accept(self, word: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at] == word
        self.at += found
        return found

    def _any(self) -> bool | None:
        values = [self._all()]
        while self._accept("or"):
            values.append(self._all())
        return True if True in values else None if None in values else False

    def _all(self) -> bool | None:
        values = [self._atom()]
        while self._accept("and"):
            values.append(self._atom())
        return False if False in values else None if None in values else True

    def _atom(self) -> bool | None:
        if self._accept("("):
            value = self._any()
            if not self._accept(")"):
                raise _NotSimpleError
            return value
        left, operator, right = self._next(), self._next(), self._next()
        if operator not in _OPERATORS or (left[0] == '"') == (right[0] == '"'):
            raise _NotSimpleError
        variable = right if left[0] == '"' else left
        if variable not in _VARIABLES or (variable == "extra" and operator not in ("==", "!=")):
            raise _NotSimpleError
        if variable not in self.variables:
            return None
        return _compare(variable, self._text(left, variable), operator, self._text(right, variable))

    def _text(self, token: str, variable: str) -> str:
        if token[0] != '"':
            return self.variables[token]
        return canonical(token[1:]) if variable == "extra" else token[1:]


def _compare(variable: str, left: str, operator: str, right: str) -> bool:
    if operator == "in":
        return left in right
    if operator == "not in":
        return left not in right
    if variable in _OF_VERSIONS:
        release = release_of(left)
        answer = None if release is None else clause_holds(release, operator + right)
        if answer is None:
            raise _NotSimpleError
        return answer
    if operator not in ("==", "!=") or variable == "platform_release":
        raise _NotSimpleError
    return (left == right) == (operator == "==")


def _holds_slowly(marker: str, variables: Mapping[str, str]) -> bool | None:
    from packaging.markers import Marker, default_environment

    # ``Marker.evaluate`` takes what is missing from the host: another machine's answer.
    missing = (set(default_environment()) | {"extras", "dependency_groups"}) - set(variables)
    if "platform_python_implementation" in missing:
        missing.add("python_implementation")
    dotted = marker.replace("os.", "os_").replace("sys.", "sys_").replace("platform.", "platform_")
    if any(name in dotted for name in missing):
        return None
    try:
        return bool(Marker(marker).evaluate(dict(variables)))
    except Exception:  # several kinds, and more of them with each release
        return None
