"""No solution: which distribution this interpreter cannot have, and why.

The resolver's prose names suspects; what the index offers decides. Where the index cannot be asked
the prose has to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.matrix.causes.base import Verdict, evidence
from envcheck.matrix.causes.derivation import Derivation, Term, of_pip, of_uv
from envcheck.matrix.observed import asked_of
from envcheck.predict.projects import numbers
from envcheck.predict.shortfall import no_wheel, python_wanted
from envcheck.predict.world import policy_of

if TYPE_CHECKING:
    from envcheck.matrix.causes.base import Failure
    from envcheck.matrix.causes.reading import Reading
    from envcheck.predict.projects import Project


def judge(failure: Failure, reading: Reading) -> Verdict | None:
    """Why nothing was resolved; None if that is not what the log says."""
    pip = failure.installer.startswith("pip")
    derivation = of_pip(reading.own) if pip else of_uv(reading.own)
    if derivation is None:
        return None
    for suspect in _suspects(failure, derivation):
        if verdict := blocked(failure, suspect, derivation):
            return verdict
    return _by_prose(failure, derivation)


def _suspects(failure: Failure, derivation: Derivation) -> list[Term]:
    """What the user asked for, then what the resolver names, each once; roots first.

    A resolver may rule out the versions of one distribution in several parts, each for a reason of
    its own: the part with the newest version is what the user has to be told of.
    """
    asked = asked_of(failure.cell.test, failure.target)
    roots = [Term(one.name, one.specifier) for one in asked]
    named = [found for _, found in derivation.suspects]
    order = {one.name: number for number, one in reversed(list(enumerate(named)))}
    named.sort(key=lambda one: (order[one.name], -_newest(failure, one)))
    return list(dict.fromkeys([*roots, *derivation.required, *named]))


def _newest(failure: Failure, suspect: Term) -> int:
    """The number, among all releases, of the newest that ``suspect`` allows; -1: none, unknown."""
    project = failure.project(suspect.name)
    return _wanted(failure, suspect, project).bit_length() - 1 if project else -1


def _wanted(failure: Failure, suspect: Term, project: Project) -> int:
    return project.wanted(suspect.specifier, pre=failure.cell.index.pre)


def blocked(failure: Failure, suspect: Term, derivation: Derivation) -> Verdict | None:
    """The verdict if this interpreter can have no release that ``suspect`` allows; else None."""
    project = failure.project(suspect.name)
    if project is None:
        return None
    chain = _chain(suspect.name, derivation)
    if not project.releases:
        return Verdict(
            "not-found",
            f"{chain}the index has no distribution {suspect.name}",
            "check the name, or give the index that has it (index.url, index.extra-urls)",
            _lines(suspect, derivation),
        )
    wanted = numbers(_wanted(failure, suspect, project))
    if not wanted:
        return _no_version(suspect, project, chain, derivation)
    policy, target = policy_of(failure.cell.index), failure.target
    kinds = {number: policy.choice(project, number, target).kind for number in wanted}
    if not set(kinds.values()) <= {"python", "nothing"}:
        return None
    admitted = [number for number in wanted if kinds[number] != "python"]
    if not admitted:
        return _python(failure, suspect, project, wanted[-1], chain, derivation)
    text, remedy = no_wheel(target, project, admitted[-1])
    return Verdict("no-wheel", f"{chain}{text}", remedy, _lines(suspect, derivation))


def _chain(name: str, derivation: Derivation) -> str:
    """``accelerate needs torch: ``, from the user's requirement down; empty for that itself."""
    parents = derivation.parents(name)
    return f"{' needs '.join([*parents, name])}: " if parents else ""


def _lines(suspect: Term, derivation: Derivation) -> tuple[str, ...]:
    """What the resolver says of ``suspect``, its hints first."""
    hints = [text for text in derivation.lines if text.startswith("hint:")]
    prose = [text for text in derivation.lines if " " in text.strip()]
    lines = [text for text in [*hints, *prose] if suspect.name in text.lower()]
    return evidence(lines or derivation.lines)


def _no_version(suspect: Term, project: Project, chain: str, derivation: Derivation) -> Verdict:
    """The index has the project, and no such version of it."""
    newest = project.releases[project.newest() or 0]
    text = f"{chain}the index has no {suspect.name} that is {suspect.specifier}"
    early = project.wanted(suspect.specifier, pre=True)
    text += f": the newest release is {newest.version}"
    if newest.uploaded:
        text += f" of {newest.uploaded[:10]}"
    remedy = f"ask for {suspect.name}<={newest.version}"
    if early:
        text += f", and {project.versions[early.bit_length() - 1]} is a pre-release"
        remedy += ", or allow pre-releases (index.pre)"
    return Verdict("not-found", text, remedy, _lines(suspect, derivation))


def _python(
    failure: Failure,
    suspect: Term,
    project: Project,
    number: int,
    chain: str,
    derivation: Derivation,
) -> Verdict:
    target, newest = failure.target, project.releases[number]
    text = f"{chain}{suspect.name} {newest.version} needs Python {newest.requires_python}"
    text += f"; this is {target.python}"
    if suspect.specifier and not suspect.specifier.startswith("=="):
        text += f", too old for every release that {suspect} allows"
    older = [
        project.versions[one]
        for one in numbers(project.final & project.standing)
        if project.choice(one, target).file is not None
    ]
    remedy = f"use {python_wanted(newest.requires_python)}"
    if older:
        remedy += f", or {suspect.name} {older[-1]}, the newest for Python {target.minor}"
    return Verdict("requires-python", text, remedy, _lines(suspect, derivation))


def _by_prose(failure: Failure, derivation: Derivation) -> Verdict:
    """Nothing is impossible by itself, or the index could not be asked."""
    found = derivation.conflict
    if found:
        parent, needed, other = found
        verb = "needs" if " needs " in str(other) else "is required"
        second = str(other) if verb == "needs" else f"{other} is required"
        return Verdict(
            "conflict",
            f"{_words(parent)} needs {needed}, but {second}",
            f"loosen one of the two requirements on {needed.name}",
            evidence(derivation.lines),
        )
    first = derivation.suspects[0] if derivation.suspects else None
    if first is None:
        return Verdict(
            "conflict", "the requirements contradict each other", "", evidence(derivation.lines)
        )
    kind, suspect = first
    chain = _chain(suspect.name, derivation)
    shown = _lines(suspect, derivation)
    here = failure.target
    if kind == "no-wheel":
        text = f"{chain}no wheel of {suspect} fits {here.words} on {here.libc or failure.cell.os}"
        return Verdict("no-wheel", f"{text}, and there is no sdist", "", shown)
    if kind == "python":
        text = f"{chain}{suspect} does not allow Python {here.python}"
        return Verdict("requires-python", text, "", shown)
    text = f"{chain}the index has nothing for {suspect} that this interpreter can have"
    return Verdict("not-found", text, "", shown)


def _words(one: Term) -> str:
    return f"{one.name} {one.specifier[2:]}" if one.specifier.startswith("==") else str(one)
