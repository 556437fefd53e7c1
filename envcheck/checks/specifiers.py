"""Versions against specifiers (PEP 440).

``packaging`` decides; what about nine tenths of all real specifiers look like (numeric releases) is
decided here with the same answer, because importing ``packaging`` costs more than everything else a
check does. A differential test holds the two together.
"""

from __future__ import annotations

from functools import lru_cache

from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LIMIT = 200  # characters; longer than any version or specifier that a person wrote
_TWO = frozenset((">=", "<=", "==", "!=", "~="))


def canonical(name: str) -> str:
    """A distribution's or extra's name as PEP 503 compares it."""
    name = name.lower().replace("_", "-").replace(".", "-")
    while "--" in name:
        name = name.replace("--", "-")
    return name


@lru_cache(maxsize=8192)
def satisfies(version: str, specifier: str) -> bool | None:
    """Whether ``version``, a pre-release too, is in the specifier set; None if either is invalid.

    An empty specifier is satisfied by everything.
    """
    if not specifier or specifier.isspace():
        return True
    release = _installed(version)
    if release is not None:
        answer: bool | None = True
        for clause in specifier.split(","):
            inside = clause_holds(release, clause)
            if inside is None:
                break
            answer = answer and inside
        else:
            return answer
    return _satisfies_slowly(version, specifier)


def narrowed(specifiers: Iterable[str]) -> str:
    """One specifier set for all of them, without the bounds that others imply."""
    clauses = {clause.strip() for text in specifiers for clause in text.split(",")} - {""}
    for operator, best in ((">=", max), ("<", min)):
        bounds = {}
        for clause in clauses:
            release = release_of(clause[len(operator) :]) if clause.startswith(operator) else None
            if release is not None:
                bounds[clause] = _stripped(release)
        if bounds:
            clauses -= set(bounds) - {best(sorted(bounds), key=bounds.__getitem__)}
    return ",".join(sorted(clauses, reverse=True))


def agreeable(specifier: str) -> bool | None:
    """Whether some version can be in ``specifier``; None if that cannot be told.

    Tried are the versions that it names and their neighbours: what begins or ends there.
    """
    answers = {satisfies(version, specifier) for version in _around(specifier)}
    if True in answers:
        return True
    return None if None in answers else False


def _around(specifier: str) -> Iterator[str]:
    yield "0"
    for clause in specifier.split(","):
        version = clause.strip().lstrip("=!<>~").strip().removesuffix(".*")
        yield version
        release = release_of(version)
        if release:
            *start, last = release
            before = (*start, max(last - 1, 0))
            for neighbour in ((*start, last + 1), before, (*before, 1), (*release, 1)):
                yield ".".join(map(str, neighbour))


@lru_cache(maxsize=8192)
def release_of(text: str) -> tuple[int, ...] | None:
    """``1.20.0`` as (1, 20, 0); None for anything but digits and dots."""
    parts = text.split(".")
    if len(text) > _LIMIT or not text.isascii() or not all(part.isdigit() for part in parts):
        return None
    return tuple(int(part) for part in parts)


@lru_cache(maxsize=2048)
def _installed(version: str) -> tuple[int, ...] | None:
    """The release of a version whose local label (``+cpu``) plays no part in a comparison."""
    public, plus, local = version.strip().partition("+")
    if plus:
        labels = local.replace("-", ".").replace("_", ".").split(".")
        if not local.isascii() or not all(label.isalnum() for label in labels):
            return None
    return release_of(public)


def _stripped(release: tuple[int, ...]) -> tuple[int, ...]:
    end = len(release)
    while end and release[end - 1] == 0:
        end -= 1
    return release[:end]


def clause_holds(release: tuple[int, ...], clause: str) -> bool | None:
    """Whether ``release`` satisfies one clause; None if the clause is not simple."""
    clause = clause.strip(" \t")
    operator = clause[:2] if clause[:2] in _TWO else clause[:1]
    operand = clause[len(operator) :].lstrip(" \t")
    prefix = operand.endswith(".*")
    wanted = release_of(operand[:-2] if prefix else operand)
    if wanted is None:
        return None if prefix else _suffixed(operator, release, operand)
    if prefix:
        return _prefix(operator, release, wanted)
    if operator == "~=":
        return None if len(wanted) < 2 else _compatible(release, wanted)
    have, want = _stripped(release), _stripped(wanted)
    if operator == ">=":
        return have >= want
    if operator == "<=":
        return have <= want
    if operator == "==":
        return have == want
    if operator == "!=":
        return have != want
    if operator == ">":
        return have > want
    return have < want if operator == "<" else None


def _suffixed(operator: str, release: tuple[int, ...], operand: str) -> bool | None:
    """As ``clause_holds`` for ``4.0.0a1``, ``10.2rc2``, ``1.8.dev0``, ``1.8.0.post1``."""
    for mark, before in (("a", True), ("b", True), ("rc", True), (".dev", True), (".post", False)):
        head, found, number = operand.partition(mark)
        wanted = release_of(head) if found and number.isascii() and number.isdigit() else None
        if wanted is None:
            continue
        have, want = _stripped(release), _stripped(wanted)
        if operator in ("==", "!="):
            return operator == "!="
        if operator in (">=", "<=", "<") or (operator == ">" and have != want):
            newer = have > want or (have == want and before)
            return newer == operator.startswith(">")
    return None


def _prefix(operator: str, release: tuple[int, ...], wanted: tuple[int, ...]) -> bool | None:
    if operator not in ("==", "!="):
        return None
    padded = release + (0,) * (len(wanted) - len(release))
    return (padded[: len(wanted)] == wanted) == (operator == "==")


def _compatible(release: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    head = wanted[:-1]
    padded = release + (0,) * (len(wanted) - len(release))
    return _stripped(release) >= _stripped(wanted) and padded[: len(head)] == head


def _satisfies_slowly(version: str, specifier: str) -> bool | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion, ValueError, RecursionError):
        return None
