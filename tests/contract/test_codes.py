"""Every code fails on one literal sheet and passes on another.

``tests/facts/codes/FAMILY.json``: code -> ``fail``, ``pass`` -> facts, of which null is absent,
``{"unknown": REASON}`` unknown, and what is not there unknown too.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sheets import sheet

from envcheck import checks, profiles
from envcheck.evaluate import evaluate

if TYPE_CHECKING:
    from envcheck.model.finding import Finding

FOLDER = Path(__file__).parent.parent / "facts" / "codes"
CASES: dict[str, dict[str, Any]] = {
    code: cases
    for file in sorted(FOLDER.glob("*.json"))
    for code, cases in json.loads(file.read_text(encoding="utf-8")).items()
}
CODES = [check.code for check in checks.load()]
#: Codes that never fail, or never pass, and why.
NEVER = {
    ("PY009", "fail"): "tells what is as it should be",
    ("PRO001", "fail"): "counts what others judge",
    ("GPU109", "fail"): "what cannot be understood is unknown",
    ("GPU117", "pass"): "where no GPU is withheld there is nothing to judge",
}
#: What a title or remedy may begin with besides a lower-case or a capital letter, respectively.
NAMES = ("torch", "pip", "uv", "conda", "envcheck", "accelerate")


def findings(code: str, kind: str) -> list[Finding]:
    """The findings of ``code`` in the report on its sheet."""
    case = CASES[code][kind]
    profile = profiles.loads(case["profile"]) if "profile" in case else None
    report = evaluate(
        sheet(case["facts"], target=case.get("target"), agent=case.get("agent")),
        checks.load(),
        profile=profile,
        wants=frozenset(case.get("wants", ())),
        today=case.get("today", "2026-11-20"),
    )
    return [finding for finding in report.findings if finding.code == code]


def test_every_code_has_its_sheets() -> None:
    wanted = {(code, kind) for code in CODES for kind in ("fail", "pass")} - NEVER.keys()
    there = {(code, kind) for code, cases in CASES.items() for kind in cases}
    assert not wanted - there, (
        f"add facts on which {sorted(wanted - there)} to {FOLDER}/FAMILY.json"
    )
    assert {code for code, _ in there} <= set(CODES), "sheets for codes that do not exist"


@pytest.mark.parametrize("code", [code for code in CODES if "fail" in CASES.get(code, {})])
def test_it_fails(code: str) -> None:
    statuses = {finding.status for finding in findings(code, "fail")}
    assert "fail" in statuses
    assert statuses <= {"fail", "pass"}


@pytest.mark.parametrize("code", [code for code in CODES if "pass" in CASES.get(code, {})])
def test_it_passes(code: str) -> None:
    assert {finding.status for finding in findings(code, "pass")} == {"pass"}


@pytest.mark.parametrize("code", [code for code in CODES if "unknown" in CASES.get(code, {})])
def test_it_is_unknown(code: str) -> None:
    assert "unknown" in {finding.status for finding in findings(code, "unknown")}


@pytest.mark.parametrize("code", [code for code in CODES if "fail" in CASES.get(code, {})])
def test_its_wording(code: str) -> None:
    for finding in findings(code, "fail"):
        if finding.status != "fail":
            continue
        assert finding.title == " ".join(finding.title.split())
        assert not finding.title.endswith(".")
        assert finding.detail == finding.detail.strip()
        assert not re.match("(the|an?|it|its|no|nothing|they|this|both|for|what) ", finding.detail)
        values = [evidence.value for evidence in finding.evidence]
        assert not {"", "{}", "[]", "None"} & set(values), "evidence that says nothing"
        assert len(set(finding.evidence)) == len(finding.evidence), "the same evidence twice"
        if finding.remedy is not None:
            text = finding.remedy.text
            assert text[0].isupper() or text.startswith(NAMES)
            assert not text.endswith((".", " "))
            assert len(set(finding.remedy.commands)) == len(finding.remedy.commands)


def test_every_failure_says_what_to_do() -> None:
    silent = {
        finding.code
        for code, cases in CASES.items()
        if "fail" in cases
        for finding in findings(code, "fail")
        if finding.status == "fail" and finding.remedy is None
    }
    assert silent == set()
