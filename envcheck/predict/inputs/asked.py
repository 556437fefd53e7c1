"""What a file asks: requirements to resolve, or the pins of a lock, and where they would go."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct, field
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envcheck.index.pages import File, normalized
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from envcheck.model.target import Target

Source = Literal["index", "url", "git", "local"]

#: Comparisons that always and never hold: what a choice of extras and groups makes of a term.
HOLDS, FAILS = "os_name != ''", "os_name == ''"
_TERM = re.compile(
    r"""\bextra\s*(?P<compared>==|!=)\s*(?P<quote>["'])(?P<extra>[^"']*)(?P=quote)"""
    r"""|(?P<quote2>["'])(?P<other>[^"']*)(?P=quote2)\s*(?P<reversed>==|!=)\s*extra\b"""
    r"""|(?P<quote3>["'])(?P<member>[^"']*)(?P=quote3)\s*(?P<negated>not\s+)?in\s+"""
    r"""(?P<set>extras|dependency_groups)\b"""
)
_ROUNDS = 50  # of choosing among locked versions of one name; two or three are usual


class Need(Struct, frozen=True):
    """That a locked package needs another one. ``versions``: those of the lock that would do,
    empty: all. ``extras``: of what is needed. ``index``: the one of its pin, if that matters.
    """

    name: str
    versions: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    marker: str = ""
    index: str | None = None


class Pin(Struct, frozen=True):
    """A package of a lock, or one that is required by an address. ``name`` is normalized.

    ``files``: the only ones that may be installed (``url`` is empty where the lock has only names);
    if there are none, ``hashes`` (``sha256:…``) of them, and if there are none either, all that the
    index has. ``index``: its address without credentials, empty for the default one. ``source``:
    ``url`` is one file at an address, ``git`` a repository and ``local`` a project or file of the
    user's own, of which no index knows; ``place`` says where. ``version`` may be empty for those.
    ``extras``: whose needs are pinned too. ``number``: of its entry in the file, from 0.
    """

    name: str
    version: str = ""
    marker: str = ""
    source: Source = "index"
    index: str = ""
    files: tuple[File, ...] = ()
    hashes: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requires_python: str = ""
    place: str = ""
    needs: tuple[Need, ...] = ()
    extra_needs: tuple[tuple[str, tuple[Need, ...]], ...] = ()  # extra -> what it needs
    number: int = 0


class Image(NamedTuple):
    """The image of a Dockerfile's stage in which packages are installed.

    ``reference``: as in FROM, variables replaced. ``compilers``: as in ``model.target.Target``;
    of an ``official`` image only what the Dockerfile adds: its target has the others. ``packages``:
    of its package manager that the Dockerfile installs.
    """

    reference: str
    stage: str = ""
    official: bool = False
    distribution: str = ""
    compilers: frozenset[str] | None = frozenset()
    packages: tuple[str, ...] = ()


class Asked(Struct, frozen=True, kw_only=True):
    """The question of one file.

    ``requirements``: PEP 508 without addresses; ``hashes``: requirement -> ``sha256:…`` of the
    files that it allows. ``locked``: ``pins`` are a closure, nothing is to be resolved
    (``selected`` says which of them a target takes); else they are what is required by address.
    ``targets``: words for where it would go. ``pythons``: feature releases that
    ``requires_python`` admits. ``index``: what the file says about indexes; ``indexes``: name ->
    address of what comes from one of its own. ``environments``: markers, one of which must hold.
    ``notes``: what could not be taken, each in a sentence with file and line. Addresses are without
    credentials.
    """

    kind: str
    path: str
    requirements: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    hashes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pins: list[Pin] = field(default_factory=list)
    roots: list[Need] | None = None  # of a lock that is a graph; None: markers alone decide
    locked: bool = False
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    targets: list[str] = field(default_factory=list)
    requires_python: str = ""
    environments: list[str] = field(default_factory=list)
    index: Index = field(default_factory=Index)
    indexes: dict[str, str] = field(default_factory=dict)
    image: Image | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def pre(self) -> bool:
        """Whether pre-releases may be chosen."""
        return self.index.pre

    @property
    def exclude_newer(self) -> str:
        """Only what was uploaded before this day counts; empty: all."""
        return self.index.exclude_newer

    @property
    def pythons(self) -> list[str]:
        """Feature releases of CPython, as ``3.12``, that ``requires_python`` admits; those whose
        support has ended only if nothing else is admitted. Empty if nothing is said.
        """
        from envcheck.knowledge import table

        if not self.requires_python:
            return []
        known = table("python_releases")
        rows = [row for row in known["rows"] if _admits(self.requires_python, row["python"])]
        current = [row for row in rows if row["end_of_life"] >= known["date"][:7]]
        return [row["python"] for row in current or rows]

    def adapt(self, target: Target) -> Target:
        """``target`` with what the Dockerfile adds to its image."""
        if self.image is None:
            return target
        image = self.image
        compilers = image.compilers
        if image.official and target.compilers is None:
            compilers = None
        elif image.official and compilers is not None:
            compilers |= target.compilers or frozenset()
        return target._replace(
            compilers=compilers,
            distribution=image.distribution or target.distribution,
            image=image.reference,
        )

    def refuses(self, target: Target) -> str:
        """Why the lock is not for ``target``, in words; empty if it is."""
        if self.requires_python and not python_admitted(self.requires_python, target.python):
            return f"{self.path} requires Python {self.requires_python}"
        if self.environments and not any(
            holds(marker, target, self.extras, self.groups) for marker in self.environments
        ):
            return f"{self.path} was made for other environments: {'; '.join(self.environments)}"
        return ""

    def selected(self, target: Target | None) -> list[Pin]:
        """The pins that ``target`` takes, in the lock's order; None: all that any target may take.

        A name is there twice only if the lock says so itself, for extras in conflict.
        """
        if self.roots is None:
            return [
                pin
                for pin in self.pins
                if target is None or holds(pin.marker, target, self.extras, self.groups)
            ]
        return _Walk(self, target).selected()


class _Walk:
    """From what is required along the needs of a lock's packages."""

    def __init__(self, asked: Asked, target: Target | None) -> None:
        self.asked = asked
        self.target = target
        self.by_name: dict[str, list[Pin]] = {}
        for pin in asked.pins:
            if target is None or (
                holds(pin.marker, target, asked.extras, asked.groups)
                and python_admitted(pin.requires_python, target.python)
            ):
                self.by_name.setdefault(pin.name, []).append(pin)

    def selected(self) -> list[Pin]:
        """Versions that one need excludes are given up for all, until nothing changes."""
        allowed: dict[str, frozenset[str]] = {}
        taken: set[int] = set()
        for _ in range(_ROUNDS):
            taken, narrowed = self._walk(allowed)
            if narrowed == allowed:
                break
            allowed = narrowed
        return [pin for pin in self.asked.pins if id(pin) in taken]

    def _walk(
        self, allowed: dict[str, frozenset[str]]
    ) -> tuple[set[int], dict[str, frozenset[str]]]:
        narrowed: dict[str, frozenset[str]] = {}
        taken: set[int] = set()
        done: set[tuple[int, str]] = set()
        waiting = [*(self.asked.roots or ())]
        while waiting:
            need = waiting.pop()
            asked = self.asked
            if self.target and not holds(need.marker, self.target, asked.extras, asked.groups):
                continue
            for pin in self._meant(need, allowed, narrowed):
                taken.add(id(pin))
                for extra in ("", *need.extras):
                    if (id(pin), extra) not in done:
                        done.add((id(pin), extra))
                        waiting += pin.needs if not extra else dict(pin.extra_needs).get(extra, ())
        return taken, narrowed

    def _meant(
        self,
        need: Need,
        allowed: dict[str, frozenset[str]],
        narrowed: dict[str, frozenset[str]],
    ) -> list[Pin]:
        """The pins that a need is about: all of them for any target, else one."""
        pins = [
            pin
            for pin in self.by_name.get(need.name, ())
            if (not need.versions or pin.version in need.versions)
            and (need.index is None or pin.index == need.index)
        ]
        if self.target is None or len(self.by_name.get(need.name, ())) < 2:
            return pins
        versions = frozenset(pin.version for pin in pins)
        narrowed[need.name] = narrowed.get(need.name, versions) & versions or versions
        left = [pin for pin in pins if pin.version in allowed.get(need.name, versions)]
        return [max(left or pins, key=lambda pin: _order(pin.version))] if pins else []


def _order(version: str) -> tuple[int, Version | str]:
    try:
        return (1, Version(version))
    except InvalidVersion:
        return (0, version)


@lru_cache(maxsize=1 << 14)
def holds(
    marker: str, target: Target, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> bool:
    """Whether a marker of a lock holds for ``target`` with these extras and groups chosen. What
    cannot be compared holds: nothing says that it does not.
    """
    from envcheck.predict.environment import marker_environment

    if not marker:
        return True
    parsed = _parsed(with_choice(marker, extras, groups))
    try:
        return parsed.evaluate(dict(marker_environment(target)))
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion, KeyError):
        return True


@lru_cache(maxsize=1 << 12)
def _parsed(text: str) -> Marker:
    return Marker(text)


def marker_problem(marker: str) -> str:
    """What is wrong with a marker of a lock, empty if nothing is."""
    if not marker:
        return ""
    try:
        _parsed(with_choice(marker, (), ()))
    except (InvalidMarker, RecursionError) as error:
        return str(error).splitlines()[0] if str(error) else "nested too deeply"
    return ""


def with_choice(marker: str, extras: tuple[str, ...], groups: tuple[str, ...]) -> str:
    """``marker`` with its terms about extras and groups replaced by what the choice makes them.

    packaging evaluates one ``extra`` at a time, and terms about sets only since its release 25.
    """
    if "extra" not in marker and "dependency_groups" not in marker:
        return marker

    def decided(term: re.Match[str]) -> str:
        if term["set"]:
            among = normalized(term["member"]) in (extras if term["set"] == "extras" else groups)
            return HOLDS if among != bool(term["negated"]) else FAILS
        word = term["extra"] if term["compared"] else term["other"]
        wanted = (term["compared"] or term["reversed"]) == "=="
        return HOLDS if (normalized(word) in extras) == wanted else FAILS

    return _TERM.sub(decided, marker)


@lru_cache(maxsize=1 << 12)
def python_admitted(specifier: str, python: str) -> bool:
    """Whether a Requires-Python admits a full version; one that cannot be read admits all."""
    try:
        return SpecifierSet(specifier).contains(python, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def _admits(specifier: str, feature: str) -> bool:
    """Whether any bugfix release of ``feature`` is admitted, judged by a few of them."""
    return any(python_admitted(specifier, f"{feature}.{micro}") for micro in (99, 0, 1, 2, 4, 9))
