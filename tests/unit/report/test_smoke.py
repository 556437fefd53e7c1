"""Smoke training as lines and as a document, whatever the sheet says."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sheets import sheet
from strategies import json_values

import envcheck
from envcheck import schemas
from envcheck.model import smoke
from envcheck.report import smoke as rendering
from envcheck.report.base import Options
from envcheck.report.terminal import render_lines as coloured
from envcheck.report.text import render_lines as plain

PARTS = [
    {"part": "processes", "status": "pass", "device": "cpu", "dtype": "fp32", "processes": 2,
     "seconds": 1.284, "cpu_seconds": 0.91, "first_loss": 0.71, "last_loss": 0.02, "steps": 40},
    {"part": "transformer", "status": "fail", "device": "cuda:0", "dtype": "bf16",
     "seconds": 0.5, "first_loss": 2.303, "last_loss": 2.31,
     "reason": "the loss did not fall: 2.31 after 60 steps, 0.5 was wanted"},
    {"part": "compile", "status": "skip", "device": "cpu", "reason": "there is no C++ compiler"},
]  # fmt: skip


def of(**values):
    facts = {"smoke.status": "fail", "smoke.parts": PARTS, "smoke.reason": "transformer: why",
             "smoke.torch": "2.13.0+cpu", "smoke.import.seconds": 1.0841, **values}  # fmt: skip
    return sheet(facts)


def text(known, width=80, verbose=0, render=plain, **options):
    lines = rendering.lines(known, smoke.read(known), verbose)
    return render(lines, Options(width=width, **options))


def test_lines_of_80_columns():
    assert text(of()) == (
        "Examined python\n"
        "torch    2.13.0+cpu, imported in 1.08 s\n"
        "\n"
        "[✓] processes    cpu     fp32  0.71 → 0.02        1.28 s  40 steps, 2 processes\n"
        "[✗] transformer  cuda:0  bf16  2.3 → 2.31         0.50 s  the loss did not fall:\n"
        "                 2.31 after 60 steps, 0.5 was wanted\n"
        "[-] compile      cpu                                      there is no C++\n"
        "                 compiler\n"
        "\n"
        "Training fails here: 1 passed, 1 failed, 1 skipped\n"
    )


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 200])
@pytest.mark.parametrize("render", [plain, coloured])
def test_any_width(width, render):
    shown = text(of(), width=width, render=render)
    for word in ("processes", "transformer", "compile"):
        assert word in shown


def test_a_stream_that_shows_ascii_only():
    assert text(of(), unicode=False).isascii()


def test_colour():
    shown = text(of(), render=coloured, colour=True)
    assert "\x1b[1;31m[✗]" in shown
    assert "\x1b[32m[✓]" in shown


@pytest.mark.parametrize(
    ("status", "parts", "verdict", "last"),
    [
        (
            "pass",
            PARTS[:1],
            "pass",
            "Training works here: 1 passed in 3.00 s, 0.9 s of processor time",
        ),
        ("pass", [{"part": "script", "status": "pass"}], "pass", "The script passed in 3.00 s"),
        ("fail", [{"part": "script", "status": "fail"}], "fail", "The script failed: why"),
        ("fail", [], "fail", "Training fails here: why"),
        ("skip", [], "inconclusive", "Inconclusive: why"),
        ("unknown", PARTS[:1], "inconclusive", "Inconclusive: why"),
        ("nonsense", [], "inconclusive", "Inconclusive: why"),
    ],
)
def test_the_verdict(status, parts, verdict, last):
    values = {"smoke.status": status, "smoke.parts": parts, "smoke.reason": "why"}
    known = of(**values, **{"smoke.seconds": 3.0})
    assert smoke.read(known).verdict == verdict
    assert text(known).splitlines()[-1] == last


def test_what_a_script_said():
    output = "\n".join(f"  line {n} \x1b[31m" for n in range(20))
    script = {"part": "script", "status": "fail", "reason": "why", "output": output}
    shown = text(of(**{"smoke.parts": [script]}))
    assert "    |   line 19 \\x1b[31m\n" in shown
    assert "line 13" not in shown
    assert "line 0" in text(of(**{"smoke.parts": [script]}), verbose=1)
    passed = {**script, "status": "pass"}
    assert "line 19" not in text(of(**{"smoke.parts": [passed], "smoke.status": "pass"}))


def test_names_that_would_move_the_cursor():
    part = {"part": "\x1b[2J", "status": "pass", "device": "a\nb", "reason": "::error::x"}
    shown = text(of(**{"smoke.parts": [part]}))
    assert "\x1b" not in shown
    assert "a b" in shown


VALUES = json_values(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    st.sampled_from(["part", "status", "seconds", "steps", "first_loss"]),
)


@given(VALUES, VALUES, VALUES)
def test_no_sheet_is_too_odd(status, parts, number):
    known = sheet({"smoke.status": status, "smoke.parts": parts, "smoke.seconds": number})
    assert text(known).endswith("\n")
    made = rendering.document(known, smoke.read(known), version="1", created="now")
    assert json.loads(rendering.render_json(made))["schema"] == "envcheck.smoke/1"


def test_the_document_is_valid_and_has_every_key():
    schema = json.loads(schemas.text("smoke"))
    known = of()
    made = rendering.document(known, smoke.read(known), version="1", created="now")
    assert [error.message for error in Draft202012Validator(schema).iter_errors(made)] == []
    assert made.keys() == schema["properties"].keys()
    record = schema["properties"]["parts"]["items"]
    assert set(record["required"]) == made["parts"][0].keys()


def test_the_parts_are_those_of_the_island():
    """Which is never imported here."""
    file = Path(envcheck.__file__).parent / "smoke" / "__init__.py"
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "PARTS":
            assert ast.literal_eval(node.value) == smoke.PARTS
            return
    raise AssertionError("there are no PARTS")
