"""Text of unknown origin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.report import pages
from envcheck.report.base import Options
from envcheck.report.printable import ascii_only, block, code_span, line, wrap


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("plain – text ✓ 日本", "plain – text ✓ 日本"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\r\nb\tc", "a  b c"),
        ("\u202eabc", "\\u202eabc"),
        ("\udc80", "\\udc80"),
        ("non\u00a0breaking", "non breaking"),
        ("##[error]", "## [error]"),
        (3, "3"),
    ],
)
def test_line(given_text: object, expected: str) -> None:
    assert line(given_text) == expected


def test_block_keeps_lines_and_drops_blank_ends() -> None:
    assert block("\n\n a\r\n\n b\x07 \n\n") == [" a", "", " b\\x07"]


def test_ascii_fallback() -> None:
    assert ascii_only("✓ torch ≥ 2 … é\n") == "+ torch >= 2 ... \\xe9\n"


@given(st.text(alphabet="ab /,-", max_size=200), st.integers(10, 60), st.integers(0, 30))
def test_wrap_loses_nothing_and_keeps_the_width(text: str, width: int, first: int) -> None:
    lines = wrap(text, width, first)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(len(part) <= width for part in lines[1:])
    assert len(lines[0]) <= max(width - first, 0)


def test_wrap_prefers_blanks_then_slashes() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("/usr/lib/python3/site-packages", 18) == ["/usr/lib/python3/", "site-packages"]


def test_wide_characters_are_measured() -> None:
    assert wrap("日本語 日本語", 10, measure=lambda text: 2 * len(text)) == ["日本語", "日本語"]


@pytest.mark.parametrize("text", ["a", "`", "``a", "a`b``c", "`" * 5, " ` "])
def test_code_spans_cannot_be_ended_from_inside(text: str) -> None:
    from markdown_it import MarkdownIt

    (token,) = MarkdownIt("commonmark").parseInline(code_span(text))[0].children or ()
    assert token.type == "code_inline"
    assert token.content.strip() == text.strip()


def test_a_page_keeps_lists_and_code() -> None:
    body = (
        "One sentence that\ngoes on.\n\n- first item which is long\n- second\n\n    pip install x"
    )
    assert pages.render([("Title", body)], Options(width=24)) == (
        "Title\n  One sentence that goes\n  on.\n\n"
        "  - first item which is\n    long\n  - second\n\n"
        "      pip install x\n"
    )
