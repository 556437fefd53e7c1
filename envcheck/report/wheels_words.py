"""What tables of wheels say, before it is written: symbols, groups of targets, lines of a timeline.

All texts are safe to show (``printable.line``); formats add their own quoting.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from envcheck.model.wheels import STATES
from envcheck.report.printable import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envcheck.model.wheels import (
        Cell,
        Feature,
        Mark,
        Place,
        Project,
        ReleaseSupport,
        Span,
        WheelsDocument,
    )

#: state -> what stands in a table. Of what is yanked: what it is, with a YANKED.
SYMBOLS = {
    "wheel": "W", "generic": "any", "sdist": "sd", "python": "py", "nothing": "-", "unknown": "?",
}  # fmt: skip
YANKED = "!"
SHORT = {"own": "", "abi3": "by abi3", "generic": "by wheels for any"}
FEW = 2  # gaps that are told one by one


class Column(NamedTuple):
    """A target: ``number`` in the document."""

    head: str
    number: int


class Group(NamedTuple):
    """Targets that differ in their Python only, as one column each."""

    title: str
    columns: tuple[Column, ...]


class Line(NamedTuple):
    """What a timeline says of some features that have the same story."""

    titles: str
    first: Mark
    now: str
    remarks: tuple[str, ...]
    feature: Feature  # one of them


def kind(cell: Cell) -> str:
    """Of what would be taken; of a yanked file what it is."""
    if cell.state != "yanked":
        return cell.state
    if not cell.file.endswith(".whl"):
        return "sdist"
    return "generic" if cell.tag.endswith("-any") else "wheel"


def symbol(cell: Cell) -> str:
    """What stands in a table for ``cell``."""
    return SYMBOLS[kind(cell)] + (YANKED if cell.state == "yanked" else "")


def legend(documents: Iterable[Project]) -> list[tuple[str, str]]:
    """(symbol, meaning) of all that there are."""
    cells = [cell for each in documents for release in each.releases for cell in release.cells]
    seen = {kind(cell) for cell in cells}
    pairs = [(SYMBOLS[state], STATES[state]) for state in STATES if state in seen]
    if any(cell.state == "yanked" for cell in cells):
        pairs.append((YANKED, "yanked: taken only where that version is asked for by name"))
    return pairs


def groups(targets: Sequence[Place]) -> list[Group]:
    """Targets by what their ids say after the Python, in the order of their first one."""
    found: dict[str, list[Column]] = {}
    for number, target in enumerate(targets):
        head, _, rest = line(target.id).partition("-")
        minor = ".".join(target.python.split(".")[:2])
        if minor not in head:  # the name of what was looked into
            head, rest = minor, line(target.id)
        found.setdefault(rest, []).append(Column(head, number))
    made = []
    for rest, columns in found.items():
        platforms = list(dict.fromkeys(platform(targets[column.number]) for column in columns))
        made.append(Group(_title(rest, platforms), tuple(columns)))
    return made


def _title(rest: str, platforms: list[str]) -> str:
    """``slim (glibc 2.41)``; a platform that the id names is said once."""
    kinds = {said.partition(" ")[0] for said in platforms}
    if len(kinds) > 1 or len(platforms) > 2:
        return rest
    said = ", ".join([platforms[0], *(other.partition(" ")[2] for other in platforms[1:])])
    if said.lower().replace(" ", "").startswith(rest):
        return said
    return f"{rest} ({said})"


def platform(target: Place) -> str:
    """``glibc 2.41``, ``macOS 14.0``."""
    name = {"macos": "macOS", "windows": "Windows"}.get(target.system, "C library not known")
    return line(target.libc or f"{name} {target.release}".strip())


def day(uploaded: str) -> str:
    """The day of a time."""
    return line(uploaded[:10]) or "undated"


def dated(mark: Mark) -> str:
    """``2.5.5 (2026-11-15)``."""
    return f"{line(mark.version)} ({day(mark.uploaded)})"


def headline(project: Project) -> str:
    """What a project has in one sentence, after its name."""
    if project.problem:
        return line(project.problem)
    if not project.listed:
        return "there is no file that could be installed"
    if project.newest is None:
        return f"none of its {project.listed} releases counts"
    many = f"of {project.counted} releases" if project.counted > 1 else "and only release"
    return f"{dated(project.newest)} is the newest {many}"


def remark(release: ReleaseSupport) -> str:
    """What stands after a release's version."""
    return "yanked" if release.yanked is not None else ""


def taken(release: ReleaseSupport, targets: Sequence[Place]) -> dict[str, list[str]]:
    """What targets would take of a release, or why there is nothing, and which ones."""
    found: dict[str, list[str]] = {}
    for target, cell in zip(targets, release.cells, strict=True):
        said = ": ".join(part for part in (line(cell.file), line(cell.reason)) if part)
        found.setdefault(said, []).append(line(target.id))
    return found


def variants(project: Project) -> list[str]:
    """Sentences about wheels with variant labels."""
    return [
        f"{line(release.version)} has wheels with variant labels (PEP 825), which count for "
        f"nothing here: {', '.join(sorted(set(map(_label, release.variants))))}"
        for release in project.releases
        if release.variants
    ]


def _label(filename: str) -> str:
    return line(filename.removesuffix(".whl").rpartition("-")[2])


def lines(timeline: Sequence[Feature]) -> list[Line]:
    """Of features that there were, in their order; those with one story are told together."""
    stories: dict[tuple[object, ...], list[Feature]] = {}
    for number, feature in enumerate(timeline):
        if feature.first is None:
            continue
        ways = {span.way for span in feature.spans}
        own = number if "own" in ways else -1  # said apart, whatever is the same by chance
        story = (_frozen(feature), "" if ways == {"generic"} else feature.kind, own)
        stories.setdefault(story, []).append(feature)
    return [_line(features) for features in stories.values()]


def never(timeline: Sequence[Feature]) -> str:
    """Features that there never were."""
    missing = [feature for feature in timeline if feature.first is None]
    if any(feature.first for feature in timeline if feature.key != "sdist"):
        return titles(missing)
    return ", ".join(["wheels", *(line(each.title) for each in missing if each.key == "sdist")])


def titles(features: Sequence[Feature]) -> str:
    """``CPython 3.12, 3.13, glibc x86_64``: a first word is said once."""
    parts = []
    for word, several in groupby(features, key=lambda each: each.title.partition(" ")[0]):
        rest = [each.title.partition(" ")[2] for each in several]
        parts.append(f"{word} {', '.join(rest)}".strip() if all(rest) else word)
    return line(", ".join(parts))


def _frozen(feature: Feature) -> object:
    return (
        feature.now, feature.first, feature.last,
        tuple(feature.spans), tuple(feature.gaps), tuple(feature.floors),
    )  # fmt: skip


def _line(features: Sequence[Feature]) -> Line:
    feature = features[0]
    assert feature.first is not None
    assert feature.last is not None
    now = "in the newest"
    if feature.now == "dropped":
        now = f"dropped after {dated(feature.last)}"
    return Line(titles(features), feature.first, now, tuple(_remarks(feature)), feature)


def _remarks(feature: Feature) -> Iterator[str]:
    last = feature.spans[-1]
    if last.way != "own":
        since = "" if len(feature.spans) == 1 else f" since {line(last.first.version)}"
        yield f"{SHORT[last.way]}{since}"
    elif any(span.way == "generic" for span in feature.spans):
        yield f"made for it since {line(last.first.version)}"
    if feature.floors:
        floor = feature.floors[-1]
        since = "" if len(feature.floors) == 1 else f" since {line(floor.since.version)}"
        yield f"needs {line(floor.needs)}{since}"
    if feature.gaps:
        shown = ", ".join(map(stretch, feature.gaps[-FEW:]))
        more = len(feature.gaps) - FEW
        before = f" and {more} gap{'s' * (more > 1)} before" if more > 0 else ""
        yield f"not in {shown}{before}"


def stretch(span: Span) -> str:
    """``1.2.0 to 1.3.2``."""
    first, last = line(span.first.version), line(span.last.version)
    return first if first == last else f"{first} to {last}"


def circumstances(document: WheelsDocument, *, notes: bool = False) -> list[tuple[str, str]]:
    """(label, text) of what holds for all: when, as of when, which targets. ``notes``: also where
    what is known of targets comes from.
    """
    made = [("asked", line(document.created))]
    if document.exclude_newer:
        made.append(("as of", f"files from before {line(document.exclude_newer)}"))
    found: dict[str, list[str]] = {}
    for target in document.targets:
        said = [platform(target), target.architecture]
        said += [target.note] if notes and target.note else []
        found.setdefault(line(", ".join(said)), []).append(line(target.id))
    made += [("targets", f"{', '.join(ids)}: {said}") for said, ids in found.items()]
    return made + [("note", line(note)) for note in document.notes]
