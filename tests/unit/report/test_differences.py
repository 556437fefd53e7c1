"""How differences are written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from envcheck.model.difference import MISSING, Difference
from envcheck.report import differences
from envcheck.report.base import Options

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("~/a (CPython 3.11.7)", "image b|c:1 (CPython 3.12.1)")
FOUND = [
    Difference("nvidia.kernel.version", "", "550.54.14", "580.65.06"),
    Difference("distributions.installed", "torch", "2.13.0+cu130", "2.13.0+cpu"),
    Difference("distributions.installed", "evil\x1b[31m|name", "1", MISSING),
    Difference("host.tags", "", "only here: " + ", ".join("x" * 20 for _ in range(9)), "nothing"),
]


def test_text(golden: Callable[[str, str], None]) -> None:
    parts = [
        differences.render(NAMES, FOUND, Options(width=100)),
        differences.render(NAMES, FOUND, Options(width=40, unicode=False)),
        differences.render(NAMES, [], Options()),
    ]
    golden("text/diff.txt", "\n".join(parts))


def test_markdown(golden: Callable[[str, str], None]) -> None:
    written = differences.render_markdown(NAMES, FOUND, Options())
    golden("markdown/diff.md", written)
    rows = [line for line in written.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {4}


def test_json() -> None:
    document = json.loads(differences.render_json(NAMES, FOUND, Options()))
    assert document["schema"] == "envcheck.diff/1"
    assert document["differences"][1] == {
        "fact": "distributions.installed",
        "subject": "torch",
        "a": "2.13.0+cu130",
        "b": "2.13.0+cpu",
    }
