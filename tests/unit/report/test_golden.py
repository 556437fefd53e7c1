"""Every literal report, as each format writes it: read these files, that is what users see."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from envcheck.report import REPORTERS, github, load, text
from envcheck.report.base import Options, Rule

if TYPE_CHECKING:
    from types import ModuleType

    from envcheck.model.finding import Report

Golden = Callable[[str, str], None]
VIEWS = {
    "100 columns": Options(width=100),
    "80 columns, -v": Options(width=80, verbose=1),
    "40 columns": Options(width=40),
    "60 columns, -q, ASCII": Options(width=60, verbose=-1, unicode=False),
}
RULES = {
    "PKG201": Rule(
        "a required distribution is there in the right version",
        "error",
        "A distribution is missing or its version does not fit.",
        "A distribution is missing or its version does not fit.\n\n## Remedy\n\nInstall it.\n",
    )
}


def test_text(report_case: Report, golden: Golden, request: pytest.FixtureRequest) -> None:
    parts = []
    for name, options in VIEWS.items():
        parts += [f"--- {name} ".ljust(options.width, "-"), text.render(report_case, options)]
    case = request.node.callspec.id
    golden(f"text/{case}.txt", "\n".join(parts))


@pytest.mark.parametrize("name", sorted(set(REPORTERS) - {"text", "terminal"}))
@pytest.mark.parametrize("case", ["broken", "hostile", "empty"])
def test_document(name: str, case: str, reports: ModuleType, golden: Golden) -> None:
    suffix = REPORTERS[name][2]
    options = Options(rules=RULES, root="/home/ann/proj")
    golden(f"{name}/{case}{suffix}", load(name).render(reports.cases()[case], options))


def test_terminal(reports: ModuleType, golden: Golden) -> None:
    written = load("terminal").render(reports.cases()["broken"], Options(width=80, colour=True))
    golden("terminal/broken.txt", written.replace("\x1b", "␛"))


def test_facts(reports: ModuleType, golden: Golden) -> None:
    report = reports.cases()["healthy"]
    golden("text/healthy-vv.txt", text.render(report, Options(width=80, verbose=2)))
    golden("json/healthy-vv.json", load("json").render(report, Options(verbose=2)))


def test_many_annotations(reports: ModuleType, golden: Golden) -> None:
    report = reports.cases()["many"]
    golden("github/many.txt", github.render(report, Options()))
    golden("github/summary.md", github.summary(report, Options()))
