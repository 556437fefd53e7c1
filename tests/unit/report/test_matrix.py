"""Every literal run, as each format writes it: read tests/golden/matrix, that is what users see."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import TYPE_CHECKING

import msgspec
import pytest
import runs

from envcheck.matrix import freshness, reference
from envcheck.model.cell import CAUSES, Run
from envcheck.report.matrix import REPORTERS, View, load
from envcheck.report.matrix_rows import natural, table
from envcheck.report.matrix_values import NOTHING, importing, seconds, size

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = runs.cases()
VIEWS = {
    "160 columns": View(width=160),
    "80 columns": View(width=80),
    "50 columns, ASCII": View(width=50, unicode=False),
}


def fresh(run: Run, view: View, now: str = "2026-11-21T12:00:00Z") -> View:
    return view._replace(freshness=freshness.assess(run, now))


@pytest.mark.parametrize("case", CASES)
def test_text(case: str, golden: Callable[[str, str], None]) -> None:
    run = CASES[case]
    parts = []
    for name, view in VIEWS.items():
        text = load("text").render(run, fresh(run, view))
        parts += [f"--- {name} ".ljust(view.width, "-"), text]
    golden(f"matrix/{case}.txt", "\n".join(parts))


@pytest.mark.parametrize("case", ["seed", "blanks"])
def test_brief_text(case: str, golden: Callable[[str, str], None]) -> None:
    run = CASES[case]
    text = load("text").render(run, fresh(run, View(width=90, brief=True)))
    golden(f"matrix/{case}-brief.txt", text)


@pytest.mark.parametrize("name", [name for name in REPORTERS if name not in ("text", "html")])
@pytest.mark.parametrize("case", ["seed", "blanks", "hostile", "empty"])
def test_documents(case: str, name: str, golden: Callable[[str, str], None]) -> None:
    run = CASES[case]
    text = load(name).render(run, fresh(run, View()))
    golden(f"matrix/{case}{REPORTERS[name][2]}", text.replace("\r\n", "\n"))


def test_page(golden: Callable[[str, str], None]) -> None:
    run = runs.hostile()
    golden("matrix/hostile.html", load("html").render(run, fresh(run, View())))


def test_a_published_table_beside_it(golden: Callable[[str, str], None]) -> None:
    run = runs.as_the_seed()
    answers = reference.answers(reference.load("accelerate-page"), run)
    view = fresh(run, View(answers=answers))
    golden("matrix/against.md", load("markdown").render(run, view))
    golden("matrix/against.txt", load("text").render(run, view))
    assert "Compared with accelerate-page" in load("html").render(run, view)


@pytest.mark.parametrize("case", CASES)
def test_the_first_columns_are_those_of_the_public_pages(case: str) -> None:
    heads = ["python", "os / libc", "status", "wheel", "install", "import", "disk"]
    shown = table(CASES[case])
    assert [column.title for column in shown.columns[:7]] == heads
    assert [column.key for column in shown.columns[-5:]] == [
        "version", "behind", "download", "smoke", "memory",
    ]  # fmt: skip
    assert all(len(row.entries) == len(shown.columns) for row in shown.rows)


@pytest.mark.parametrize("case", CASES)
def test_every_blank_has_a_reason(case: str) -> None:
    shown = table(CASES[case])
    numbers = {note.number for note in shown.notes}
    assert numbers == set(range(1, len(shown.notes) + 1))
    for row in shown.rows:
        for column, entry in zip(shown.columns, row.entries, strict=True):
            if entry.text == NOTHING and row.status in ("pass", "warn"):
                assert row.marks.get(column.key), (row.id, column.key)
        if row.status != "pass":
            assert row.marks["status"], row.id
        assert {n for marks in row.marks.values() for n in marks} <= numbers
    assert all(note.text for note in shown.notes)
    assert {name for note in shown.notes for name in note.cells} <= {row.id for row in shown.rows}


def test_each_cause_is_told_with_a_sentence() -> None:
    shown = table(runs.every_cause())
    kinds = {note.cause: note.kind for note in shown.notes}
    assert set(kinds) == set(CAUSES)
    assert kinds["unavailable"] == kinds["infrastructure"] == kinds["interrupted"] == "not run"
    assert kinds["no-compiler"] == "why"


def test_cells_with_one_reason_share_its_note() -> None:
    shown = table(runs.as_the_seed())
    assert [(note.cause, len(note.cells)) for note in shown.notes] == [
        ("requires-python", 2),
        ("no-wheel", 4),
    ]


def test_a_cell_without_any_words_still_has_a_reason() -> None:
    silent = runs.passed(status="fail", cause="", sentence="", steps=[])
    (note,) = table(runs.run(silent)).notes
    assert note.text == "no reason was recorded"


def test_rows_are_in_the_order_of_numbers() -> None:
    names = [row.id for row in table(runs.as_the_seed()).rows]
    assert names[0] == "3.9-alpine"
    assert names[-1] == "3.13-slim"
    assert sorted(["3.10", "3.9", "3.13t", "3.13"], key=natural) == ["3.9", "3.10", "3.13", "3.13t"]
    assert sorted(["a", "1", ""], key=natural) == ["", "1", "a"]


def test_a_further_axis_is_a_column_and_one_that_has_one_value_is_not() -> None:
    keys = [column.key for column in table(runs.variants()).columns]
    assert keys[7:9] == ["axis installer", "axis torch"]
    assert "axis architecture" not in keys


def test_an_axis_may_have_the_name_of_a_column() -> None:
    cell = runs.cell("3.12-slim", axes={"status": "odd", "import": "\x1b"})
    (row,) = table(runs.run(runs.passed("3.12-slim", cell=cell))).rows
    texts = [entry.text for entry in row.entries]
    assert texts[2] == "pass"
    assert texts[7:9] == ["odd", "\\x1b"]


def test_stale_rows_are_marked_unless_all_are() -> None:
    old = runs.passed("3.11-slim", started="2026-09-01T00:00:00Z")
    run = runs.run(old, runs.passed("3.12-slim"))
    now = "2026-11-21T00:00:00Z"
    assert [row.stale for row in table(run, freshness.assess(run, now)).rows] == [True, False]
    text = load("text").render(run, fresh(run, View(), now))
    assert "STALE" in text
    assert text.count("pass stale") == 1
    run = runs.run(old)
    assert not table(run, freshness.assess(run, now)).rows[0].stale


@pytest.mark.parametrize("case", CASES)
def test_the_json_document_is_the_run(case: str) -> None:
    text = load("json").render(CASES[case], View())
    assert text.isascii()
    again = msgspec.json.decode(text, type=Run)
    if case != "hostile":  # which has a lone surrogate: written as text
        assert again == CASES[case]
    assert msgspec.json.decode(load("json").render(again, View()), type=Run) == again


@pytest.mark.parametrize("case", CASES)
def test_csv_is_read_back_by_others(case: str) -> None:
    text = load("csv").render(CASES[case], View())
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert len(rows) == len(CASES[case].results) + len(CASES[case].missing)
    for row in rows:
        assert None not in row
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())
    if rows:
        seed = ["python", "os / libc", "status", "wheel", "install_seconds", "import_seconds"]
        assert list(rows[0])[1:8] == [*seed, "disk_bytes"]


def test_numbers_in_csv_are_not_rounded() -> None:
    (row,) = csv.DictReader(StringIO(load("csv").render(runs.run(runs.passed()), View())))
    assert row["disk_bytes"] == str(4650 << 20)
    assert float(row["import_seconds"]) == 1.95
    assert float(row["import_minimum_seconds"]) == 1.93
    assert row["import_samples"] == "3"


def test_nothing_observed_is_not_zero() -> None:
    nothing = runs.passed(imports=[], disk=None, distributions=[], download=None, steps=[])
    shown = table(runs.run(nothing))
    texts = [entry.text for entry in shown.rows[0].entries]
    assert "0" not in "".join(texts[3:7])
    (row,) = csv.DictReader(StringIO(load("csv").render(runs.run(nothing), View())))
    assert row["disk_bytes"] == row["import_seconds"] == row["install_seconds"] == ""


@pytest.mark.parametrize(
    ("first", "further", "text"),
    [
        (4.12, 1.95, "4.12/1.95s"),
        (0.0013, 0.0009, "1.3/0.9ms"),
        (0.2, 0.0031, "0.20s/3.1ms"),
        (120.0, 99.0, "120/99.00s"),
    ],
)
def test_an_import_says_its_units_once_if_they_are_the_same(first, further, text) -> None:
    result = runs.passed(imports=[runs.imported("a", first, further)])
    assert importing(result).text == text


def test_what_a_failing_cell_did_observe_is_not_explained_by_its_failure() -> None:
    """It was installed, so that no version is known has another reason than the failed import."""
    cell = runs.passed(status="fail", cause="import-failed", sentence="It fails.", version="")
    (row,) = table(runs.run(cell)).rows
    assert row.marks.keys() == {"status", "version"}


def test_units() -> None:
    assert [seconds(4), seconds(99.994), seconds(117.2)] == ["4.00s", "99.99s", "117s"]
    assert [seconds(0), seconds(0.0013), seconds(0.0999)] == ["0.00s", "1.3ms", "0.10s"]
    assert size(0) == "0B"
    assert size(1023) == "1023B"
    assert size(1024) == "1.0K"
    assert size(1023.99 * 1024) == "1.0M"
    assert size(4.7 * 2**30) == "4.7G"
    assert size(5000 * 2**40) == "5000.0T"


def test_a_sarif_result_points_at_the_matrix_file() -> None:
    run = runs.as_the_seed()
    for view, path in ((View(), "matrices/accelerate.toml"), (View(manifest="m.toml"), "m.toml")):
        (document,) = json.loads(load("sarif").render(run, view))["runs"]
        assert len(document["results"]) == 6
        for result in document["results"]:
            (place,) = result["locations"]
            assert place["physicalLocation"]["artifactLocation"]["uri"] == path
            assert (
                document["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
            )
        marks = {result["partialFingerprints"]["envcheck/v1"] for result in document["results"]}
        assert len(marks) == 6
