"""No solution: which distribution this interpreter cannot have, and why.

The resolver's prose names suspects; what the index offers decides. Where the index cannot be asked
the prose has to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envcheck.matrix.causes.base import Verdict, evidence
from envcheck.matrix.causes.derivation import Derivation, Term, of_pip, of_uv, term
from envcheck.matrix.causes.wording import listed
from envcheck.matrix.offers import admits, pythons, state, systems

if TYPE_CHECKING:
    from envcheck.matrix.causes.base import Failure
    from envcheck.matrix.causes.reading import Reading
    from envcheck.matrix.offers import Offer


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
    """What the user asked for, then what the resolver names, each once; roots first."""
    roots = [term(text) for text in _asked(failure)]
    named = [found for _, found in derivation.suspects]
    return list(dict.fromkeys([*roots, *derivation.required, *named]))


def _asked(failure: Failure) -> list[str]:
    """The user's requirements that apply to this interpreter."""
    asked = []
    environment = {"python_version": failure.platform.minor, "python_full_version": failure.platform.python}
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
            f"the index has no distribution {suspect.name}{chain}",
            "check the name, or give the index that has it (index.url, index.extra-urls)",
            evidence(derivation.lines),
        )
    wanted = _allowed(offers, suspect.specifier, pre=failure.cell.index.pre)
    if not wanted:
        return _no_version(failure, suspect, offers, chain, derivation)
    states = {one: state(one, failure.platform) for one in wanted}
    if any(found in ("wheel", "generic", "sdist", "unknown") for found in states.values()):
        return None
    newest = wanted[-1]
    if states[newest] == "python":
        return _python(failure, suspect, newest, offers, chain, derivation)
    return _no_wheel(failure, suspect, newest, offers, chain, derivation)


def _chain(name: str, derivation: Derivation) -> str:
    """``, which accelerate needs``."""
    parents = derivation.parents(name)
    return f", which {' → '.join(parents)} needs" if parents else ""


def _allowed(offers: list[Offer], specifier: str, *, pre: bool) -> list[Offer]:
    """Releases that a requirement allows: final ones, or if there are none (or asked) all."""
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return []
    pinned = specifier.startswith("==")
    found = [
        one
        for one in offers
        if (one.yanked is None or pinned) and wanted.contains(one.version, prereleases=True)
    ]
    final = [one for one in found if not one.version.is_prerelease]
    if pre or wanted.prereleases:
        return found
    return final


def _no_version(
    failure: Failure, suspect: Term, offers: list[Offer], chain: str, derivation: Derivation
) -> Verdict:
    """The index has the project, and no such version of it."""
    final = [one for one in offers if one.final] or offers
    text = f"the index has no {suspect.name} that is {suspect.specifier}{chain}"
    early = _allowed(offers, suspect.specifier, pre=True)
    text += f": the newest release is {final[-1].version}"
    if final[-1].uploaded:
        text += f" of {final[-1].uploaded[:10]}"
    remedy = f"ask for {suspect.name}<={final[-1].version}"
    if early:
        text += f", and {early[-1].version} is a pre-release"
        remedy += ", or allow pre-releases (index.pre)"
    del failure
    return Verdict("not-found", text, remedy, evidence(derivation.lines))


def _python(
    failure: Failure,
    suspect: Term,
    newest: Offer,
    offers: list[Offer],
    chain: str,
    derivation: Derivation,
) -> Verdict:
    platform = failure.platform
    text = (
        f"{suspect.name} {newest.version}{chain}{',' if chain else ''} needs Python"
        f" {newest.requires_python}; this is {platform.python}"
    )
    older = [one for one in offers if one.final and admits(one.requires_python, platform.python)]
    older = [one for one in older if state(one, platform) in ("wheel", "generic", "sdist")]
    remedy = f"use a Python that is {newest.requires_python}"
    if older:
        remedy += f", or {suspect.name} {older[-1].version}, the newest for Python {platform.minor}"
    return Verdict("requires-python", text, remedy, evidence(derivation.lines))


def _no_wheel(
    failure: Failure,
    suspect: Term,
    newest: Offer,
    offers: list[Offer],
    chain: str,
    derivation: Derivation,
) -> Verdict:
    text, remedy = no_wheel(failure, suspect.name, newest, offers)
    return Verdict("no-wheel", f"{text}{chain}", remedy, evidence(derivation.lines))


def no_wheel(
    failure: Failure, name: str, offer: Offer, offers: list[Offer]
) -> tuple[str, str]:
    """The sentence for a release without a wheel for this interpreter and without an sdist."""
    platform = failure.platform
    musl = platform.family == "musl"
    libc = "musllinux" if musl else "manylinux"
    title = f"{name} {offer.version}"
    here = systems(offer.wheels, interpreter=platform)
    older = [one for one in offers if one.final and state(one, platform) == "wheel"]
    last = f"{name} {older[-1].version}, the newest with a wheel for this cell" if older else ""
    if not here:  # nothing for this Python, wherever it runs
        made = pythons(offer.wheels)
        which = f"it has wheels for CPython {listed(made, 8)}" if made else "it has no wheel at all"
        text = f"no wheel of {title} for {platform.words} ({which}) and there is no sdist"
        remedy = f"use Python {listed(made, 8).replace(' and ', ' or ')}" if made else ""
        return text, " or ".join(filter(None, (remedy, last)))
    system = f"{libc} {platform.architecture}"
    text = f"no {system} wheel of {title} for {platform.words} (it has {here}) and there is no sdist"
    remedy = ""
    if musl and f"manylinux" in here and platform.architecture in here:
        remedy = f"use a glibc image such as python:{platform.minor}-slim"
    elif platform.family == "glibc" and f"manylinux" in here and platform.architecture in here:
        text = text.replace(f"no {system} wheel", f"no wheel for {platform.libc} {platform.architecture}", 1)
        remedy = "use an image with a newer glibc"
    return text, ", or ".join(filter(None, (remedy, last and f"use {last}")))


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
        return Verdict("conflict", "the requirements contradict each other", "", evidence(derivation.lines))
    kind, suspect = first
    chain = _chain(suspect.name, derivation)
    here = failure.platform
    if kind == "no-wheel":
        text = f"no wheel of {suspect}{chain} fits {here.words} on {here.libc or failure.cell.os}"
        return Verdict("no-wheel", f"{text}, and there is no sdist", "", evidence(derivation.lines))
    if kind == "python":
        text = f"{suspect}{chain} does not allow Python {here.python}"
        return Verdict("requires-python", text, "", evidence(derivation.lines))
    text = f"the index has nothing for {suspect}{chain} that this interpreter can have"
    return Verdict("not-found", text, "", evidence(derivation.lines))


def _words(one: Term) -> str:
    return f"{one.name} {one.specifier[2:]}" if one.specifier.startswith("==") else str(one)
