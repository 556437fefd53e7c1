"""What `envcheck wheels` shows: read tests/golden/wheels, that is what users see."""

from __future__ import annotations

import json
import re
from datetime import date
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import msgspec
import pytest
import wheel_documents as documents
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from envcheck import schemas
from envcheck.model.wheels import STATES, Cell, Feature, Mark, Project, Span, WheelsDocument
from envcheck.report import wheels_words as words
from envcheck.report.matrix_page import policy
from envcheck.report.wheels import REPORTERS, View, load
from envcheck.report.wheels_html import PAGE_STYLE
from envcheck.report.wheels_time import Axis, axis

if TYPE_CHECKING:
    from collections.abc import Callable

    Golden = Callable[[str, str], None]

CASES = documents.cases()
VIEWS = {
    "140 columns": View(width=140),
    "80 columns": View(width=80),
    "50 columns, -v, ASCII": View(width=50, unicode=False, verbose=1),
}
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
VOID = {"meta", "br", "link", "img", "input", "hr"}


@pytest.mark.parametrize("case", CASES)
def test_text(case: str, golden: Golden) -> None:
    parts = []
    for name, view in VIEWS.items():
        text = load("text").render(CASES[case], view)
        parts += [f"--- {name} ".ljust(view.width, "-"), text]
    golden(f"wheels/{case}.txt", "\n".join(parts))


@pytest.mark.parametrize("case", CASES)
def test_markdown(case: str, golden: Golden) -> None:
    golden(f"wheels/{case}.md", load("markdown").render(CASES[case], View(verbose=1)))


def test_page(golden: Golden) -> None:
    golden("wheels/everything.html", load("html").render(CASES["everything"], View()))


def test_colours(golden: Golden) -> None:
    text = load("text").render(CASES["everything"], View(width=80, colour=True))
    golden("wheels/colours.txt", text.replace("\x1b", "␛"))
    assert re.sub("\x1b\\[[0-9;]*m", "", text) == load("text").render(
        CASES["everything"], View(width=80)
    )


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("case", ["real", "everything"])
def test_text_fits(case: str, width: int) -> None:
    text = load("text").render(CASES[case], View(width=width))
    assert max(map(len, text.splitlines())) <= width
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_no_target_is_left_out_where_there_is_little_room() -> None:
    document = CASES["real"]
    for width in (50, 80, 200):
        text = load("text").render(document, View(width=width))
        rows = [line.split() for line in text.splitlines() if line.startswith("2.0.0 ")]
        cells = [word for row in rows for word in row[2:]]
        assert cells == [words.symbol(cell) for cell in _grouped(document)]


def _grouped(document: WheelsDocument) -> list[Cell]:
    """Cells of the newest release, as groups have them."""
    cells = document.projects[0].releases[0].cells
    return [
        cells[column.number] for group in words.groups(document.targets) for column in group.columns
    ]


@pytest.mark.parametrize("case", CASES)
def test_the_document_follows_its_schema_and_is_read_again(case: str) -> None:
    text = load("json").render(CASES[case], View())
    assert text.isascii()
    document = json.loads(text)
    validator = Draft202012Validator(json.loads(schemas.text("wheels")))
    assert [error.message for error in validator.iter_errors(document)] == []
    assert msgspec.convert(document, WheelsDocument) == CASES[case]


@pytest.mark.parametrize("name", [name for name in REPORTERS if name != "json"])
def test_nothing_that_is_shown_does_anything(name: str) -> None:
    for view in VIEWS.values():
        text = load(name).render(CASES["hostile"], view)
        assert not UNSAFE.search(text)
        assert "##[error]" not in text
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_markdown_has_no_live_markup_of_others() -> None:
    text = load("markdown").render(CASES["hostile"], View(verbose=1))
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<b>" not in page
    assert "javascript:" not in re.findall(r'href="([^"]*)"', page)
    assert "<a " not in page


class Page(HTMLParser):
    """Fails on what is not closed; collects ids, links and classes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.cells: list[dict[str, str | None]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        assert not any(name.startswith("on") or name in ("style", "src") for name in said)
        self.tags.add(tag)
        self.links += [said["href"] or ""] if "href" in said else []
        self.ids += [said["id"] or ""] if "id" in said else []
        if tag == "td" and "cell" in (said.get("class") or ""):
            self.cells.append(said)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("case", CASES)
def test_the_page_is_whole_and_leads_nowhere(case: str) -> None:
    text = load("html").render(CASES[case], View())
    page = Page(text)
    assert len(set(page.ids)) == len(page.ids)
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not page.tags & {"script", "link", "img", "iframe", "b"}
    assert f'content="{policy(PAGE_STYLE, "")}"' in text
    assert "script-src 'none'" in text


def test_each_cell_of_the_page_says_what_it_means() -> None:
    page = Page(load("html").render(CASES["everything"], View()))
    cells = [
        cell
        for project in CASES["everything"].projects
        for release in project.releases
        for cell in release.cells
    ]
    assert len(page.cells) == len(cells)
    assert {cell.state for cell in cells} == set(STATES)
    for shown in page.cells:
        state = (shown["class"] or "").split()[1].removeprefix("s-")
        assert (shown["title"] or "").startswith(STATES[state])  # type: ignore[index]


def test_the_legend_says_what_there_is() -> None:
    marks = [mark for mark, _ in words.legend(CASES["everything"].projects)]
    assert marks == ["W", "any", "sd", "py", "-", "?", "!"]
    assert [mark for mark, _ in words.legend(documents.real("accelerate").projects)] == ["any"]
    assert words.legend([]) == []


def test_targets_that_differ_in_their_python_stand_together() -> None:
    groups = words.groups(CASES["everything"].targets)
    assert [(group.title, [column.head for column in group.columns]) for group in groups] == [
        ("alpine (musl 1.2.5)", ["3.12", "3.13"]),
        ("slim (glibc 2.41)", ["3.12", "3.13", "pypy3.11"]),
        ("Windows", ["3.14t"]),
        ("macOS 14.0", ["3.12"]),
        ("fact-sheet (C library not known)", ["3.12"]),
    ]


def test_a_project_that_never_had_wheels() -> None:
    files = [documents.File(filename="a-1.0.tar.gz", url="a")]
    known = documents.Releases("a", files, found=True)
    found = documents.project(known, documents.targets(), documents.Choice())
    assert words.never(found.timeline) == "wheels"
    assert [each.titles for each in words.lines(found.timeline)] == ["sdist"]


def test_two_versions_of_a_library_in_one_group() -> None:
    targets = CASES["real"].targets
    older = msgspec.structs.replace(targets[0], libc="musl 1.2.4")
    titles = [group.title for group in words.groups([older, *targets[1:]])]
    assert titles == ["alpine (musl 1.2.4, 1.2.5)", "slim (glibc 2.41)"]


def test_features_of_one_story_are_told_together() -> None:
    lines = words.lines(documents.real("accelerate").projects[0].timeline)
    generic = next(line for line in lines if "by wheels for any" in line.remarks)
    assert generic.titles.startswith("CPython 3.10, 3.11, 3.12")
    assert "musl x86_64, aarch64" in generic.titles
    titles = [line.titles for line in words.lines(documents.real("numpy").projects[0].timeline)]
    assert "CPython 3.13" in titles


def _feature(*spans: Span, gaps: tuple[Span, ...] = (), now: str = "newest") -> Feature:
    return Feature(
        key="k", title="K", kind="platform", now=now, first=spans[0].first,  # type: ignore[arg-type]
        last=spans[-1].last, spans=list(spans), gaps=list(gaps),
    )  # fmt: skip


def _span(first: str, last: str, way: str = "own") -> Span:
    marks = [Mark(version=day, uploaded=f"{day}T00:00:00Z") for day in (first, last)]
    return Span(first=marks[0], last=marks[1], releases=1, way=way)  # type: ignore[arg-type]


def test_bars() -> None:
    time = Axis(date(2020, 1, 1), date(2030, 1, 1))
    dropped = _feature(_span("2022-01-01", "2025-01-01"), now="dropped")
    (bar,) = time.bars(dropped)
    assert (round(bar.start, 2), round(bar.end, 2)) == (0.2, 0.5)
    assert time.steps(dropped, 10) == ["", "", "own", "own", "own", "", "", "", "", ""]
    two = _feature(_span("2022-01-01", "2023-01-01"), _span("2025-01-01", "2026-01-01", "abi3"))
    assert [round(bar.end, 1) for bar in time.bars(two)] == [0.5, 1.0]  # the next way begins
    gap = (_span("2024-01-01", "2024-01-01"),)
    apart = _feature(*two.spans, gaps=gap)
    assert [round(bar.end, 1) for bar in time.bars(apart)] == [0.3, 1.0]
    assert [year for year, _ in time.years()] == list(range(2021, 2031))


def test_without_days_nothing_is_drawn() -> None:
    undated = CASES["everything"].projects[1]
    assert axis(undated, "") is None
    assert axis(Project(name="x"), documents.CREATED) is None
    marks = [Mark(version="1", uploaded=day) for day in ("", "yesterday", "2026-02-31")]
    spans = [Span(first=mark, last=mark, releases=1) for mark in marks]
    assert Axis(date(2020, 1, 1), date(2021, 1, 1)).bars(_feature(*spans)) == []
    alone = documents.everything()
    text = load("html").render(msgspec.structs.replace(alone, projects=[undated]), View())
    assert "<rect" not in text
