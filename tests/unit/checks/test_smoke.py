"""SMK3xx: which trial is judged by which code, and what explains what."""

from __future__ import annotations

import pytest
from sheets import sheet

from envcheck import checks
from envcheck.checks import torch_wheels
from envcheck.evaluate import evaluate

CODES = ["SMK301", "SMK302", "SMK303", "SMK304", "SMK305"]


def part(name, dtype="fp32", status="pass", **values):
    return {"part": name, "status": status, "device": "cpu", "dtype": dtype, **values}


HEALTHY = [
    part("processes", processes=2),
    part("mlp"),
    part("mlp", "bf16"),
    part("transformer"),
    part("transformer", "fp16", emulated=True),
    part("resume"),
    part("compile"),
]


def facts(*parts, status="pass", **values):
    return {
        "compute.asked": True,
        "smoke.asked": True,
        "smoke.status": status,
        "smoke.reason": values.pop("reason", None),
        "smoke.torch": "2.13.0",
        "smoke.parts": list(parts),
        **values,
    }


def statuses(judged, *parts, **values):
    """Code -> its statuses, where it is not a single pass."""
    found = {code: [f.status for f in judged(code, facts(*parts, **values))] for code in CODES}
    return {code: said for code, said in found.items() if said != ["pass"]}


def test_a_healthy_target(judged):
    assert statuses(judged, *HEALTHY) == {}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("asked", [{"smoke.asked": False}, {}])
def test_only_with_deep(judged, code, asked):
    (finding,) = judged(code, asked)
    assert (finding.status, finding.detail) == ("skip", "only with --deep")


@pytest.mark.parametrize(
    ("status", "reason"),
    [("skip", "torch is not installed"), ("fail", "import torch: OSError")],
)
def test_a_target_that_cannot_train_at_all_is_nobodys_failure_here(judged, status, reason):
    found = statuses(judged, status=status, reason=reason)
    assert found == {code: ["skip"] for code in CODES}


def test_what_was_not_tried_is_no_pass(judged):
    found = statuses(judged, part("mlp"))
    assert found == {code: ["skip"] for code in CODES[1:]}
    found = statuses(judged, part("mlp"), status="unknown", reason="it did not end")
    assert found == {code: ["unknown"] for code in CODES[1:]}


@pytest.mark.parametrize(
    ("code", "index", "severity"),
    [
        ("SMK304", 0, "error"),
        ("SMK301", 1, "error"),
        ("SMK302", 2, "error"),
        ("SMK301", 3, "error"),
        ("SMK302", 4, "warning"),  # the device only emulates it
        ("SMK303", 5, "error"),
        ("SMK305", 6, "warning"),
    ],
)
def test_each_trial_has_its_code(judged, code, index, severity):
    parts = [dict(one) for one in HEALTHY]
    parts[index].update(status="fail", reason="the loss rose", first_loss=1.0, last_loss=2.0)
    found = statuses(judged, *parts, status="fail")
    assert found == {code: ["fail"]}
    (finding,) = judged(code, facts(*parts, status="fail"))
    assert finding.severity == severity
    assert finding.detail == "The loss rose. Loss: 1 before, 2 after."
    assert f"--part {parts[index]['part']}`" in finding.remedy.text


@pytest.mark.parametrize("index", range(7))
def test_a_trial_without_a_result_is_no_failure(judged, index):
    parts = [dict(one) for one in HEALTHY]
    parts[index].update(status="unknown", reason="it did not end within 9 s")
    (found,) = statuses(judged, *parts, status="unknown").values()
    assert found == ["unknown"]


def test_compile_without_a_compiler(judged):
    parts = [*HEALTHY[:-1], part("compile", status="skip", reason="there is no compiler")]
    assert statuses(judged, *parts) == {"SMK305": ["skip"]}


def test_one_cause_is_told_once():
    broken = [dict(one, status="fail", reason="x") for one in HEALTHY]
    values = {
        "compute.torch.import.status": "ok",
        "compute.tests": "ok",
        "compute.dtypes": [],
        "compute.collectives": [],
        "compute.libraries": [],
        "compute.imports": [],
    }
    known = facts(*broken, status="fail", **values)
    causes = {f.code: f.cause for f in report(known).findings if f.code in CODES}
    assert causes == {"SMK301": "", **dict.fromkeys(CODES[1:], "SMK301")}


def test_processes_that_cannot_talk_are_told_by_the_collectives():
    collectives = [{"backend": "gloo", "status": "error", "reason": "no", "processes": 2}]
    parts = [part("processes", status="fail", reason="Connection refused"), *HEALTHY[1:]]
    known = facts(
        *parts,
        status="fail",
        **{"compute.torch.import.status": "ok", "compute.collectives": collectives},
    )
    found = {finding.code: finding for finding in report(known).findings}
    assert found["DST301"].status == "fail"
    assert (found["SMK304"].status, found["SMK304"].severity) == ("skip", "error")


def report(known):
    return evaluate(sheet(known), checks.load())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ""),
        ({"host.libc.family": "musl"}, "no release of torch has a wheel for musl"),
        ({"interpreter.bits": 32}, "torch has no wheel for a 32-bit Python"),
        ({"host.arch": "riscv64"}, "torch has no wheel for linux on riscv64"),
        ({"interpreter.version": "3.8.18"}, "torch has no wheel for Python 3.8 after 2.4.1"),
        ({"interpreter.version": "3.6.15"}, "torch has no wheel for Python 3.6"),
        (
            {"interpreter.version": "3.99.0"},
            "no wheel of torch for Python 3.99 is known (as of 2026-11-20)",
        ),
        ({"host.libc.version": "2.17"}, "torch has no wheel for glibc 2.17 after 2.6.0"),
        ({"interpreter.version": None}, ""),
        ({"host.os": "darwin", "host.arch": "arm64", "host.libc.family": None}, ""),
        ({"host.os": "plan9"}, ""),
    ],
)
def test_why_there_is_no_torch(values, said):
    usual = {
        "host.os": "linux",
        "host.arch": "x86_64",
        "host.libc.family": "glibc",
        "host.libc.version": "2.39",
        "interpreter.version": "3.12.1",
        "interpreter.bits": 64,
    }
    assert torch_wheels.none_here(sheet({**usual, **values})) == said


def test_a_sheet_that_says_nothing():
    assert torch_wheels.none_here(sheet({})) == ""
