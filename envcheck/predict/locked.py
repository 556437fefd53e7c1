"""Whether each locked version has a file that a target takes: nothing is resolved again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.model.prediction import Blocker
from envcheck.predict.blockers import why_not
from envcheck.predict.closure import Closure, Picked
from envcheck.predict.judgement import Judgement, Subject, builds_of
from envcheck.predict.projects import Project
from envcheck.predict.requirements import Requirement

if TYPE_CHECKING:
    from envcheck.index.pages import File
    from envcheck.model.target import Target
    from envcheck.predict.inputs.asked import Asked, Pin
    from envcheck.predict.world import World


def prefetch(world: World, asked: Asked, targets: list[Target]) -> None:
    """Ask for all pages, then for all files that are taken."""
    for pin in asked.pins:
        if pin.source == "index" and not _addressed(pin):
            world.session.want_listing(pin.name)
    for target in targets:
        for pin in asked.selected(target):
            picked = _picked(world, target, pin) if pin.source in ("index", "url") else None
            if picked is not None and picked.choice.file is not None:
                world.session.want(picked.file)


def judge(world: World, target: Target, asked: Asked) -> Judgement:
    """The verdict on a lock. Its pins are the closure; those that no index has are not judged."""
    if refused := asked.refuses(target):
        first = asked.pins[0].name if asked.pins else asked.path
        subject = _subject(Project(first, (), found=True), "", None)
        blocker = Blocker(name=first, requirement=asked.path, kind="conflict", sentence=refused)
        return Judgement(
            target, (subject,), "requires-python", Closure({}, solved=False), (blocker,)
        )
    picked: dict[str, Picked] = {}
    blockers: list[Blocker] = []
    unread: list[str] = []
    for pin in asked.selected(target):
        if pin.source not in ("index", "url"):
            if pin.source != "local":  # that is the user's own
                unread.append(f"{pin.name} comes from {pin.place or 'elsewhere'}: not judged")
            continue
        found = _picked(world, target, pin)
        if found is None:
            blockers.append(_missing(world, pin))
        elif found.choice.file is None:
            kind, sentence, remedy = why_not(world, target, found.project, 1 << found.number)
            blockers.append(
                Blocker(
                    name=pin.name,
                    requirement=f"{pin.name}=={pin.version}",
                    kind=kind,
                    sentence=sentence,
                    remedy=remedy,
                )
            )
        else:
            picked[pin.name] = found
    return _judgement(world, target, asked, picked, blockers, unread)


def _judgement(
    world: World,
    target: Target,
    asked: Asked,
    picked: dict[str, Picked],
    blockers: list[Blocker],
    unread: list[str],
) -> Judgement:
    first = next(iter(picked.values()), None)
    subject = _subject(
        first.project if first else Project(asked.path, (), found=True),
        first.version if first else "",
        first.number if first else None,
    )
    closure = Closure({} if blockers else picked, solved=not blockers)
    builds = tuple(builds_of(world, target, closure))
    class_ = "wheel"
    if blockers:
        class_ = "unknown" if any(one.kind == "unknown" for one in blockers) else "blocked"
    elif any(build.problem or not build.pure for build in builds):
        class_ = "sdist-build"
    elif builds:
        class_ = "sdist-pure"
    elif not picked:
        class_ = "unknown"
        unread.append(f"{asked.path} locks nothing for this target that an index has")
    return Judgement(
        target, (subject,), class_, closure, tuple(blockers), builds, None, tuple(unread)
    )


def _subject(project: Project, version: str, number: int | None) -> Subject:
    specifier = f"=={version}" if version else ""
    return Subject(Requirement(project.name, (), specifier), project, number)


def _picked(world: World, target: Target, pin: Pin) -> Picked | None:
    """What of the pinned release the target takes; None if the index has no such release."""
    project = _allowed(world, pin)
    number = project.number(pin.version) if pin.version else project.newest()
    if number is None:
        return None
    return Picked(project, number, world.choice(project, number, target), pin.extras)


def _addressed(pin: Pin) -> bool:
    """Whether the lock says where each file is: no page of an index is needed."""
    return bool(pin.files) and all(file.url for file in pin.files)


def _allowed(world: World, pin: Pin) -> Project:
    """The project with those files alone that the lock allows, where it names them."""
    if _addressed(pin):
        return Project(pin.name, pin.files, found=True)
    project = world.project(pin.name)
    if not (pin.files or pin.hashes):
        return project
    names = {file.filename for file in pin.files}
    hashes = {word.rpartition(":")[2] for word in pin.hashes}

    def allowed(file: File) -> bool:
        return file.filename in names or bool(hashes and file.sha256 in hashes)

    files = [file for release in project.releases for file in release.files]
    if not any(file.sha256 for file in files) and not names:
        return project  # a recording has no hashes
    kept = [file for file in files if allowed(file) and file.version]
    return Project(project.name, kept, found=project.found)


def _missing(world: World, pin: Pin) -> Blocker:
    project = world.project(pin.name)
    trouble = world.troubles.get(pin.name)
    sentence = f"the index has no file of {pin.name} {pin.version} that the lock allows"
    if trouble is not None:
        sentence = trouble.message
    elif not project.found:
        sentence = f"the index has no project {pin.name}"
    return Blocker(
        name=pin.name,
        requirement=f"{pin.name}=={pin.version}",
        kind="unknown" if trouble is not None else "not-found",
        sentence=sentence,
    )
