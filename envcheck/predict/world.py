"""Everything that is known of the indexes, shared by all targets: projects and what files require.

``prefetch`` runs ahead of the resolver: it follows the newest releases of all targets at once, so
that pages and METADATA come in parallel, and the resolver finds nearly all of them here.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier

from envcheck.errors import EnvcheckError, IndexTrouble
from envcheck.index.pages import normalized
from envcheck.model.artifact import SdistFacts, WheelFacts
from envcheck.predict.projects import Project, numbers
from envcheck.predict.requirements import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from typing import Any

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

    def admitted(self, requirement: Requirement, target: Target, *, early: bool = False) -> int:
        """The releases that an installer considers for a requirement: pre-releases only if they
        are asked for (``early``: elsewhere), or if there is no final one that this target could
        take.
        """
        project = self.project(requirement.name)
        try:
            mask, asked = project.allowed(requirement.specifier)
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
        _Ahead(self).run(wanted)

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


class _Ahead:
    """A greedy walk over all closures: events of the session's threads, worked off by this one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.open = 0
        self.masks: dict[tuple[Target, str], int] = {}
        self.chosen: dict[tuple[Target, str], int] = {}
        self.extras: dict[tuple[Target, str], set[str]] = {}
        self.pages: dict[str, list[tuple[Target, Requirement]] | None] = {}  # None: it is here
        self.files: dict[str, list[tuple[Target, Project, int]] | None] = {}
        self.blocked: set[Target] = set()  # where something is needed that cannot be had
        self.ready: deque[Callable[[], None]] = deque()  # what needs no waiting
        self.mixed = False  # whether there are several C libraries
        self.later: list[tuple[Target, Project, int]] = []

    def run(self, wanted: Sequence[tuple[Requirement, Target]]) -> None:
        """Wheels for musl come last where others are asked for too: of a release that has both,
        the METADATA of one says enough of what blocks the other.
        """
        self.mixed = len({target.family for _, target in wanted}) > 1
        for requirement, target in wanted:
            self.want(target, requirement)
        self.work()
        self.mixed, later = False, self.later
        for target, project, number in later:
            self.look(target, project, number)
        self.work()

    def work(self) -> None:
        """Until nothing is asked for any more. Not by calls in calls: closures may be deep."""
        while self.open or self.ready:
            if self.ready:
                self.ready.popleft()()
            else:
                self.events.get()()

    def want(self, target: Target, requirement: Requirement) -> None:
        name = requirement.name
        if requirement.url:
            return
        if name not in self.pages:
            self.pages[name] = []
            self.after(self.world.session.want_listing(name), lambda: self.page_came(name))
        waiting = self.pages[name]
        if waiting is not None:
            waiting.append((target, requirement))
        else:
            self.ready.append(partial(self.consider, target, requirement))

    def after(self, future: Future[Any], then: Callable[[], None]) -> None:
        self.open += 1

        def done() -> None:
            self.open -= 1
            then()

        future.add_done_callback(lambda _: self.events.put(done))

    def page_came(self, name: str) -> None:
        waiting, self.pages[name] = self.pages[name], None
        for target, requirement in waiting or ():
            self.consider(target, requirement)

    def consider(self, target: Target, requirement: Requirement) -> None:
        """Take the newest release that everything so far allows, and see what it needs."""
        world = self.world
        project = world.project(requirement.name)
        key = (target, requirement.name)
        mask = world.admitted(requirement, target) & self.masks.get(key, project.all)
        extras = self.extras.setdefault(key, set())
        more = set(requirement.extras) - extras
        if mask == self.masks.get(key) and not more:
            return
        self.masks[key] = mask
        extras |= more
        number = world.first_usable(project, mask, target)[0]
        if number is None:
            self.blocked.add(target)
        if number is None or (number == self.chosen.get(key) and not more):
            return
        self.chosen[key] = number
        file = world.choice(project, number, target).file
        assert file is not None
        if self.mixed and (not file.is_wheel or "musllinux" in file.filename):
            self.later.append((target, project, number))
        else:
            self.look(target, project, number)

    def look(self, target: Target, project: Project, number: int) -> None:
        """Ask for the file of a release, and follow what it needs."""
        file = self.file_of(project, number, target)
        if file.filename not in self.files:
            self.files[file.filename] = []
            self.after(self.world.session.want(file), lambda: self.facts_came(file))
        waiting = self.files[file.filename]
        if waiting is not None:
            waiting.append((target, project, number))
        else:
            self.ready.append(partial(self.expand, target, project, number, file))

    def file_of(self, project: Project, number: int, target: Target) -> File:
        """The file to look at; instead of an sdist, and where nothing will be installed, one that
        is looked at anyway: its METADATA tells well enough what to ask for next.
        """
        file = self.world.choice(project, number, target).file
        assert file is not None
        if (target in self.blocked or not file.is_wheel) and file.filename not in self.files:
            for other in project.releases[number].wheels:
                if other.filename in self.files:
                    return other
        return file

    def facts_came(self, file: File) -> None:
        waiting, self.files[file.filename] = self.files[file.filename], None
        for target, project, number in waiting or ():
            self.expand(target, project, number, file)

    def expand(self, target: Target, project: Project, number: int, file: File) -> None:
        key = (target, project.name)
        if self.chosen.get(key) != number:
            return
        try:
            metadata = self.world.known_of(project, number, file).metadata
        except EnvcheckError:
            return
        for extra in ("", *sorted(self.extras[key])):
            for requirement in metadata.required(target, extra):
                self.want(target, requirement)
