"""Judging: order, unknowns, crashes, folding, waivers, verdict, exit status."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import json_values

from envcheck import checks
from envcheck.checks.base import Check, NotApplicable
from envcheck.evaluate import evaluate, exit_code, verdict
from envcheck.model.facts import FactSheet
from envcheck.model.finding import STATUSES, Finding, fail, passed


def sheet(**facts):
    entries = {
        key.replace("__", "."): {"status": "known", "value": value} for key, value in facts.items()
    }
    return FactSheet({"schema": "envcheck.facts/1", "facts": entries})


def check(judge, code="TST001", severity="error", requires=()):
    return Check(code, "all is well", severity, judge, requires)


def statuses(report):
    return [finding.status for finding in report.findings]


def test_a_check_without_findings_passes_under_its_title():
    report = evaluate(sheet(), [check(lambda context: None)])
    assert report.findings == (Finding("TST001", "pass", "error", "all is well"),)
    assert (report.verdict, exit_code(report)) == ("pass", 0)


def test_code_and_severity_come_from_the_check_unless_the_finding_has_its_own():
    def judge(context):
        yield fail("broken")
        yield fail("only a remark", severity="note")

    report = evaluate(sheet(), [check(judge, severity="warning")])
    assert [(f.code, f.severity) for f in report.findings] == [
        ("TST001", "warning"),
        ("TST001", "note"),
    ]
    assert (report.verdict, exit_code(report)) == ("warn", 0)


def test_an_unknown_fact_makes_the_finding_unknown_and_says_which():
    report = evaluate(sheet(), [check(lambda context: [passed(context["host.os"])])])
    (finding,) = report.findings
    assert finding.status == "unknown"
    assert finding.evidence[0].fact == "host.os"
    assert (report.verdict, exit_code(report)) == ("pass", 0), "nobody required it"


def test_a_required_unknown_is_inconclusive_and_a_proven_failure_outranks_it():
    def open_question(context):
        yield Finding("", "unknown", "", "memory", required=True)

    report = evaluate(sheet(), [check(open_question)])
    assert (report.verdict, exit_code(report)) == ("inconclusive", 3)
    broken = check(lambda context: [fail("broken")], code="TST002")
    report = evaluate(sheet(), [check(open_question), broken])
    assert (report.verdict, exit_code(report)) == ("fail", 1)


def test_a_check_that_raises_is_a_crash_and_keeps_what_it_had_found():
    def judge(context):
        yield fail("first", severity="note")
        raise ZeroDivisionError("oops")

    report = evaluate(sheet(), [check(judge), check(lambda context: None, code="TST002")])
    assert statuses(report) == ["fail", "crash", "pass"]
    assert "ZeroDivisionError: oops" in report.findings[1].detail
    assert exit_code(report) == 4


def test_not_applicable_is_a_skip_with_its_reason():
    def judge(context):
        raise NotApplicable("there is no GPU")

    report = evaluate(sheet(), [check(judge)])
    assert (statuses(report), report.findings[0].detail) == (["skip"], "there is no GPU")


def test_consequences_are_folded_under_their_cause_only_if_that_failed():
    consequence = check(lambda context: [fail("no device")], code="TST002", requires=("TST001",))
    broken = evaluate(sheet(), [check(lambda context: [fail("no driver")]), consequence])
    assert [finding.cause for finding in broken.findings] == ["", "TST001"]
    sound = evaluate(sheet(), [check(lambda context: None), consequence])
    assert [finding.cause for finding in sound.findings] == ["", ""]


def test_what_is_unknown_is_folded_under_a_required_unknown_cause_too():
    for required, consequence_status, cause in (
        (True, "unknown", "TST001"),
        (False, "unknown", ""),
        (True, "fail", ""),
    ):
        source = Finding("", "unknown", "", "the driver hangs", required=required)
        finding = Finding("", consequence_status, "", "no device")
        consequence = check(lambda _, found=finding: [found], "TST002", requires=("TST001",))
        report = evaluate(sheet(), [check(lambda _, found=source: [found]), consequence])
        assert report.findings[1].cause == cause


@pytest.mark.parametrize(
    ("threshold", "severity", "expected"),
    [
        ("error", "error", 1),
        ("error", "warning", 0),
        ("warning", "warning", 1),
        ("warning", "note", 0),
        ("note", "note", 1),
        ("never", "error", 0),
    ],
)
def test_fail_on(threshold, severity, expected):
    broken = check(lambda context: [fail("broken")], severity=severity)
    assert exit_code(evaluate(sheet(), [broken], fail_on=threshold)) == expected


VALUES = json_values(size=4)


@pytest.fixture(scope="module")
def loaded():
    return checks.load()


@settings(max_examples=150, deadline=None)
@given(document=st.dictionaries(st.text(), VALUES))
def test_no_document_however_odd_makes_evaluate_raise(loaded, document):
    report = evaluate(FactSheet(document), loaded)
    assert {finding.status for finding in report.findings} <= set(STATUSES)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_value_of_a_fact_makes_evaluate_raise(loaded, data):
    names = FACT_NAMES or ["host.os"]
    chosen = data.draw(st.lists(st.sampled_from(names), max_size=12, unique=True))
    facts = {
        name: data.draw(st.fixed_dictionaries({"status": st.just("known"), "value": VALUES}))
        for name in chosen
    }
    report = evaluate(FactSheet({"schema": "envcheck.facts/1", "facts": facts}), loaded)
    assert report.verdict in ("pass", "warn", "fail", "inconclusive")


def _fact_names():
    """Every fact that an agent here reports: asked of the real one."""
    from envcheck.targets.base import AgentRequest
    from envcheck.targets.interpreter import this_interpreter

    return sorted(this_interpreter().start(AgentRequest()).finish())


FACT_NAMES = _fact_names()


@given(
    st.lists(
        st.builds(
            Finding,
            st.just("X"),
            st.sampled_from(STATUSES),
            st.sampled_from(("error", "warning", "note")),
            st.just("t"),
        )
    )
)
def test_verdict_is_pass_only_if_nothing_above_a_note_failed(findings):
    failed = any(f.open and f.severity != "note" for f in findings)
    if verdict(findings) == "pass":
        assert not failed
