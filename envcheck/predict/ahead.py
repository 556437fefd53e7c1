"""Ahead of the resolver: what the newest releases need is asked for, on all targets at once.

It is a greedy walk over all closures, so that pages and METADATA come in parallel and the resolver
finds nearly all of them there. What it asks for in vain costs time, and no verdict depends on it.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from envcheck.errors import EnvcheckError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from typing import Any

    from envcheck.index.pages import File
    from envcheck.model.target import Target
    from envcheck.predict.projects import Project
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.world import World


class Ahead:
    """A greedy walk over all closures: events of the session's threads, worked off by this one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._open = 0
        self._masks: dict[tuple[Target, str], int] = {}
        self._chosen: dict[tuple[Target, str], int] = {}
        self._extras: dict[tuple[Target, str], set[str]] = {}
        self._pages: dict[str, list[tuple[Target, Requirement]] | None] = {}  # None: it is here
        self._files: dict[str, list[tuple[Target, Project, int]] | None] = {}
        self._blocked: set[Target] = set()  # where something is needed that cannot be had
        self._ready: deque[Callable[[], None]] = deque()  # what needs no waiting
        self._mixed = False  # whether there are several C libraries
        self._later: list[tuple[Target, Project, int]] = []

    def run(self, wanted: Sequence[tuple[Requirement, Target]]) -> None:
        """Wheels for musl come last where others are asked for too: of a release that has both,
        the METADATA of one says enough of what blocks the other.
        """
        self._mixed = len({target.family for _, target in wanted}) > 1
        for requirement, target in wanted:
            self._want(target, requirement)
        self._work()
        self._mixed, later = False, self._later
        for target, project, number in later:
            self._look(target, project, number)
        self._work()

    def _work(self) -> None:
        """Until nothing is asked for any more. Not by calls in calls: closures may be deep."""
        while self._open or self._ready:
            if self._ready:
                self._ready.popleft()()
            else:
                self._events.get()()

    def _want(self, target: Target, requirement: Requirement) -> None:
        name = requirement.name
        if requirement.url:
            return
        if name not in self._pages:
            self._pages[name] = []
            self._after(self._world.session.want_listing(name), lambda: self._page_came(name))
        waiting = self._pages[name]
        if waiting is not None:
            waiting.append((target, requirement))
        else:
            self._ready.append(partial(self._consider, target, requirement))

    def _after(self, future: Future[Any], then: Callable[[], None]) -> None:
        self._open += 1

        def done() -> None:
            self._open -= 1
            then()

        future.add_done_callback(lambda _: self._events.put(done))

    def _page_came(self, name: str) -> None:
        waiting, self._pages[name] = self._pages[name], None
        for target, requirement in waiting or ():
            self._consider(target, requirement)

    def _consider(self, target: Target, requirement: Requirement) -> None:
        """Take the newest release that everything so far allows, and see what it needs."""
        world = self._world
        project = world.project(requirement.name)
        key = (target, requirement.name)
        mask = world.admitted(requirement, target) & self._masks.get(key, project.all)
        extras = self._extras.setdefault(key, set())
        more = set(requirement.extras) - extras
        if mask == self._masks.get(key) and not more:
            return
        self._masks[key] = mask
        extras |= more
        number = world.first_usable(project, mask, target)[0]
        if number is None:
            self._blocked.add(target)
        if number is None or (number == self._chosen.get(key) and not more):
            return
        self._chosen[key] = number
        file = world.choice(project, number, target).file
        assert file is not None
        if self._mixed and (not file.is_wheel or "musllinux" in file.filename):
            self._later.append((target, project, number))
        else:
            self._look(target, project, number)

    def _look(self, target: Target, project: Project, number: int) -> None:
        """Ask for the file of a release, and follow what it needs."""
        file = self._file_of(project, number, target)
        if file.filename not in self._files:
            self._files[file.filename] = []
            self._after(self._world.session.want(file), lambda: self._facts_came(file))
        waiting = self._files[file.filename]
        if waiting is not None:
            waiting.append((target, project, number))
        else:
            self._ready.append(partial(self._expand, target, project, number, file))

    def _file_of(self, project: Project, number: int, target: Target) -> File:
        """The file to look at; instead of an sdist, and where nothing will be installed, one that
        is looked at anyway: its METADATA tells well enough what to ask for next.
        """
        file = self._world.choice(project, number, target).file
        assert file is not None
        if (target in self._blocked or not file.is_wheel) and file.filename not in self._files:
            for other in project.releases[number].wheels:
                if other.filename in self._files:
                    return other
        return file

    def _facts_came(self, file: File) -> None:
        waiting, self._files[file.filename] = self._files[file.filename], None
        for target, project, number in waiting or ():
            self._expand(target, project, number, file)

    def _expand(self, target: Target, project: Project, number: int, file: File) -> None:
        key = (target, project.name)
        if self._chosen.get(key) != number:
            return
        try:
            metadata = self._world.known_of(project, number, file).metadata
        except EnvcheckError:
            return
        for extra in ("", *sorted(self._extras[key])):
            for requirement in metadata.required(target, extra):
                self._want(target, requirement)
