"""Wheels of projects as Markdown: a table of releases by targets, a table of the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report import wheels_words as words
from envcheck.report.matrix_markdown import pipe, prose
from envcheck.report.printable import code_span, line, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.wheels import Project, WheelsDocument
    from envcheck.report.wheels import View


def render(document: WheelsDocument, view: View) -> str:
    """The document."""
    names = ", ".join(markdown(project.name) for project in document.projects)
    parts = [f"# Wheels of {names}", ""]
    for project in document.projects:
        parts += _project(project, document, view)
    pairs = words.legend(document.projects)
    if pairs:
        parts += ["## Symbols", "", *(f"- {code_span(mark)} {text}" for mark, text in pairs), ""]
    parts += ["## Asked", ""]
    told = words.circumstances(document, notes=view.verbose > 0)
    parts += [f"- **{label}**: {prose(text)}" for label, text in told]
    return "\n".join(parts).rstrip("\n") + "\n"


def _project(project: Project, document: WheelsDocument, view: View) -> Iterator[str]:
    yield from (f"## {markdown(project.name)}", "", f"{markdown(words.headline(project))}.", "")
    for note in (*project.notes, *words.variants(project)):
        yield from (f"- {markdown(note)}", "")
    if project.releases:
        yield from (_table(project, document), "")
    if project.releases and view.verbose > 0:
        yield from _files(project, document)
    if project.timeline:
        yield from (_timeline(project), "")
        if missing := words.never(project.timeline):
            yield from (f"Never: {markdown(missing)}.", "")


def _table(project: Project, document: WheelsDocument) -> str:
    columns = [
        (f"{group.title.partition(' (')[0]} {column.head}".strip(), column.number)
        for group in words.groups(document.targets)
        for column in group.columns
    ]
    rows = [
        [
            markdown(f"{release.version} {words.remark(release)}".strip()),
            markdown(words.day(release.uploaded)),
            *(markdown(words.symbol(release.cells[number])) for _, number in columns),
        ]
        for release in project.releases
    ]
    return pipe(["release", "uploaded", *(markdown(head) for head, _ in columns)], rows)


def _files(project: Project, document: WheelsDocument) -> Iterator[str]:
    """What each target would take, or why there is nothing."""
    for release in project.releases:
        yield f"- **{markdown(release.version)}**"
        for said, targets in words.taken(release, document.targets).items():
            yield f"  - {', '.join(map(markdown, targets))}: {code_span(line(said))}"
    yield ""


def _timeline(project: Project) -> str:
    rows = [
        [
            markdown(each.titles),
            markdown(each.first.version),
            markdown(words.day(each.first.uploaded)),
            markdown(each.now),
            markdown("; ".join(each.remarks)),
        ]
        for each in words.lines(project.timeline)
    ]
    return pipe(["wheels for", "since", "of", "now", "remarks"], rows)
