"""What `why`, `matrix compare` and `--as-of` show: read tests/golden/predictions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import prediction_documents as documents
import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from rich.cells import cell_len

from envcheck import schemas
from envcheck.redact import redact_struct
from envcheck.report import dated, matrix_agreement
from envcheck.report import why as why_report
from envcheck.report.matrix import View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Golden = Callable[[str, str], None]

ANSWERS = documents.answers()
#: name -> (documents, reporters)
TABLES: dict[str, tuple[Mapping[str, Any], Mapping[str, Callable[[Any, View], str]]]] = {
    "agreement": (documents.agreements(), matrix_agreement.FORMATS),
    "dated": (documents.days(), dated.FORMATS),
}
CASES = [(kind, case) for kind, (found, _) in TABLES.items() for case in found]
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def problems(name: str, document: object) -> list[str]:
    validator = Draft202012Validator(json.loads(schemas.text(name)))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("case", ANSWERS)
def test_why(case: str, golden: Golden) -> None:
    parts = []
    for width in (120, 80, 50):
        shown = why_report.render(ANSWERS[case], width=width, unicode=width > 50)
        parts += [f"--- {width} columns ".ljust(width, "-"), shown]
    golden(f"predictions/why-{case}.txt", "\n".join(parts))


@pytest.mark.parametrize("case", ["installs", "blocked", "unknown"])
@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_why_fits(case: str, width: int) -> None:
    text = why_report.render(ANSWERS[case], width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_why_in_colours() -> None:
    for document in ANSWERS.values():
        coloured = why_report.render(document, width=80, colour=True)
        assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == why_report.render(document, width=80)


def test_nothing_hostile_reaches_a_terminal() -> None:
    text = why_report.render(ANSWERS["hostile"])
    assert not UNSAFE.search(text)
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    text.encode()
    assert why_report.render(ANSWERS["hostile"], unicode=False).isascii()


@pytest.mark.parametrize("case", ANSWERS)
def test_documents_of_why_are_valid(case: str) -> None:
    document = msgspec.to_builtins(redact_struct(ANSWERS[case]))
    assert problems("why", document) == []
    document["answers"] = [{"prediction": {"target": "x", "class": "conflict"}}]
    assert len(problems("why", document)) == 1


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_tables(kind: str, case: str, golden: Golden) -> None:
    found, formats = TABLES[kind]
    parts = []
    for width in (120, 80):
        shown = formats["text"](found[case], View(width=width))
        assert not UNSAFE.search(shown)
        assert case == "hostile" or max(map(cell_len, shown.splitlines())) <= width
        parts += [f"--- {width} columns ".ljust(width, "-"), shown]
    golden(f"predictions/{kind}-{case}.txt", "\n".join(parts))
    page = formats["markdown"](found[case], View())
    assert not UNSAFE.search(page)
    golden(f"predictions/{kind}-{case}.md", page)


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_documents_of_tables_are_valid(kind: str, case: str) -> None:
    found, formats = TABLES[kind]
    document = json.loads(formats["json"](found[case], View()))
    assert problems(kind, document) == []
    del document["schema"]
    assert problems(kind, document)


def test_markdown_shows_what_is_hostile_as_text() -> None:
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    for found, formats in TABLES.values():
        shown = reader.render(formats["markdown"](found["hostile"], View()))
        assert "<b>" not in shown
        assert "<a " not in shown


def test_a_summary_of_predictions() -> None:
    found = documents.agreements()
    assert matrix_agreement.summary(found["some"]) == (
        "2 of 3 cells as predicted, 2 not judged, disk at most 11.11% off"
    )
    assert matrix_agreement.summary(found["empty"]) == "0 of 0 cells as predicted"


def test_sizes_that_moved() -> None:
    (first, *_), name = documents.days()["some"].groups, "torch 2.10.0 → 2.11.0"
    assert dated.moved(first.moved[0]).startswith(f"{name}: disk -2.")
    assert dated.moved(first.moved[1]) == "numpy 2.4.0 → 2.4.1"
    assert dated.moved(first.moved[2]).startswith("old 1.0 is gone")
    assert dated.moved(first.moved[3]).startswith("new 1.0 is new")
