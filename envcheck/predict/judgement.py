"""The verdict: what the newest release does on a target, and what an installer would do there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envcheck.errors import IndexTrouble
from envcheck.model.prediction import Blocker, Build, Older
from envcheck.predict.blockers import blocker, blockers, why_not
from envcheck.predict.closure import Closure, close
from envcheck.predict.conflict import conflict
from envcheck.predict.projects import numbers
from envcheck.predict.requirements import applies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envcheck.model.target import Target
    from envcheck.predict.closure import Picked
    from envcheck.predict.projects import Project
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.world import World


class Subject(NamedTuple):
    """What is asked about. ``number``: the newest release that the requirement names, None if
    there is none.
    """

    requirement: Requirement
    project: Project
    number: int | None

    @property
    def version(self) -> str:
        """Of that release, empty without one."""
        return str(self.project.versions[self.number]) if self.number is not None else ""

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.project.name} {self.version}".strip()


class Judgement(NamedTuple):
    """One target. ``actual``: what an installer would install, empty if it would fail."""

    target: Target
    subjects: tuple[Subject, ...]
    class_: str  # key of prediction.CLASSES
    actual: Closure
    blockers: tuple[Blocker, ...] = ()
    builds: tuple[Build, ...] = ()
    older: Older | None = None
    unread: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()  # what may be, and does not change the verdict

    @property
    def subject(self) -> Subject:
        """The first that cannot be had, else that gets no newest release, else the first."""
        if self.class_ == "yanked":
            return next(one for one in self.subjects if _is_yanked(one))
        blocked = {one.name for one in self.blockers if not one.path and one.kind != "conflict"}
        blocked |= {one.name for one in self.builds if one.problem or not one.pure}
        for one in self.subjects:
            if one.project.name in blocked:
                return one
        for one in self.subjects:
            if one.number is None or not self._gets(one):
                return one
        return self.subjects[0]

    def _gets(self, subject: Subject) -> bool:
        picked = self.actual.picked.get(subject.project.name)
        return picked is not None and picked.number == subject.number


def judge(
    world: World,
    target: Target,
    requirements: Sequence[Requirement],
    constraints: Sequence[Requirement] = (),
) -> Judgement:
    """The verdict on ``requirements``, of which there is at least one."""
    here = [one for one in requirements if applies(one.marker, target)]
    constraints = [one for one in constraints if applies(one.marker, target)]
    subjects = subjects_of(world, here or requirements, constraints)
    asked = [s for s in subjects if here and not s.requirement.url]
    newest = {s.project.name: 1 << s.number for s in asked if s.number is not None}
    missing = [s for s in asked if s.number is None and not _any(s)]
    if missing:
        found = tuple(blocker(world, target, s.project, s.requirement, 0) for s in missing)
        class_ = "unknown" if any(one.kind == "unknown" for one in found) else "not-found"
        return Judgement(target, subjects, class_, Closure({}, solved=False), found)
    ideal = close(world, target, requirements, constraints, newest)
    if ideal.solved:
        builds = tuple(builds_of(world, target, ideal))
        class_ = _of_solved(asked, builds)
        found, older = (), None
        lost = tuple(_lost(world, ideal))
        if (class_ in ("wheel", "yanked", "sdist-pure") and ideal.unread) or lost:
            class_ = "unknown"  # what else is needed is not known
            ideal = ideal._replace(unread=(*ideal.unread, *lost))
        if class_ == "sdist-build" and (wheels := _older_wheel(world, target, asked)):
            class_, older = "older-release", wheels
        return Judgement(target, subjects, class_, ideal, found, builds, older, ideal.unread)
    return _unsolved(world, target, subjects, requirements, constraints, newest, ideal)


def _unsolved(
    world: World,
    target: Target,
    subjects: tuple[Subject, ...],
    requirements: Sequence[Requirement],
    constraints: Sequence[Requirement],
    newest: dict[str, int],
    ideal: Closure,
) -> Judgement:
    for one in subjects:
        world.prefetch_releases(one.requirement, target)
    actual = close(world, target, requirements, constraints)
    found = blockers(world, target, requirements, newest)
    if not found:
        found = [conflict(world, target, [s.requirement for s in subjects], ideal)]
    own = {s.project.name for s in subjects}
    beside = ("conflict", "sdist-build")  # these are no reason why it has no file
    mine = [b for b in found if b.name in own and not b.path and b.kind not in beside]
    class_ = mine[0].kind if mine else "blocked"
    if all(one.kind == "unknown" for one in found):
        class_ = "unknown"
    if class_ == "requires-python":
        found += _below(world, target, subjects, requirements, newest, found)
    older = _instead(subjects, actual)
    if class_ == "no-file" and older:
        class_ = _of_older(subjects, actual, older)
    builds = tuple(builds_of(world, target, actual))
    unread = tuple(dict.fromkeys((*ideal.unread, *actual.unread)))
    return Judgement(target, subjects, class_, actual, tuple(found), builds, older, unread)


def _below(
    world: World,
    target: Target,
    subjects: Sequence[Subject],
    requirements: Sequence[Requirement],
    newest: dict[str, int],
    found: Sequence[Blocker],
) -> list[Blocker]:
    """What would block the newest releases that this Python is admitted to."""
    admitted = dict(newest)
    for one in subjects:
        mask = world.admitted(one.requirement, target) & one.project.standing
        for number in reversed(numbers(mask)):
            if one.project.choice(number, target).kind != "python":
                admitted[one.project.name] = 1 << number
                break
        else:
            return []
    known = {one.name for one in found}
    return [b for b in blockers(world, target, requirements, admitted) if b.name not in known]


def subjects_of(
    world: World, requirements: Sequence[Requirement], constraints: Sequence[Requirement] = ()
) -> tuple[Subject, ...]:
    """What each asks about; several of one name limit one another."""
    return tuple(
        subject_of(
            world, one, [*constraints, *(other for other in requirements if other is not one)]
        )
        for one in requirements
    )


def subject_of(
    world: World, requirement: Requirement, constraints: Sequence[Requirement] = ()
) -> Subject:
    """The newest final release that stands; else the newest that stands; a yanked one if it is
    named.
    """
    from packaging.specifiers import InvalidSpecifier

    project = world.project(requirement.name)
    mask = early = named = 0
    same = [one for one in constraints if one.name == requirement.name and not one.url]
    for one in (requirement, *same):
        named |= project.named(one.specifier)
    try:
        mask, asked = project.allowed(requirement.specifier, named)
        for one in same:
            mask &= project.allowed(one.specifier, named)[0]
        early = asked or world.policy.pre
    except InvalidSpecifier:
        mask = 0
    standing = mask & project.standing
    best = standing if early else (standing & project.final or standing)
    return Subject(requirement, project, project.newest(best or mask) if mask else None)


def _any(subject: Subject) -> bool:
    """Whether the requirement itself allows anything: then others contradict it."""
    try:
        return bool(subject.project.allowed(subject.requirement.specifier)[0])
    except ValueError:
        return False


def _lost(world: World, closure: Closure) -> Iterator[str]:
    """Sdists of which nothing could be read, in sentences."""
    for picked in closure.picked.values():
        if picked.choice.kind == "sdist" and isinstance(world.facts(picked.file), IndexTrouble):
            yield f"{picked.file.filename} could not be read"


def _of_solved(subjects: Sequence[Subject], builds: Sequence[Build]) -> str:
    if any(build.problem or build.pure is not True for build in builds):
        return "sdist-build"
    if any(_is_yanked(one) for one in subjects):
        return "yanked"
    return "sdist-pure" if builds else "wheel"


def _is_yanked(subject: Subject) -> bool:
    number = subject.number
    return number is not None and subject.project.releases[number].yanked is not None


def _of_older(subjects: Sequence[Subject], actual: Closure, older: Older) -> str:
    """The class if the newest has no file: a wheel for any platform was never made for this."""
    found = (actual.picked.get(s.project.name) for s in subjects)
    pairs = zip(found, subjects, strict=True)
    picked = next(p for p, s in pairs if p is not None and p.number != s.number)
    if picked.project.versions[picked.number].is_prerelease:
        return "pre-release"
    return "older-release" if older.kind == "wheel" else "no-file"


def _instead(subjects: Sequence[Subject], actual: Closure) -> Older | None:
    """What the first subject that does not get its newest release gets."""
    for one in subjects:
        picked = actual.picked.get(one.project.name)
        if picked is not None and picked.number != one.number:
            return _older(one.project, picked.number, picked.choice.kind)
    return None


def _older(project: Project, number: int, kind: str) -> Older:
    newer = (project.final & project.standing) >> (number + 1)
    return Older(
        version=str(project.versions[number]),
        uploaded=project.releases[number].uploaded,
        behind=newer.bit_count(),
        kind=kind,
    )


def _older_wheel(world: World, target: Target, subjects: Sequence[Subject]) -> Older | None:
    """The newest release with a wheel made for this target, where the newest must be compiled."""
    for one in subjects:
        assert one.number is not None
        if world.choice(one.project, one.number, target).kind != "sdist":
            continue
        mask = world.admitted(one.requirement, target) & one.project.final & one.project.standing
        for number in reversed(numbers(mask & ((1 << one.number) - 1))):
            if one.project.choice(number, target).kind == "wheel":
                return _older(one.project, number, "wheel")
    return None


def builds_of(world: World, target: Target, closure: Closure) -> list[Build]:
    """What of a closure must be built."""
    return [_build(world, target, p) for p in closure.picked.values() if p.choice.kind == "sdist"]


def _build(world: World, target: Target, picked: Picked) -> Build:
    from envcheck.predict.building import prospect

    found = prospect(world.sdist(picked.file), target)
    return Build(
        name=picked.name,
        version=picked.version,
        file=picked.file.filename,
        pure=found.pure,
        languages=list(found.languages),
        summary=found.summary,
        cause=found.cause,
        problem=found.problem,
        remedy=found.remedy,
    )


def judge_imports(world: World, judgement: Judgement, *, deep: bool) -> Judgement:
    """The judgement with what installs and will not import.

    Without ``deep`` wheels are looked into only where their names give reason to: they are for any
    platform, and beside them are others.
    """
    picked = judgement.actual.picked.values()
    if judgement.builds or not picked:
        return judgement
    if not deep and not any(one.beside_others for one in picked):
        return judgement
    from envcheck.predict.importing import with_imports

    return with_imports(world, judgement, deep=deep)


def reason(judgement: Judgement, world: World) -> tuple[str, str]:
    """Why the subject's newest release cannot be had, in a sentence, and what would help."""
    if judgement.blockers:
        first = judgement.blockers[0]
        return first.sentence, first.remedy
    subject = judgement.subject
    if subject.number is None:
        return "", ""
    _, sentence, remedy = why_not(world, judgement.target, subject.project, 1 << subject.number)
    return sentence, remedy
