"""CRED: presence and form, never a value."""

from __future__ import annotations

import pytest

UNSET = {
    "credentials.variables": [
        {"name": name, "status": "absent", "problems": []}
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "HF_HOME")
    ],
    "credentials.files": [{"name": "token", "path": "/t", "status": "absent", "problems": []}],
    "credentials.hub.source": None,
}


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


def variables(*items):
    records = [{"name": n, "status": s, "problems": list(p)} for n, s, *p in items]
    return {**UNSET, "credentials.variables": records}


@pytest.mark.parametrize("code", ["CRED101", "CRED102", "CRED103"])
def test_no_credentials_are_no_problem(judged, code):
    assert one(judged(code, UNSET)).status == "pass"
    assert one(judged(code, variables(("HF_TOKEN", "present")))).status == "pass"
    assert one(judged(code, {})).status == "unknown"


def test_malformed(judged):
    facts = variables(("HF_TOKEN", "malformed", "it ends with a newline"))
    finding = one(judged("CRED101", facts))
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert "newline" in finding.title


def test_empty_is_only_a_note(judged):
    facts = variables(("HF_TOKEN", "malformed", "it is empty"))
    assert one(judged("CRED101", facts)).severity == "note"


def test_the_old_name(judged):
    facts = variables(("HUGGING_FACE_HUB_TOKEN", "present"))
    assert one(judged("CRED102", facts)).severity == "note"


def test_files(judged):
    record = {"name": "token", "path": "/t", "status": "unreadable", "problems": ["no"]}
    finding = one(judged("CRED103", {**UNSET, "credentials.files": [record]}))
    assert (finding.severity, finding.remedy.commands) == ("warning", ("hf auth login",))
    record = {"name": "token", "path": "/t", "status": "present", "problems": ["open"]}
    finding = one(judged("CRED103", {**UNSET, "credentials.files": [record]}))
    assert (finding.severity, finding.remedy.commands) == ("note", ("chmod 600 /t",))


REQUIRED = '[[variable]]\nname = "{}"\ncredential = true\noptional = {}\n'


@pytest.mark.parametrize(
    ("status", "optional", "expected"),
    [
        ("present", "false", "pass"),
        ("absent", "false", "fail"),
        ("malformed", "false", "fail"),
        ("present", "true", "pass"),
        ("absent", "true", "pass"),
        ("malformed", "true", "pass"),  # CRED101 tells
    ],
)
def test_required_and_optional(judged, status, optional, expected):
    facts = variables(("WANDB_API_KEY", status, "it is empty"))
    finding = one(judged("CRED201", facts, profile=REQUIRED.format("WANDB_API_KEY", optional)))
    assert finding.status == expected
    assert finding.anchor is not None


def test_a_token_file_serves_as_well(judged):
    facts = {**UNSET, "credentials.hub.source": "the token file"}
    assert (
        one(judged("CRED201", facts, profile=REQUIRED.format("HF_TOKEN", "false"))).status == "pass"
    )


def test_a_variable_that_was_not_looked_for(judged):
    finding = one(judged("CRED201", UNSET, profile=REQUIRED.format("OTHER", "false")))
    assert finding.status == "unknown"
