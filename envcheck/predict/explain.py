"""Why a release does not install on a target: three lines, and every file with its reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envcheck.index.releases import SDISTS
from envcheck.model.prediction import CLASSES, Prediction
from envcheck.predict.offered import minors, pythons, systems
from envcheck.predict.projects import admits
from envcheck.predict.tags import ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.index.pages import File
    from envcheck.model.prediction import Blocker
    from envcheck.model.target import Target
    from envcheck.predict.judgement import Judgement, Subject
    from envcheck.predict.projects import Project
    from envcheck.predict.world import World

_NAMED = 6  # blockers that are named in a line
_LINUX = re.compile(r"(manylinux|musllinux|)(?:linux)?(?:_?\d+)*_([a-z].*)")
_SYSTEMS = {"mac": "macOS", "win": "Windows", "ios": "iOS", "and": "Android"}


class Refusal(NamedTuple):
    """One file of a release. ``taken``: it is what an installer takes; ``reason``: why not."""

    file: File
    reason: str
    taken: bool = False


def lines(world: World, judgement: Judgement) -> list[str]:
    """At most three: the verdict with the blocker, what is wanted, what is offered."""
    target = judgement.target
    head = f"{_title(judgement.subject)} on {target.id}"
    if judgement.class_ in ("wheel", "sdist-pure", "yanked"):
        return _good(judgement, head)
    first = judgement.blockers[0] if judgement.blockers else None
    if first is None:
        return _built(world, judgement, head)
    own = {subject.project.name for subject in judgement.subjects}
    if first.kind in ("not-found", "unknown"):
        what = "could not be judged: " if first.kind == "unknown" else ""
        return [f"{head}: {what}{first.sentence}", *_path(first, own)]
    if first.kind == "will-not-import":
        also = [f"also     {one.name}: {one.sentence}" for one in judgement.blockers[1:2]]
        remedy = [f"remedy   {first.remedy}"] if first.remedy else []
        return [f"{head}: installs, but {first.sentence}", *also, *remedy]
    if first.kind == "conflict":
        wants = first.sentence.partition(": ")
        return [f"{head}: {wants[0]}", *[f"wants    {one}" for one in wants[2].split("; ")[:2]]]
    project = world.project(first.name)
    number = _shown_release(world, target, project, first)
    release = project.releases[number]
    title = f"{project.name} {release.version}"
    what = _shortfall(world, target, project, number)
    if first.name in own:
        said = f"{head}: {what}"
        others = [one.name for one in judgement.blockers if one.path]
        if others:
            said += f"; an older release is blocked by {_listed(others)}"
        elif judgement.older:
            older = judgement.older
            day = f" of {older.uploaded[:10]}" if older.uploaded else ""
            said += f"; {older.version}{day} is what installs"
    else:
        others = [one.name for one in judgement.blockers[1:]]
        by = f", which {first.path[-1]} needs" if len(first.path) > 1 else ""
        more = f", and by {_listed(others)}" if others else ""
        said = f"{head}: blocked by {title} ({what}){by}{more}"
    return [said, *_wanted_and_offered(world, target, project, number)]


def _title(subject: Subject) -> str:
    """``transformers[torch] 5.23.0``."""
    extras = ",".join(subject.requirement.extras)
    name = f"{subject.project.name}[{extras}]" if extras else subject.project.name
    return f"{name} {subject.version}".strip()


def _good(judgement: Judgement, head: str) -> list[str]:
    picked = judgement.actual.picked.get(judgement.subject.project.name)
    if picked is None:
        return [f"{head}: nothing is required there, its marker does not hold"]
    count = len(judgement.actual.picked)
    others = f", {count} distributions in all" if count > 1 else ""
    what = CLASSES[judgement.class_]
    if judgement.class_ == "sdist-pure":
        what = f"installs; {_listed([b.name for b in judgement.builds])} must be built, which needs"
        what += " no compiler"
    said = [f"{head}: {what}{others}", f"taken    {picked.file.filename}"]
    if judgement.class_ == "yanked":
        release = picked.project.releases[picked.number]
        said.append(f"reason   {release.yanked or 'its publisher gave none'}")
    if judgement.builds:
        built = [f"{build.name}: {build.summary}" for build in judgement.builds]
        said.append(f"built    {'; '.join(built[:_NAMED])}")
    return said[:3]


def _built(world: World, judgement: Judgement, head: str) -> list[str]:
    """The newest, or something that it needs, must be compiled."""
    hard = [build for build in judgement.builds if build.problem or not build.pure]
    hard.sort(key=lambda build: not build.problem)
    if not hard:
        return [f"{head}: {CLASSES[judgement.class_]}"]
    first, target = hard[0], judgement.target
    picked = judgement.actual.picked[first.name]
    project, number = picked.project, picked.number
    who = "" if project is judgement.subject.project else f"needs {first.name} {first.version}, "
    what = first.problem or "whether its build works is not known"
    said = f"{head}: {who}{_no_wheel(target, project, number)}; {what}"
    if judgement.older and not who:
        older = judgement.older
        day = f" of {older.uploaded[:10]}" if older.uploaded else ""
        said += f"; {older.version}{day} has a wheel"
    elif len(hard) > 1:
        said += f"; also to be built: {_listed([build.name for build in hard[1:]])}"
    return [said, *_wanted_and_offered(world, target, project, number, first.summary)]


def _path(first: Blocker, own: set[str]) -> list[str]:
    return [f"needed   by {' > '.join(first.path)}"] if first.name not in own and first.path else []


def _shown_release(world: World, target: Target, project: Project, first: Blocker) -> int:
    """The release that tells most: the newest that is wanted."""
    from envcheck.predict.requirements import parse

    mask = world.admitted(parse(first.requirement), target)
    number = project.newest((mask & project.final or mask) or None)
    assert number is not None
    return number


def _shortfall(world: World, target: Target, project: Project, number: int) -> str:
    """A few words."""
    release = project.releases[number]
    choice = world.choice(project, number, target)
    if choice.kind == "python":
        return f"Requires-Python is {release.requires_python}"
    if not release.files:
        return "it has no file"
    sdist = "its sdist may not be built" if release.sdist else "no sdist"
    return f"{_no_wheel(target, project, number)}, {sdist}"


def _no_wheel(target: Target, project: Project, number: int) -> str:
    """Of what there is none: ``no musllinux wheel``."""
    names = [file.filename for file in project.releases[number].wheels]
    family = {"glibc": "manylinux", "musl": "musllinux"}.get(target.family, "")
    if not names:
        return "no wheel at all"
    order = ranks(target)
    if any(order.runs(name) for name in names):
        return f"no wheel for CPython {target.interpreter.removeprefix('pypy')}"
    if family and any(family in name for name in names):
        return f"no {family} wheel for {target.libc} {target.architecture}"
    return f"no {family or _SYSTEMS.get(target.system[:3], target.system)} wheel"


def _wanted_and_offered(
    world: World, target: Target, project: Project, number: int, build: str = ""
) -> list[str]:
    """``build``: what the build of its sdist needs, in words."""
    release = project.releases[number]
    if not admits(release.requires_python, target.python):
        python = f"wanted   Python {target.python}"
        return [python, f"offered  Python {release.requires_python}"]
    everywhere = [file.filename for file in release.wheels]
    names = [name for name in everywhere if ranks(target).runs(name)] or everywhere
    made = minors(pythons(names, free_threaded=target.free_threaded))
    where = systems(names)
    offered = [f"CPython {made}: {where}" if made else where]
    if release.sdist:
        forbidden = "" if world.policy.builds(project.name) else " (may not be built)"
        offered.append(f"an sdist: {build}" if build else f"an sdist{forbidden}")
    said = "; ".join(filter(None, offered)) or "nothing"
    return [f"wanted   {ranks(target).best}", f"offered  {said}"]


def prediction(world: World, judgement: Judgement) -> Prediction:
    """The judgement as a document, its three lines included."""
    from envcheck.predict.targets import describe

    subject = judgement.subject
    number = subject.number
    return Prediction(
        target=judgement.target.id,
        platform=describe(judgement.target),
        class_=judgement.class_,
        requirement=subject.requirement.text,
        release=subject.version,
        uploaded=subject.project.releases[number].uploaded if number is not None else "",
        lines=lines(world, judgement),
        remedy=judgement.blockers[0].remedy if judgement.blockers else "",
        blockers=list(judgement.blockers),
        builds=list(judgement.builds),
        older=judgement.older,
        unread=[*judgement.unread, *judgement.remarks],
    )


def refused_files(world: World, judgement: Judgement) -> list[Refusal]:
    """Files of the release that is asked about, or of the one that blocks it."""
    subject, target = judgement.subject, judgement.target
    project, number = subject.project, subject.number
    if number is not None and world.usable(project, number, target) and judgement.blockers:
        first = judgement.blockers[0]
        if first.kind not in ("no-file", "requires-python"):
            return []  # it is no file that stands in the way
        project = world.project(first.name)
        number = _shown_release(world, target, project, first)
    return refusals(world, target, project, number) if number is not None else []


def refusals(world: World, target: Target, project: Project, number: int) -> list[Refusal]:
    """Every file of a release, the one that is taken first."""
    release = project.releases[number]
    choice = world.choice(project, number, target)
    found = [
        Refusal(file, "", taken=True)
        if file is choice.file
        else Refusal(file, _refused(world, target, project, file, choice.file))
        for file in release.files
    ]
    return sorted(found, key=lambda one: (not one.taken, one.file.filename))


def _refused(world: World, target: Target, project: Project, file: File, taken: File | None) -> str:
    if not file.is_wheel:
        if not file.filename.endswith(SDISTS):
            return "it is neither a wheel nor an sdist that installers take"
        if not admits(file.requires_python, target.python):
            return f"Requires-Python is {file.requires_python}"
        if not world.policy.builds(project.name):
            return "it may not be built"
        return "a wheel is preferred" if taken else "it is not what installers take"
    order = ranks(target)
    if order.rank(file.filename) is None:
        return _tag_refused(target, file.filename)
    if not admits(file.requires_python, target.python):
        return f"Requires-Python is {file.requires_python}"
    if file.yanked is not None:
        return f"it was yanked{f': {file.yanked}' if file.yanked else ''}"
    return "another wheel fits better"


def _tag_refused(target: Target, name: str) -> str:
    order = ranks(target)
    parts = name.removesuffix(".whl").rsplit("-", 3)
    if len(parts) != 4 or name.count("-") not in (4, 5):
        return "its name is no wheel's"
    python, abi, platform = parts[1:]
    fits, runs = order.fits(name), order.runs(name)
    if fits and runs:
        return "its combination of tags does not fit"
    made = f"it is for {python}" + ("" if abi in (python, "none") else f" with ABI {abi}")
    if fits:
        return f"it is for {_platform(target, platform)}"
    return f"{made}{'' if runs else f' and {_platform(target, platform)}'}"


def _platform(target: Target, platform: str) -> str:
    """The platform of a wheel that does not run on the target, told by what keeps it from that."""
    first = platform.partition(".")[0]
    match = _LINUX.fullmatch(first)
    if match is None:
        return _SYSTEMS.get(first[:3], first)
    family, architecture = match[1] or "linux", match[2]
    if architecture != target.architecture:
        return architecture
    wanted = {"manylinux": "glibc", "musllinux": "musl"}.get(family, "linux")
    if target.system == "linux" and wanted == target.family:
        return f"a newer C library ({first}) than {target.libc}"
    return wanted


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown
