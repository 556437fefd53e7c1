"""Who needs what among the distributions of a cell, from their METADATA on the index."""

from __future__ import annotations

from email.parser import HeaderParser
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envcheck.predict.offers import Offer, allowed, offers, state
from envcheck.predict.shortfall import no_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envcheck.model.cell import Installed
    from envcheck.model.matrix import Cell
    from envcheck.predict.offers import Platform, State


class Blocker(NamedTuple):
    """Something that a release needs and this interpreter cannot have."""

    name: str
    sentence: str
    remedy: str


class Needs:
    """Requirements of the user and of installed distributions; asked for when they are needed."""

    def __init__(
        self,
        cell: Cell,
        distributions: Sequence[Installed],
        releases: Callable[[str], Sequence[Any] | None],
        metadata: Callable[[Any], bytes] | None,
        platform: Platform,
    ) -> None:
        self.platform = platform
        self._cell = cell
        self._distributions = distributions
        self._ask = releases
        self._metadata = metadata
        self._raw: dict[str, Sequence[Any]] = {}
        self._offers: dict[str, list[Offer]] = {}
        self._installed: list[tuple[str, Requirement]] | None = None
        self._user = list(self._of_user())

    def offers(self, name: str) -> list[Offer]:
        """Releases of a project, oldest first; none if the index has none or does not answer."""
        if name not in self._offers:
            try:
                self._raw[name] = self._ask(name) or ()
                self._offers[name] = offers(self._raw[name])
            except Exception:
                self._raw[name], self._offers[name] = (), []
        return self._offers[name]

    def state(self, name: str, offer: Offer) -> State:
        """As ``offers.state``; an sdist that the matrix forbids to build is nothing."""
        only = self._cell.index.only_binary
        found = state(offer, self.platform)
        forbidden = ":all:" in only or any(canonicalize_name(one) == name for one in only)
        return "nothing" if found == "sdist" and forbidden else found

    def early(self, name: str) -> bool:
        """Whether pre-releases of ``name`` were asked for."""
        return self._cell.index.pre or any(
            bool(requirement.specifier.prereleases)
            for requirement in self._user
            if canonicalize_name(requirement.name) == name
        )

    def limits(self, name: str) -> Iterator[tuple[str, str]]:
        """Specifiers for ``name`` and who wants them: the user (empty), then the installed."""
        for requirement in self._user:
            if canonicalize_name(requirement.name) == name and requirement.specifier:
                yield str(requirement.specifier), ""
        if self._installed is None:
            self._installed = list(self._of_installed())
        for who, requirement in self._installed:
            if canonicalize_name(requirement.name) == name and requirement.specifier:
                yield str(requirement.specifier), who

    def blocker(self, name: str, offer: Offer) -> Blocker | None:
        """What ``offer`` of ``name`` needs of which this interpreter can have no release."""
        for requirement in self._required(name, offer, ("",)):
            needed = canonicalize_name(requirement.name)
            listed = self.offers(needed)
            wanted = allowed(listed, str(requirement.specifier))
            states = {one: self.state(needed, one) for one in wanted}
            if not states or not set(states.values()) <= {"nothing", "python"}:
                continue
            admitted = [one for one in wanted if states[one] == "nothing"]
            if admitted:
                sentence, remedy = no_wheel(self.platform, needed, admitted[-1], listed)
                return Blocker(needed, sentence, remedy)
            last = wanted[-1]
            text = f"{needed} {last.version} needs Python {last.requires_python}"
            return Blocker(needed, text, f"use a Python that is {last.requires_python}")
        return None

    def _of_user(self) -> Iterator[Requirement]:
        test = self._cell.test
        for text in (*test.requirements, *test.constraints):
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if self._applies(requirement, ("",)):
                yield requirement

    def _of_installed(self) -> Iterator[tuple[str, Requirement]]:
        """Extras are not known: what applies with any extra limits nothing here."""
        for one in self._distributions:
            listed = self.offers(one.name)
            mine = next((offer for offer in listed if str(offer.version) == one.version), None)
            if mine is not None:
                for requirement in self._required(one.name, mine, ("",)):
                    yield f"{one.name} {one.version}", requirement

    def _required(self, name: str, offer: Offer, extras: Sequence[str]) -> Iterator[Requirement]:
        """What a release needs on this interpreter; nothing if its METADATA is not known."""
        if self._metadata is None:
            return
        fitting = [
            file
            for release in self._raw.get(name, ())
            if str(release.version) == str(offer.version)
            for file in release.files
            if file.filename.endswith(".whl")
        ]
        fitting.sort(key=lambda file: self._fits(offer, file.filename), reverse=True)
        try:
            text = self._metadata(fitting[0]).decode("utf-8", "replace") if fitting else ""
        except Exception:
            return
        for line in HeaderParser().parsestr(text).get_all("Requires-Dist", []):
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            if self._applies(requirement, extras):
                yield requirement

    def _fits(self, offer: Offer, filename: str) -> bool:
        return state(offer._replace(wheels=(filename,), sdists=()), self.platform) in (
            "wheel",
            "generic",
        )

    def _applies(self, requirement: Requirement, extras: Sequence[str]) -> bool:
        if requirement.marker is None:
            return True
        environment = {
            "python_version": self.platform.minor,
            "python_full_version": self.platform.python,
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "platform_machine": self.platform.architecture,
        }
        return any(requirement.marker.evaluate({**environment, "extra": extra}) for extra in extras)
