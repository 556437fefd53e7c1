"""Ways out: what would make a requirement install, each tried on the index before it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from envcheck.errors import UsageError
from envcheck.knowledge import table
from envcheck.predict.closure import close
from envcheck.predict.judgement import Judgement, builds_of, judge, judge_imports, subjects_of
from envcheck.predict.requirements import applies

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from envcheck.model.target import Target
    from envcheck.predict.requirements import Requirement
    from envcheck.predict.world import World

Kind = Literal["release", "older", "pre", "image", "python", "extra", "sibling", "package"]
GOOD = ("wheel", "sdist-pure")
_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
_EXTRAS = 30  # of a project that are tried


class Way(NamedTuple):
    """``what`` to ask for, or where; ``text``: what then happens. ``targets``: words of targets."""

    kind: Kind
    what: str
    text: str
    targets: tuple[str, ...] = ()


def ways(
    world: World,
    judgement: Judgement,
    requirements: Sequence[Requirement],
    today: dt.date,
    *,
    deep: bool = False,
    constraints: Sequence[Requirement] = (),
) -> list[Way]:
    """What helps, the smallest change first. Each was worked out on the index; where the question
    is what imports, each was looked into as the judgement was (``deep``).
    """
    trial = _Trial(world, judgement.class_ == "will-not-import", deep, constraints)
    if judgement.subject.number is None or judgement.class_ == "yanked":
        return list(_other_release(trial, judgement, requirements))
    places = list(_places(judgement.target, today, pythons=not trial.imports))
    world.prefetch([(one, target) for target in places for one in requirements])
    return [
        *_packages(judgement),
        *(_older(judgement) or _other_release(trial, judgement, requirements)),
        *_siblings(trial, judgement),
        *_extras(trial, judgement),
        *_elsewhere(trial, judgement, requirements, places),
    ]


class _Trial:
    """``imports``: whether what is tried must also be seen to import."""

    def __init__(
        self, world: World, imports: bool, deep: bool, constraints: Sequence[Requirement]
    ) -> None:
        self.world, self.imports, self.deep = world, imports, deep
        self.constraints = constraints

    def constrained(self, target: Target) -> list[Requirement]:
        """The constraints that hold there."""
        return [one for one in self.constraints if applies(one.marker, target)]

    def installs(self, target: Target, requirements: Sequence[Requirement]) -> str:
        """What is installed if the newest releases are: ``29 distributions``; empty if they cannot
        be, or will not import.
        """
        world, constraints = self.world, self.constrained(target)
        subjects = subjects_of(world, requirements, constraints)
        newest = {s.project.name: 1 << s.number for s in subjects if s.number is not None}
        if len(newest) < len({s.project.name for s in subjects}):
            return ""
        closure = close(world, target, requirements, constraints, newest)
        builds = builds_of(world, target, closure)
        if not closure.solved or closure.unread or any(b.problem or not b.pure for b in builds):
            return ""
        if self.imports:
            if target.system != "linux":  # libraries of others are not read
                return ""
            judgement = Judgement(target, subjects, "wheel", closure)
            if judge_imports(world, judgement, deep=self.deep).class_ != "wheel":
                return ""
        count = len(closure.picked)
        return f"{count} distribution{'s' * (count != 1)}" + (
            f", {len(builds)} built from pure sdists" if builds else ""
        )


def _packages(judgement: Judgement) -> Iterator[Way]:
    """Of the system, where a library is lacking, or what a build needs."""
    for blocker in judgement.blockers:
        if blocker.kind == "will-not-import" and blocker.remedy:
            yield Way("package", blocker.remedy, f"brings what {blocker.name} looks for")
    for build in judgement.builds:
        command = build.remedy.removeprefix("to build it: ")
        if command != build.remedy and judgement.class_ in ("sdist-build", "older-release"):
            yield Way("package", command, f"what the build of {build.name} asks for")


def _places(target: Target, today: dt.date, *, pythons: bool) -> Iterator[Target]:
    """The same interpreter on other systems, then other interpreters on the same system."""
    from envcheck.predict import targets

    python, place = target.interpreter, target.place
    words = []
    if target.system == "linux":
        suffix = "" if target.architecture == "x86_64" else f"-{target.architecture}"
        words += [f"{python}-{name}{suffix}" for name in ("slim", "alpine")]
    if pythons and place not in ("", target.id) and target.implementation == "cpython":
        words += [f"{one}-{place}" for one in _PYTHONS if one != target.minor]
    if target.system == "linux":
        words += [f"{python}-macos", f"{python}-windows"]
    seen = {target.id}
    for word in words:
        try:
            found = targets.parse(word, today=today)
        except UsageError:
            continue
        if found.id not in seen:
            seen.add(found.id)
            yield found


def _older(judgement: Judgement) -> list[Way]:
    """Of the same project, if it was made for this target; not if it installs only because it does
    not say that it needs what blocks the newest.
    """
    older, name = judgement.older, judgement.subject.project.name
    if older is None or not judgement.actual.solved:
        return []
    lacking = {blocker.name for blocker in judgement.blockers if blocker.path}
    if not lacking <= judgement.actual.picked.keys():
        return []
    day = f" of {older.uploaded[:10]}" if older.uploaded else ""
    if judgement.class_ == "pre-release":
        return [Way("pre", f"{name}=={older.version}", f"the pre-release{day} installs")]
    if lacking or older.kind == "wheel" or judgement.class_ == "requires-python":
        late = f", {older.behind} release{'s' * (older.behind != 1)} behind" if older.behind else ""
        return [Way("older", f"{name}=={older.version}", f"the release{day} installs{late}")]
    return []


def _other_release(
    trial: _Trial, judgement: Judgement, requirements: Sequence[Requirement]
) -> list[Way]:
    """Where one is named that cannot be had: the newest that can."""
    subject, target = judgement.subject, judgement.target
    asked = subject.requirement
    if not asked.specifier or not subject.project.releases or trial.imports:
        return []
    free = asked._replace(specifier="")
    others = [free if one is asked else one for one in requirements]
    trial.world.prefetch([(one, target) for one in others])
    found = judge(trial.world, target, others, trial.constraints)
    version = found.subject.version
    if found.class_ in GOOD and version != subject.version:
        return [Way("release", f"{subject.project.name}=={version}", "the newest installs")]
    return _older(found)


def _siblings(trial: _Trial, judgement: Judgement) -> Iterator[Way]:
    """What the project itself publishes for this case."""
    name = judgement.subject.project.name
    for row in table("siblings")["rows"]:
        if row["name"] == name:
            from envcheck.predict.requirements import parse

            requirement = parse(row["sibling"])
            trial.world.prefetch([(requirement, judgement.target)])
            if said := trial.installs(judgement.target, [requirement]):
                yield Way("sibling", row["sibling"], f"{row['what']}: {said}")


def _extras(trial: _Trial, judgement: Judgement) -> Iterator[Way]:
    """Extras that add a part of the project itself, as ``psycopg[binary]`` does."""
    subject, target, world = judgement.subject, judgement.target, trial.world
    number = subject.number
    if number is None or not world.usable(subject.project, number, target):
        return
    metadata = world.required_by(subject.project, number, target).metadata
    name = subject.project.name
    for extra in metadata.extras[:_EXTRAS]:
        if extra in subject.requirement.extras:
            continue
        added = [r for r in metadata.required(target, extra) if r.name.startswith(f"{name}-")]
        wanted = subject.requirement._replace(extras=(*subject.requirement.extras, extra))
        if added and (said := trial.installs(target, [wanted])):
            parts = ", ".join(dict.fromkeys(one.name for one in added))
            yield Way("extra", wanted.text, f"brings {parts}: {said}")


def _elsewhere(
    trial: _Trial,
    judgement: Judgement,
    requirements: Sequence[Requirement],
    places: Sequence[Target],
) -> Iterator[Way]:
    """Where the newest release installs, other systems first."""
    title = judgement.subject.title
    here = judgement.target
    pythons: list[str] = []
    for target in places:
        said = trial.installs(target, requirements)
        if not said:
            continue
        if target.minor == here.minor:
            where = target.image or target.id
            yield Way("image", where, f"{title} installs there", (target.id,))
        else:
            pythons.append(target.id)
    if pythons:
        yield Way("python", ", ".join(pythons), f"{title} installs there", tuple(pythons))
