"""Wheels of projects as one page: works offline and without a script, asks nobody for anything.

Everything that is shown went through ``printable.line`` and ``html.escape``. What a bar shows is
said in words beside it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from envcheck.model.wheels import STATES, WAYS
from envcheck.report import wheels_words as words
from envcheck.report.matrix_html import prose
from envcheck.report.matrix_page import STYLE, policy
from envcheck.report.printable import line
from envcheck.report.wheels_time import Axis, axis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envcheck.model.wheels import Cell, Project, ReleaseSupport, WheelsDocument
    from envcheck.report.wheels import View
    from envcheck.report.wheels_words import Group, Line

DETAILED = 60  # releases of which files are listed in the page; all are in the document
HEIGHTS = {"own": 14, "abi3": 8, "generic": 3}  # pixels: ways are told apart without colours, too
ROW = 18
PAGE_STYLE = (
    STYLE
    + """
body { max-width: 96rem; }
section { margin-top: 2.5rem; } section > h2 { margin-top: 0; }
.scroll { max-height: 85vh; overflow: auto; }
thead { position: sticky; top: 0; z-index: 3; }
thead th { padding: .35rem .6rem; font-size: .875rem; font-weight: 600; }
thead th.group { border-left: 1px solid var(--line); } td.first {
  border-left: 1px solid var(--line); }
th.version { max-width: 12rem; } td.cell { font-family: ui-monospace, monospace; }
.s-wheel, .s-generic { color: var(--pass); } .s-sdist, .s-yanked { color: var(--warn); }
.s-python { color: var(--faint); } .s-nothing { color: var(--fail); }
.s-unknown { color: var(--error); }
.badge { border: 1px solid; border-radius: 4px; padding: 0 .3em; font-size: .8em;
  font-weight: 600; color: var(--warn); }
.timeline { list-style: none; padding: 0; }
.timeline li { display: grid; grid-template-columns: 12rem 13rem minmax(10rem, 1fr) 20rem;
  gap: 0 1rem; margin: 0; padding: .25rem 0; border-top: 1px solid var(--line);
  font-size: .875rem; align-items: center; }
.timeline .title { font-weight: 600; } .timeline .dropped { color: var(--warn); }
.timeline svg .own, .key.own { fill: var(--bar); background: var(--bar); }
.timeline svg .abi3, .key.abi3 { fill: var(--bar); background: var(--bar); }
.timeline svg .generic, .key.generic { fill: var(--bar); background: var(--bar); }
.key.own { height: 14px; } .key.abi3 { height: 8px; } .key.generic { height: 3px; }
.key { vertical-align: middle; } svg .year { stroke: var(--line); }
@media (max-width: 64rem) { .timeline li { grid-template-columns: 1fr auto; }
  .timeline svg { grid-column: 1 / -1; } .timeline .now { grid-column: 1 / -1; }
  .timeline .axis span { display: none; } }
@media print { .scroll { max-height: none; } }
"""
)


def render(document: WheelsDocument, view: View) -> str:  # noqa: ARG001  # as all reporters
    """The document."""
    names = escape(", ".join(line(project.name) for project in document.projects))
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy(PAGE_STYLE, "")}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="generator" content="envcheck">',
        f"<title>Wheels of {names}</title>",
        f"<style>{PAGE_STYLE}</style></head><body>",
        f"<header><h1>Wheels of {names}</h1>",
        *_contents(document),
        "</header><main>",
        *(
            text
            for n, project in enumerate(document.projects)
            for text in _project(n, project, document)
        ),
        *_legend(document),
        "<h2>Asked</h2>",
        *_pairs(words.circumstances(document, notes=True)),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _contents(document: WheelsDocument) -> Iterator[str]:
    if len(document.projects) > 1:
        links = (
            f'<a href="#project{number}">{escape(line(project.name))}</a>'
            for number, project in enumerate(document.projects)
        )
        yield f'<nav aria-label="Projects"><p>{" · ".join(links)}</p></nav>'


def _project(number: int, project: Project, document: WheelsDocument) -> Iterator[str]:
    name = escape(line(project.name))
    yield f'<section id="project{number}"><h2>{name}</h2>'
    yield f"<p>{prose(words.headline(project))}.</p>"
    for note in (*project.notes, *words.variants(project)):
        yield f'<p class="faint">{prose(note)}</p>'
    if project.releases:
        yield from _table(number, project, words.groups(document.targets))
        yield from _files(project, document)
    if project.timeline:
        yield from _timeline(project, axis(project, document.created))
    yield "</section>"


def _table(number: int, project: Project, groups: Sequence[Group]) -> Iterator[str]:
    name = escape(line(project.name))
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="Releases of {name}">'
    yield f'<table id="cells{number}" class="cells">'
    yield f'<caption><span class="unseen">Releases of {name} by target</span></caption>'
    yield '<thead><tr><th scope="col" rowspan="2">release</th>'
    yield '<th scope="col" rowspan="2">uploaded</th>'
    for group in groups:
        title = escape(group.title) or "target"
        yield f'<th class="group" scope="colgroup" colspan="{len(group.columns)}">{title}</th>'
    yield "</tr><tr>"
    for group in groups:
        for position, column in enumerate(group.columns):
            kind = ' class="group"' if position == 0 else ""
            yield f'<th{kind} scope="col">{escape(column.head)}</th>'
    yield "</tr></thead><tbody>"
    yield from (_row(release, groups) for release in project.releases)
    yield "</tbody></table></div>"


def _row(release: ReleaseSupport, groups: Sequence[Group]) -> str:
    version = escape(line(release.version))
    remark = words.remark(release)
    badge = f' <span class="badge">{remark}</span>' if remark else ""
    why = escape(line(release.yanked or ""))
    title = f' title="{why}"' if why else ""
    cells = "".join(
        _cell(release.cells[column.number], first=position == 0)
        for group in groups
        for position, column in enumerate(group.columns)
    )
    head = f'<tr><th class="version" scope="row"{title}>{version}{badge}</th>'
    return f"{head}<td>{escape(words.day(release.uploaded))}</td>{cells}</tr>"


def _cell(cell: Cell, *, first: bool) -> str:
    """The symbol; what it means is read out, and shown to who points at it."""
    told = ": ".join(part for part in (line(cell.file), line(cell.reason)) if part)
    said = STATES[cell.state]
    title = escape(f"{said}: {told}" if told else said)
    kind = f"cell s-{cell.state}" + (" first" if first else "")
    mark = f'<span aria-hidden="true">{escape(words.symbol(cell))}</span>'
    return f'<td class="{kind}" title="{title}">{mark}<span class="unseen">{said}</span></td>'


def _files(project: Project, document: WheelsDocument) -> Iterator[str]:
    yield "<details><summary>Which file each target would take, or why there is none</summary><dl>"
    for release in project.releases[:DETAILED]:
        yield f"<dt>{escape(line(release.version))}</dt><dd><ul>"
        for said, targets in words.taken(release, document.targets).items():
            yield f"<li><code>{escape(said)}</code><br>"
            yield f'<span class="faint">{escape(", ".join(targets))}</span></li>'
        yield "</ul></dd>"
    yield "</dl>"
    if len(project.releases) > DETAILED:
        yield f'<p class="faint">and {len(project.releases) - DETAILED} more, in the document</p>'
    yield "</details>"


def _timeline(project: Project, time: Axis | None) -> Iterator[str]:
    yield "<h3>Since when there are wheels</h3>"
    ways = {span.way for feature in project.timeline for span in feature.spans}
    keys = [
        f'<span><span class="key {way}"></span>{WAYS[way]}</span>' for way in WAYS if way in ways
    ]
    if time and keys:
        yield f'<p class="keys">{" ".join(keys)}</p>'
    yield '<ul class="timeline">'
    if time:
        yield f'<li class="axis" aria-hidden="true"><span></span><span></span>{_years(time)}</li>'
    yield from (_feature(each, time) for each in words.lines(project.timeline))
    yield "</ul>"
    if missing := words.never(project.timeline):
        yield f"<p><strong>Never:</strong> {escape(missing)}.</p>"


def _feature(each: Line, time: Axis | None) -> str:
    first = f"{escape(line(each.first.version))} "
    first += f'<span class="faint">{escape(words.day(each.first.uploaded))}</span>'
    state = "dropped" if each.feature.now == "dropped" else "kept"
    now = f'<strong class="{state}">{escape(each.now)}</strong>'
    rest = "; ".join(("", *map(escape, each.remarks)))
    return (
        f'<li><span class="title">{escape(each.titles)}</span><span>since {first}</span>'
        f'{_drawn(each, time)}<span class="now">{now}{rest}</span></li>'
    )


def _drawn(each: Line, time: Axis | None) -> str:
    """Bars from the first release to the day it was asked. Widths are shares of 100 %."""
    if time is None:
        return "<span></span>"
    shapes = [f'<rect class="track" x="0" y="{ROW - 1}" width="100%" height="1"/>']
    for bar in time.bars(each.feature):
        height = HEIGHTS[bar.way]
        width = max(bar.end - bar.start, 0.004)
        start = min(bar.start, 1 - width)
        shapes.append(
            f'<rect class="{bar.way}" x="{start * 100:.2f}%" y="{(ROW - height) // 2}" '
            f'width="{width * 100:.2f}%" height="{height}"/>'
        )
    return f'<svg aria-hidden="true" height="{ROW}">{"".join(shapes)}</svg>'


def _years(time: Axis) -> str:
    """Years above the bars, as many as there is room for."""
    years = time.years()
    step = max(1, -(-len(years) // 8))
    shapes = []
    for year, place in years[::-step][::-1]:
        anchor = "end" if place > 0.94 else "start" if place < 0.06 else "middle"
        at = f'x="{place * 100:.2f}%" y="13" text-anchor="{anchor}"'
        shapes.append(f'<text class="faint" {at}>{year}</text>')
    return f'<svg height="{ROW}">{"".join(shapes)}</svg>'


def _legend(document: WheelsDocument) -> Iterator[str]:
    pairs = words.legend(document.projects)
    if pairs:
        yield "<h2>Symbols</h2><dl>"
        yield from (f"<dt><code>{escape(m)}</code></dt><dd>{escape(t)}</dd>" for m, t in pairs)
        yield "</dl>"


def _pairs(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>"
    yield from (f"<dt>{escape(label)}</dt><dd>{prose(text)}</dd>" for label, text in pairs)
    yield "</dl>"
