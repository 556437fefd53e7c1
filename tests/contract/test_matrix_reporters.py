"""What every reporter of matrix runs keeps, whatever the run says."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import runs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt

from envcheck.matrix import freshness
from envcheck.model.cell import CAUSES, CellResult, Imported, Run, StepResult
from envcheck.report.matrix import REPORTERS, View, load

DATA = Path(__file__).parent.parent / "data"
UNSAFE = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
VOID = {"meta", "br", "link", "img", "input", "hr"}
#: What the page may hold; an element that is not here came from somewhere else.
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "span",
    "main", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "button", "sup", "a",
    "ol", "li", "br", "strong", "code", "details", "summary", "pre", "dl", "dt", "dd", "figure",
    "figcaption", "svg", "g", "text", "rect", "line", "script",
}  # fmt: skip


@lru_cache
def sarif() -> Any:
    schema = json.loads((DATA / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


@lru_cache
def junit() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(DATA / "junit-10.xsd")))


class Page(HTMLParser):
    """Collects elements and attributes; fails on what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        assert not any(name.startswith("on") or name in ("style", "src") for name, _ in attrs)
        said = dict(attrs)
        if tag == "a":
            self.links.append(said["href"] or "")
        if "id" in said:
            self.ids.append(said["id"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)


def check(name: str, text: str) -> None:
    """What holds for the document of each format."""
    assert not UNSAFE.search(text)
    assert text.endswith("\n")
    text.encode("utf-8")
    if name == "text":
        assert not re.search(r"^\s*::|##\[|\r", text, re.MULTILINE)
    elif name == "json":
        document = json.loads(text, parse_constant=pytest.fail)
        assert document["schema"] == "envcheck.run/1"
    elif name == "sarif":
        sarif().validate(json.loads(text, parse_constant=pytest.fail))
    elif name == "junit":
        junit().assertValid(etree.fromstring(text.encode()))
    elif name == "markdown":
        markdown(text)
    elif name == "html":
        page(text)


def page(text: str) -> None:
    """Closed, with one script of our own, links to itself only, and no address of anything."""
    parser = Page()
    parser.feed(text)
    parser.close()
    assert not parser.open
    assert len(parser.scripts) == 1
    assert len(parser.ids) == len(set(parser.ids))
    assert {link.removeprefix("#") for link in parser.links} <= set(parser.ids)
    assert all(link.startswith("#") for link in parser.links)
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|<link|<iframe|<img", text)


def markdown(text: str) -> None:
    """Nothing of what was tested is live: no HTML, link, image or mention."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    for token in (*tokens, *inline):
        if token.type in ("html_block", "html_inline"):
            assert "<" not in token.content.replace("<!-- -->", ""), token.content
        assert token.type not in ("link_open", "image")
        if token.type == "text":
            assert not re.search(r"@\w|://", token.content), token.content


@pytest.mark.parametrize("name", REPORTERS)
@pytest.mark.parametrize("case", runs.cases())
def test_case(case: str, name: str) -> None:
    run = runs.cases()[case]
    fresh = freshness.assess(run, "2027-01-20T00:00:00Z")
    for view in (View(), View(width=40, freshness=fresh, verbose=1)):
        text = load(name).render(run, view)
        check(name, text)
        assert text == load(name).render(run, view), "rendering twice differs"


@pytest.mark.parametrize("case", runs.cases())
def test_colour_adds_colour_only(case: str) -> None:
    run = runs.cases()[case]
    for width in (160, 80, 40):
        plain = load("text").render(run, View(width=width))
        coloured = load("text").render(run, View(width=width, colour=True))
        assert "\x1b[1m" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
        assert not UNSAFE.search(re.sub(r"\x1b\[[0-9;]*m", "", coloured))


@pytest.mark.parametrize("case", runs.cases())
def test_ascii_where_the_stream_shows_no_more(case: str) -> None:
    assert load("text").render(runs.cases()[case], View(unicode=False)).isascii()


_texts = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x00\x07\x9b\r\n\t\u202e\u2028\udc80\ufffe|`<>&]:#%,@[]()*_~\\/'\"=-+ "
        ),
    ),
    max_size=40,
) | st.sampled_from(["::error::x", "]]>", "```", "</td></script>", "##[group]", "a" * 300, "<!--"])
_floats = st.floats(0, 1e7)
_steps = st.builds(
    StepResult,
    name=st.sampled_from(["create", "resolve", "install", "import", "smoke", "measure"]) | _texts,
    status=st.sampled_from(["ok", "failed", "timeout", "skipped"]),
    seconds=_floats,
    detail=_texts,
    peak_memory=st.none() | st.integers(0, 2**50),
)


@st.composite
def _results(draw: st.DrawFn) -> CellResult:
    name = draw(st.sampled_from(["3.12-slim", "3.9-alpine"]) | _texts)
    return runs.passed(
        name,
        cell=runs.cell(name, axes=draw(st.dictionaries(_texts, _texts, max_size=1))),
        status=draw(st.sampled_from(["pass", "warn", "fail", "inconclusive", "error", "skipped"])),
        cause=draw(st.sampled_from(["", *CAUSES]) | _texts),
        wheel=draw(st.sampled_from(["wheel", "sdist", "none", ""])),
        **{
            key: draw(_texts)
            for key in (
                "sentence", "remedy", "version", "python", "libc", "image", "image_id", "smoke",
                "installer", "started", "backend", "verdict",
            )
        },
        evidence=draw(st.lists(_texts, max_size=3)),
        notes=draw(st.lists(_texts, max_size=2)),
        steps=draw(st.lists(_steps, max_size=4)),
        imports=[
            Imported(
                module=draw(_texts),
                first=draw(st.none() | _floats),
                settled=draw(st.lists(_floats, max_size=3)),
                error=draw(_texts),
            )
        ],
        distributions=[
            runs.installed(draw(_texts), draw(_texts), requested=True, reason=draw(_texts))
        ],
        disk=draw(st.none() | st.builds(runs.usage, st.floats(0, 1e6))),
        findings=[{"code": draw(_texts), "title": draw(_texts)}],
        cold=draw(st.none() | st.booleans()),
    )  # fmt: skip


@st.composite
def _runs(draw: st.DrawFn) -> Run:
    return runs.run(
        *draw(st.lists(_results(), max_size=4)),
        missing=tuple(draw(st.lists(_texts, max_size=2))),
        **{key: draw(_texts) for key in ("id", "matrix", "summary", "machine", "envcheck")},
        started=draw(st.just("2026-11-20T21:00:00Z") | _texts),
        notes=draw(st.lists(_texts, max_size=2)),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(run=_runs(), width=st.sampled_from([1, 20, 40, 80, 100]))
def test_any_run(run: Run, width: int) -> None:
    view = View(width=width, freshness=freshness.assess(run, "2026-11-21T00:00:00Z", {}))
    for name in REPORTERS:
        check(name, load(name).render(run, view))
