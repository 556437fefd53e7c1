"""Everything that is known of the indexes, shared by all targets: projects and what files require.

``prefetch`` runs ahead of the resolver: it follows the newest releases of all targets at once, so
that pages and METADATA come in parallel, and the resolver finds nearly all of them here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier

from envcheck.errors import IndexTrouble
from envcheck.index.pages import normalized
from envcheck.model.artifact import SdistFacts, WheelFacts
from envcheck.predict.projects import Project, numbers
from envcheck.predict.requirements import Metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.index.pages import File
    from envcheck.index.session import IndexSession
    from envcheck.model.matrix import Index
    from envcheck.model.target import Target
    from envcheck.predict.projects import Choice
    from envcheck.predict.requirements import Requirement


class Policy(NamedTuple):
    """What an installer is told. ``only_binary``: projects that may not be built, ``:all:``: none
    may; ``pre``: pre-releases are wanted everywhere.
    """

    only_binary: frozenset[str] = frozenset()
    no_binary: frozenset[str] = frozenset()
    pre: bool = False

    def builds(self, name: str) -> bool:
        """Whether an sdist of this project may be built."""
        return name not in self.only_binary and ":all:" not in self.only_binary

    def wheels(self, name: str) -> bool:
        """Whether a wheel of this project may be taken."""
        return name not in self.no_binary and ":all:" not in self.no_binary

    def choice(self, project: Project, number: int, target: Target) -> Choice:
        """What ``target`` takes of a release; an sdist that may not be built is nothing."""
        choice = project.choice(number, target, wheels=self.wheels(project.name))
        if choice.kind == "sdist" and not self.builds(project.name):
            return choice._replace(kind="nothing", file=None)
        return choice


class Known(NamedTuple):
    """What a file requires. ``source``: whose METADATA that is, in words; empty if it is the
    file's own. ``trouble``: why it is not known.
    """

    metadata: Metadata
    source: str = ""
    trouble: str = ""


NOTHING = Metadata("")
_DEFAULT = Policy()


def policy_of(index: Index) -> Policy:
    """What the installer is told by a matrix."""
    only, no = (
        frozenset(one if one == ":all:" else normalized(one) for one in names)
        for names in (index.only_binary, index.no_binary)
    )
    return Policy(only, no, index.pre)


class World:
    """Not shared by threads: the session's threads bring things, this one uses them."""

    def __init__(
        self, session: IndexSession, policy: Policy = _DEFAULT, *, thorough: bool = True
    ) -> None:
        self.session = session
        self.policy = policy
        self.thorough = thorough  # whether sdists are looked into though something else blocks
        self.before = session.exclude_newer
        self.troubles: dict[str, IndexTrouble] = {}  # of pages that could not be read
        self._projects: dict[str, Project] = {}
        self._known: dict[str, Known] = {}
        self._facts: dict[str, WheelFacts | SdistFacts | IndexTrouble] = {}
        self._any_usable: dict[tuple[str, int, Target], bool] = {}

    def project(self, name: str) -> Project:
        """A project; one that no index has, or whose page cannot be read, has no releases."""
        if name not in self._projects:
            try:
                listing = self.session.listing(name)
                self._projects[name] = Project(
                    name, listing.files, found=listing.found, before=self.before
                )
            except IndexTrouble as trouble:
                self.troubles[name] = trouble
                self._projects[name] = Project(name, (), found=False)
        return self._projects[name]

    def facts(self, file: File) -> WheelFacts | SdistFacts | IndexTrouble:
        """What is known of a file, or why it is not."""
        if file.filename not in self._facts:
            try:
                self._facts[file.filename] = self.session.want(file).result()
            except IndexTrouble as trouble:
                self._facts[file.filename] = trouble
        return self._facts[file.filename]

    def is_known(self, file: File) -> bool:
        """Whether the facts of a file were asked for already."""
        return file.filename in self._facts

    def wheel(self, file: File) -> WheelFacts | None:
        """Facts of a wheel, None if they cannot be had."""
        facts = self.facts(file)
        return facts if isinstance(facts, WheelFacts) else None

    def sdist(self, file: File) -> SdistFacts | None:
        """Facts of an sdist, None if they cannot be had."""
        facts = self.facts(file)
        return facts if isinstance(facts, SdistFacts) else None

    def required_by(
        self, project: Project, number: int, target: Target, *, exact: bool = True
    ) -> Known:
        """What a release requires on a target: by the very file that this target takes.

        Not ``exact``: another wheel of the release will do, if that one was read and this was not.
        """
        choice = self.choice(project, number, target)
        file = choice.file
        if choice.kind == "unknown":  # of the wheels that may fit any tells what all require
            file = project.releases[number].wheels[-1]
        if file is None:
            return Known(NOTHING, trouble="there is no file for this target")
        if not exact and file.filename not in self._known:
            names = [wheel.filename for wheel in project.releases[number].wheels]
            if read := next((name for name in names if name in self._known), ""):
                return self._known[read]
        return self.known_of(project, number, file)

    def known_of(self, project: Project, number: int, file: File) -> Known:
        """What a release requires by one of its files."""
        key = file.filename
        if key not in self._known:
            self._known[key] = self._read(project, number, file)
        return self._known[key]

    def choice(self, project: Project, number: int, target: Target) -> Choice:
        """As the project's own, under this policy."""
        return self.policy.choice(project, number, target)

    def usable(self, project: Project, number: int, target: Target) -> bool:
        """Whether an installer could take this release there."""
        return self.choice(project, number, target).file is not None

    def admitted(
        self, requirement: Requirement, target: Target, *, early: bool = False, named: int = 0
    ) -> int:
        """The releases that an installer considers for a requirement: pre-releases only if they
        are asked for (``early``: elsewhere), or if there is no final one that this target could
        take; yanked ones only if they are named (``named``: elsewhere).
        """
        project = self.project(requirement.name)
        try:
            mask, asked = project.allowed(requirement.specifier, named)
        except InvalidSpecifier:
            return 0
        if asked or early or self.policy.pre:
            return mask
        final = mask & project.final
        if mask == final or self._has_usable(project, final, target):
            return final
        return mask

    def first_usable(
        self, project: Project, mask: int, target: Target, *, early: bool = False
    ) -> tuple[int | None, int]:
        """(the release that is taken: final ones before early ones unless these are asked for
        (``early``), newest first; those of ``mask`` that were found to be of no use before it).
        """
        useless = 0
        final = project.final & mask
        mixed = self.policy.pre or early or not final
        for part in (mask,) if mixed else (final, mask & ~final):
            while part:
                number = part.bit_length() - 1
                if self.usable(project, number, target):
                    return number, useless
                useless |= 1 << number
                part &= ~(1 << number)
        return None, useless

    def prefetch(self, wanted: Sequence[tuple[Requirement, Target]]) -> None:
        """Ask for all that the newest releases need, on all targets at once."""
        from envcheck.predict.ahead import Ahead

        Ahead(self).run(wanted)

    def prefetch_releases(self, requirement: Requirement, target: Target, most: int = 120) -> None:
        """Ask for what the releases of one project require, the newest first: a resolver that goes
        back looks at one after the other.
        """
        project = self.project(requirement.name)
        mask = self.admitted(requirement, target)
        for number in reversed(numbers(mask)):
            if not most:
                break
            if file := self.choice(project, number, target).file:
                self.session.want(file)
                most -= 1

    def _has_usable(self, project: Project, mask: int, target: Target) -> bool:
        key = (project.name, mask, target)
        if key not in self._any_usable:
            self._any_usable[key] = self.first_usable(project, mask, target)[0] is not None
        return self._any_usable[key]

    def _read(self, project: Project, number: int, file: File) -> Known:
        facts = self.facts(file)
        if isinstance(facts, IndexTrouble):
            return Known(NOTHING, trouble=facts.message)
        if isinstance(facts, WheelFacts):
            trouble = "" if facts.metadata else facts.problem or "its METADATA cannot be read"
            return Known(Metadata(facts.metadata), trouble=trouble)
        if facts.static:
            return Known(Metadata(facts.metadata))
        if facts.requires is not None:  # said literally where its build would read it
            return Known(Metadata("".join(f"Requires-Dist: {one}\n" for one in facts.requires)))
        for other in reversed(project.releases[number].wheels):
            known = self.facts(other)
            if isinstance(known, WheelFacts) and known.metadata:
                return Known(Metadata(known.metadata), source=other.filename)
            break
        if facts.metadata and "requires-dist" in facts.metadata.lower():
            return Known(Metadata(facts.metadata), source="its PKG-INFO, which may be incomplete")
        return Known(NOTHING, trouble="what it requires is told by its build only")
