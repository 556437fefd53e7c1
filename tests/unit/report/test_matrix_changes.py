"""Comparisons and histories as text, Markdown and JSON, hostile names included."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import runs
from markdown_it import MarkdownIt

from envcheck.matrix.compare import compare
from envcheck.matrix.history import history
from envcheck.report import matrix_changes, matrix_history
from envcheck.report.matrix import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.model.cell import Run

UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
SUFFIXES = {"text": "txt", "markdown": "md", "json": "json"}


def pair() -> tuple[Run, Run]:
    """Something of every kind of change."""
    old = runs.run(
        runs.passed("3.9-slim"),
        runs.passed("3.10-slim"),
        runs.passed("3.11-slim"),
        runs.passed("3.12-slim"),
        runs.failed("3.13-slim", "timeout"),
        runs.passed(f"3.14-{runs.HOSTILE}"),
    )
    new = runs.run(
        runs.passed("3.9-slim", status="error", sentence="the engine went away."),
        runs.failed("3.10-slim", "missing-library", "import"),
        runs.passed(
            "3.11-slim",
            imports=[runs.imported("accelerate", 4.0, 4.5, 4.6, 4.4)],
            disk=runs.usage(5200),
            distributions=[runs.installed("torch", "2.15.0", size=5100)],
        ),
        runs.passed("3.13-slim"),
        runs.failed(f"3.14-{runs.HOSTILE}", "crash", sentence=runs.HOSTILE),
        missing=("3.12-slim",),
        id="accelerate-8",
    )
    return old, new


@pytest.mark.parametrize("name", SUFFIXES)
def test_comparison(name: str, golden: Callable[[str, str], None]) -> None:
    text = matrix_changes.FORMATS[name](compare(*pair()), View(width=90))
    check(name, text)
    golden(f"matrix/compare.{SUFFIXES[name]}", text)


@pytest.mark.parametrize("name", SUFFIXES)
def test_history(name: str, golden: Callable[[str, str], None]) -> None:
    text = matrix_history.FORMATS[name](list(history(pair())), View(width=90))
    check(name, text)
    golden(f"matrix/history.{SUFFIXES[name]}", text)


def check(name: str, text: str) -> None:
    assert text.endswith("\n")
    assert not UNSAFE.search(text)
    if name == "json":
        assert json.loads(text)["schema"].startswith("envcheck.")
    elif name == "markdown":
        tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
        for token in (child for each in tokens for child in each.children or ()):
            assert token.type not in ("link_open", "image")
            assert token.type != "html_inline" or token.content == "<!-- -->"


@pytest.mark.parametrize("width", [20, 60, 100])
def test_colour_adds_colour_only(width: int) -> None:
    found, past = compare(*pair()), list(history(pair()))
    for render, given in ((matrix_changes.render, found), (matrix_history.render, past)):
        plain = render(given, View(width=width))
        coloured = render(given, View(width=width, colour=True))
        assert coloured != plain
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
        assert render(given, View(unicode=False)).isascii()


def test_what_is_worse_comes_first() -> None:
    lines = matrix_changes.render(compare(*pair()), View(width=200)).splitlines()[2:]
    words = [line.split()[0] for line in lines]
    assert words == sorted(words, key=["worse", "better", "changed", "not"].index)
