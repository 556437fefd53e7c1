"""What every reporter in the table keeps, whatever the report says."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from strategies import json_values

from envcheck.evaluate import count, verdict
from envcheck.model.facts import FactSheet
from envcheck.model.finding import (
    SEVERITIES,
    STATUSES,
    Anchor,
    Evidence,
    Finding,
    Remedy,
    Report,
    Waiver,
)
from envcheck.report import REPORTERS, load
from envcheck.report.base import Options, Rule

#: C0 without line feed, DEL, C1, line and paragraph separators, bidirectional controls, surrogates.
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)
RULES = {"PKG201": Rule("title", "error", "summary", "# help")}


def check(name: str, text: str) -> None:
    """What holds for the document of each format."""
    assert not UNSAFE.search(text)
    assert text == "" or text.endswith("\n")
    text.encode("utf-8")
    if name in ("text", "terminal"):
        assert not COMMAND.search(text)
    elif name == "github":
        lines = text.splitlines()
        assert all(re.match(r"::(error|warning|notice) title=[^:,]*(,|::)", line) for line in lines)
        for kind in ("error", "warning", "notice"):
            assert sum(line.startswith(f"::{kind} ") for line in lines) <= 10
    elif name in ("json", "sarif"):
        document = json.loads(text, parse_constant=pytest.fail)
        json.dumps(document, ensure_ascii=False).encode()  # no lone surrogates
        assert text.isascii()
    elif name == "junit":
        ET.fromstring(text)
    elif name == "markdown":
        assert len(text.encode()) < 60_000
        markdown(text)


def markdown(text: str) -> None:
    """Nothing of what was examined is live: no HTML, link, image or mention but our own."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    for token in (*tokens, *inline):
        if token.type in ("html_block", "html_inline"):
            left = token.content.replace("<!-- -->", "")
            left = re.sub(r"</?details>|<summary>envcheck[^<]*</summary>", "", left)
            assert "<" not in left, token.content
        assert token.type not in ("link_open", "image")
        if token.type == "text":
            assert not re.search(r"@\w|://", token.content), token.content
    assert sum(token.type == "heading_open" for token in tokens) == 1
    assert tokens[-1].content.strip() == "</details>"


@pytest.mark.parametrize("verbose", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("name", REPORTERS)
def test_case(name: str, verbose: int, report_case: Report) -> None:
    reporter = load(name)
    for width in (100, 40):
        options = Options(verbose=verbose, width=width, rules=RULES)
        text = reporter.render(report_case, options)
        check(name, text)
        assert text == reporter.render(report_case, options), "rendering twice differs"


@pytest.mark.parametrize("name", REPORTERS)
def test_ascii_where_the_stream_shows_no_more(name: str, report_case: Report) -> None:
    if name in ("text", "terminal"):
        text = load(name).render(report_case, Options(unicode=False, verbose=2))
        assert text.isascii()


def test_terminal_and_text_say_the_same(report_case: Report) -> None:
    for width in (100, 80, 40):
        for verbose in (-1, 0, 1, 2):
            options = Options(width=width, verbose=verbose)
            plain = load("text").render(report_case, options)
            assert load("terminal").render(report_case, options) == plain
            coloured = load("terminal").render(report_case, options._replace(colour=True))
            assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


_texts = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x00\x07\x9b\r\n\t\u202e\u2028\udc80\ufffe|`<>&]:#%,@[]()*_~\\/'\" "),
    ),
    max_size=60,
) | st.sampled_from(["::error::x", "]]>", "```", "</details>", "##[group]", "a" * 300, "%0A::x"])
_findings = st.builds(
    Finding,
    code=st.sampled_from(["PKG201", "GPU101", "GPU110", "X", ""]) | _texts,
    status=st.sampled_from(STATUSES),
    severity=st.sampled_from(SEVERITIES),
    title=_texts,
    detail=_texts,
    subject=_texts,
    evidence=st.lists(st.builds(Evidence, _texts, _texts, _texts), max_size=6).map(tuple),
    remedy=st.none() | st.builds(Remedy, _texts, st.lists(_texts, max_size=2).map(tuple)),
    anchor=st.none() | st.builds(Anchor, _texts, st.integers(-1, 10**6)),
    required=st.booleans(),
    cause=st.sampled_from(["", "GPU101", "GPU110", "PKG201", "nothing"]),
    waiver=st.none() | st.builds(Waiver, _texts, _texts),
    source=_texts,
)
_values = json_values(st.none() | st.booleans() | st.integers() | st.floats() | _texts, _texts)
_keys = _texts | st.sampled_from(
    [
        "interpreter.version", "interpreter.implementation", "interpreter.prefix", "host.os",
        "interpreter.is_venv", "host.libc.version", "host.cpu.usable", "limits.disks",
        "torch.version", "limits.memory.effective", "limits.shm.total", "devices.list",
        "distributions.installed",
    ]
)  # fmt: skip
_entries = st.fixed_dictionaries(
    {"status": st.sampled_from(["known", "absent", "unknown", "odd"]), "value": _values},
    optional={"source": _texts, "reason": _values},
)
_documents = st.fixed_dictionaries(
    {
        "target": st.dictionaries(st.sampled_from(["kind", "name", "chosen_by"]) | _texts, _values),
        "agent": _values,
        "facts": st.dictionaries(_keys, _entries | _values, max_size=5),
    }
)


@st.composite
def _reports(draw: st.DrawFn) -> Report:
    findings = tuple(draw(st.lists(_findings, max_size=25)))
    return Report(
        FactSheet(draw(_documents)),
        findings,
        verdict(findings),
        count(findings),
        profiles=tuple(draw(st.lists(_texts, max_size=2))),
        version=draw(_texts),
        created=draw(_texts),
        seconds=draw(st.floats(0, 1e6)),
        notes=tuple(draw(st.lists(_texts, max_size=2))),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(report=_reports(), verbose=st.integers(-2, 2), width=st.sampled_from([1, 20, 40, 80, 100]))
def test_any_report(report: Report, verbose: int, width: int) -> None:
    for name in REPORTERS:
        options = Options(verbose=verbose, width=width, rules=RULES, root="/r")
        check(name, load(name).render(report, options))
