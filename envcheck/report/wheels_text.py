"""Wheels of projects for a terminal or a log: releases by targets, then since when there is what.

What does not fit beside the releases follows in a table of its own: nothing is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from envcheck.report import wheels_words as words
from envcheck.report.printable import ascii_only, line, no_command, wrap
from envcheck.report.wheels_time import Axis, axis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envcheck.model.wheels import Project, ReleaseSupport, WheelsDocument
    from envcheck.report.wheels import View
    from envcheck.report.wheels_words import Group, Line

CELL = 4  # columns of one target, at least
TITLES = 24  # columns that titles of features may take, at most
WIDEST = 24  # columns of a version
ROOMY = 120  # columns from which on the timeline is drawn, too
BAR = 30
STYLES = {
    "wheel": "32", "generic": "32", "sdist": "33", "python": "2", "nothing": "31",
    "unknown": "35", "yanked": "33",
}  # fmt: skip
DRAWN = {"own": "█", "abi3": "▓", "generic": "░", "": "·"}
DRAWN_ASCII = {"own": "#", "abi3": "a", "generic": "-", "": "."}


class Field(NamedTuple):
    """Text, and the SGR codes it is shown with."""

    text: str
    style: str = ""


def render(document: WheelsDocument, view: View) -> str:
    """The text, its most telling parts first."""
    parts: list[str] = []
    for project in document.projects:
        parts += [*_project(project, document, view), ""]
    pairs = words.legend(document.projects)
    if pairs:
        parts += [_styled(Field("Symbols", "1"), view), *_pairs(pairs, view), ""]
    told = words.circumstances(document, notes=view.verbose > 0)
    parts += [_styled(Field("Asked", "1"), view), *_pairs(told, view)]
    text = "".join(f"{no_command(part.rstrip())}\n" for part in parts)
    return text if view.unicode else ascii_only(text)


def _project(project: Project, document: WheelsDocument, view: View) -> Iterator[str]:
    name = _styled(Field(line(project.name), "1"), view)
    said = words.headline(project)
    hung = list(_hung(f"{line(project.name)}: ", said, view))
    yield hung[0].replace(line(project.name), name, 1)
    yield from hung[1:]
    for note in (*project.notes, *words.variants(project)):
        yield from _hung("  note: ", line(note), view)
    if project.releases:
        yield ""
        yield from _table(project.releases, words.groups(document.targets), view)
        if view.verbose > 0:
            yield ""
            yield from _files(project, document, view)
    if project.timeline:
        yield ""
        time = axis(project, document.created) if view.width >= ROOMY else None
        yield from _timeline(project, time, view)


def _table(
    releases: Sequence[ReleaseSupport], groups: Sequence[Group], view: View
) -> Iterator[str]:
    """Releases by targets, several times if the targets do not fit beside one another."""
    keys = [_version(release) for release in releases]
    width = max(cell_len("release"), *map(cell_len, keys)) + 2
    left = width + 10 + 2
    for number, page in enumerate(_pages(groups, view.width - left)):
        if number:
            yield ""
        yield from _heads(page, width, view)
        for key, release in zip(keys, releases, strict=True):
            fields = _fields(page, release, view)
            yield f"{_ljust(key, width)}{words.day(release.uploaded).ljust(10)}  {fields}"


def _version(release: ReleaseSupport) -> str:
    text = line(release.version)
    text = text if cell_len(text) <= WIDEST else text[: WIDEST - 1] + "…"
    remark = words.remark(release)
    return f"{text} {remark}" if remark else text


def _width(group: Group) -> int:
    return sum(max(CELL, cell_len(column.head)) + 1 for column in group.columns) + 1


def _pages(groups: Sequence[Group], room: int) -> list[list[Group]]:
    """Groups that stand beside one another; one that is too wide is broken."""
    pages: list[list[Group]] = [[]]
    used = 0
    for group in groups:
        for part in _parts(group, room):
            width = max(_width(part), cell_len(part.title) + 2)
            if pages[-1] and used + width > room + 2:
                pages.append([])
                used = 0
            pages[-1].append(part)
            used += width
    return pages


def _parts(group: Group, room: int) -> Iterator[Group]:
    columns = list(group.columns)
    while columns:
        count = len(columns)
        while count > 1 and _width(group._replace(columns=tuple(columns[:count]))) > room + 2:
            count -= 1
        yield group._replace(columns=tuple(columns[:count]))
        del columns[:count]


def _heads(page: Sequence[Group], width: int, view: View) -> Iterator[str]:
    titles, heads = "", ""
    for group in page:
        room = max(_width(group), cell_len(group.title) + 2)
        titles += _ljust(group.title, room)
        inside = "".join(_ljust(c.head, max(CELL, cell_len(c.head)) + 1) for c in group.columns)
        heads += _ljust(inside, room)
    yield " " * (width + 12) + _styled(Field(titles.rstrip(), "1"), view)
    yield _styled(
        Field(f"{'release'.ljust(width)}{'uploaded'.ljust(12)}{heads}".rstrip(), "1"), view
    )


def _fields(page: Sequence[Group], release: ReleaseSupport, view: View) -> str:
    text = ""
    for group in page:
        used = 0
        for column in group.columns:
            cell = release.cells[column.number]
            room = max(CELL, cell_len(column.head)) + 1
            field = Field(words.symbol(cell), STYLES[cell.state])
            text += _styled(field, view) + " " * (room - cell_len(field.text))
            used += room
        text += " " * (max(_width(group), cell_len(group.title) + 2) - used)
    return text


def _files(project: Project, document: WheelsDocument, view: View) -> Iterator[str]:
    """What each target would take, or why there is nothing."""
    for release in project.releases:
        yield _styled(Field(line(release.version), "1"), view)
        for said, targets in words.taken(release, document.targets).items():
            yield from _hung("  ", said, view)
            yield from _hung("    ", ", ".join(targets), view)


def _timeline(project: Project, time: Axis | None, view: View) -> Iterator[str]:
    shown = words.lines(project.timeline)
    most = min(TITLES, max(view.width * 3 // 10, 12))
    titles = min(max((cell_len(each.titles) for each in shown), default=0), most)
    version = max([len("since"), *(cell_len(line(each.first.version)) for each in shown)])
    head = f"{'timeline'.ljust(titles)}  {'since'.ljust(version)}  {'':10}  "
    if time:
        head += f"{time.start.year}{str(time.end.year).rjust(BAR - 4)}  "
    yield _styled(Field(head.rstrip(), "1"), view)
    for each in shown:
        yield from _feature(each, titles, version, time, view)
    if missing := words.never(project.timeline):
        yield from _hung(f"{'never'.ljust(titles)}  ", missing, view)


def _feature(each: Line, titles: int, version: int, time: Axis | None, view: View) -> Iterator[str]:
    left = wrap(each.titles, titles, 0, cell_len)
    bar = f"{_drawn(each, time, view)}  " if time else ""
    since = (
        f"{_ljust(line(each.first.version), version)}  {words.day(each.first.uploaded):10}  {bar}"
    )
    blank = " " * cell_len(since)
    room = view.width - titles - 2 - len(blank)
    text = "; ".join((each.now, *each.remarks))
    right = wrap(text, max(room, 20), 0, cell_len)
    style = "" if each.feature.now == "newest" else "33"
    for number in range(max(len(left), len(right))):
        title = left[number] if number < len(left) else ""
        said = right[number] if number < len(right) else ""
        middle = since if number == 0 else blank
        yield f"{_ljust(title, titles)}  {middle}{_styled(Field(said, style), view)}"


def _drawn(each: Line, time: Axis, view: View) -> str:
    marks = DRAWN if view.unicode else DRAWN_ASCII
    return "".join(marks[way] for way in time.steps(each.feature, BAR))


def _ljust(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _styled(field: Field, view: View) -> str:
    if not view.colour or not field.style or not field.text:
        return field.text
    return f"\x1b[{field.style}m{field.text}\x1b[0m"


def _pairs(pairs: Iterable[tuple[str, str]], view: View) -> Iterator[str]:
    known = list(pairs)
    width = max((cell_len(label) for label, _ in known), default=0)
    for label, text in known:
        yield from _hung(f"{_ljust(label, width)}  ", text, view)


def _hung(head: str, text: str, view: View) -> Iterator[str]:
    indent = cell_len(head)
    body = wrap(text, max(view.width - indent, 20), 0, cell_len)
    yield head + body[0]
    yield from (" " * indent + part for part in body[1:])
