"""No solution: which distribution this interpreter cannot have, and why.

The resolver's prose names suspects; what the index offers decides. Where the index cannot be asked
the prose has to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envcheck.matrix.causes.base import Verdict, evidence
from envcheck.matrix.causes.derivation import Derivation, Term, of_pip, of_uv, term
from envcheck.predict.offers import admits, allowed, state
from envcheck.predict.shortfall import no_wheel, python_wanted

if TYPE_CHECKING:
    from envcheck.matrix.causes.base import Failure
    from envcheck.matrix.causes.reading import Reading
    from envcheck.predict.offers import Offer, State


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
    roots = [term(text) for text in _asked(failure)]
    named = [found for _, found in derivation.suspects]
    order = {one.name: number for number, one in reversed(list(enumerate(named)))}
    named.sort(key=lambda one: (order[one.name], -_newest(failure, one)))
    return list(dict.fromkeys([*roots, *derivation.required, *named]))


def _newest(failure: Failure, suspect: Term) -> int:
    """The number, among all releases, of the newest that ``suspect`` allows; -1: none, unknown."""
    offers = failure.offers(suspect.name) or []
    wanted = allowed(offers, suspect.specifier, pre=failure.cell.index.pre)
    return offers.index(wanted[-1]) if wanted else -1


def _asked(failure: Failure) -> list[str]:
    """The user's requirements that apply to this interpreter."""
    asked = []
    environment = {
        "python_version": failure.platform.minor,
        "python_full_version": failure.platform.python,
    }
    for text in failure.cell.test.requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.url or (requirement.marker and not requirement.marker.evaluate(environment)):
            continue
        asked.append(text)
    return asked


def blocked(failure: Failure, suspect: Term, derivation: Derivation) -> Verdict | None:
    """The verdict if this interpreter can have no release that ``suspect`` allows; else None."""
    offers = failure.offers(suspect.name)
    if offers is None:
        return None
    chain = _chain(suspect.name, derivation)
    if not offers:
        return Verdict(
            "not-found",
            f"{chain}the index has no distribution {suspect.name}",
            "check the name, or give the index that has it (index.url, index.extra-urls)",
            _lines(suspect, derivation),
        )
    wanted = allowed(offers, suspect.specifier, pre=failure.cell.index.pre)
    if not wanted:
        return _no_version(suspect, offers, chain, derivation)
    states = {one: _state(failure, suspect.name, one) for one in wanted}
    if any(found in ("wheel", "generic", "sdist", "unknown") for found in states.values()):
        return None
    admitted = [one for one in wanted if states[one] != "python"]
    newest = (admitted or wanted)[-1]
    if not admitted:
        return _python(failure, suspect, newest, offers, chain, derivation)
    return _no_wheel(failure, suspect, newest, offers, chain, derivation)


def _state(failure: Failure, name: str, offer: Offer) -> State:
    """As ``offers.state``; an sdist that the matrix forbids to build is nothing."""
    found = state(offer, failure.platform)
    only = {canonicalize_name(one) for one in failure.cell.index.only_binary if one != ":all:"}
    if found == "sdist" and (name in only or ":all:" in failure.cell.index.only_binary):
        return "nothing"
    return found


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


def _no_version(suspect: Term, offers: list[Offer], chain: str, derivation: Derivation) -> Verdict:
    """The index has the project, and no such version of it."""
    final = [one for one in offers if one.final] or offers
    text = f"{chain}the index has no {suspect.name} that is {suspect.specifier}"
    early = allowed(offers, suspect.specifier, pre=True)
    text += f": the newest release is {final[-1].version}"
    if final[-1].uploaded:
        text += f" of {final[-1].uploaded[:10]}"
    remedy = f"ask for {suspect.name}<={final[-1].version}"
    if early:
        text += f", and {early[-1].version} is a pre-release"
        remedy += ", or allow pre-releases (index.pre)"
    return Verdict("not-found", text, remedy, _lines(suspect, derivation))


def _python(
    failure: Failure,
    suspect: Term,
    newest: Offer,
    offers: list[Offer],
    chain: str,
    derivation: Derivation,
) -> Verdict:
    platform = failure.platform
    text = f"{chain}{suspect.name} {newest.version} needs Python {newest.requires_python}"
    text += f"; this is {platform.python}"
    if suspect.specifier and not suspect.specifier.startswith("=="):
        text += f", too old for every release that {suspect} allows"
    older = [one for one in offers if one.final and admits(one.requires_python, platform.python)]
    older = [one for one in older if state(one, platform) in ("wheel", "generic", "sdist")]
    remedy = f"use {python_wanted(newest.requires_python)}"
    if older:
        remedy += f", or {suspect.name} {older[-1].version}, the newest for Python {platform.minor}"
    return Verdict("requires-python", text, remedy, _lines(suspect, derivation))


def _no_wheel(
    failure: Failure,
    suspect: Term,
    newest: Offer,
    offers: list[Offer],
    chain: str,
    derivation: Derivation,
) -> Verdict:
    text, remedy = no_wheel(failure.platform, suspect.name, newest, offers)
    return Verdict("no-wheel", f"{chain}{text}", remedy, _lines(suspect, derivation))


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
    here = failure.platform
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
