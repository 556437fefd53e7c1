"""PRO and waivers: what applies, what has expired, what tolerates nothing."""

from envcheck import profiles
from envcheck.checks.base import Check
from envcheck.checks.profile import CHECKS
from envcheck.evaluate import evaluate, exit_code
from envcheck.model.facts import FactSheet
from envcheck.model.finding import Waiver, fail

SHEET = FactSheet({"facts": {"host.os": {"status": "known", "value": "linux"}}})


def gpu(context):
    yield fail("no driver", subject="driver")
    yield fail("no device", subject="device")


def report(text, today="2026-11-20", judge=gpu):
    checks = [Check("GPU101", "devices", "error", judge), *CHECKS]
    return evaluate(SHEET, checks, profile=profiles.loads(text), today=today)


def codes(found, status):
    return [finding.code for finding in found.findings if finding.status == status]


def waiver(**keys):
    lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    return f"[[waiver]]\n{lines}"


def test_a_waived_finding_is_counted_and_shown_and_no_longer_fails():
    found = report(waiver(code="GPU101", reason="CPU only", expires="2026-12-31"))
    assert found.counts.waived == 2
    assert found.counts.error == 0
    assert found.findings[0].status == "fail"
    assert found.findings[0].waiver == Waiver("CPU only", "2026-12-31")
    assert (found.verdict, exit_code(found)) == ("pass", 0)
    assert codes(found, "pass") == ["PRO001", "PRO101", "PRO102"]


def test_a_waiver_of_a_family_and_one_of_a_subject():
    assert report(waiver(code="GPU", reason="r")).counts.waived == 2
    found = report(waiver(code="GPU101", subject="driver", reason="r"))
    assert (found.counts.waived, found.counts.error) == (1, 1)
    assert report(waiver(code="GPU102", reason="r")).counts.waived == 0


def test_an_expired_waiver_does_not_apply_and_says_so_at_its_line():
    found = report("\n" + waiver(code="GPU101", reason="soon", expires="2026-11-19"))
    assert found.counts.error == 2
    (expired,) = [finding for finding in found.findings if finding.code == "PRO101"]
    assert (expired.status, expired.severity) == ("fail", "warning")
    assert expired.anchor.line == 2
    assert "soon" in expired.detail
    assert "PRO102" in codes(found, "pass"), "one finding about one waiver is enough"


def test_its_last_day_still_counts():
    assert report(waiver(code="GPU101", reason="r", expires="2026-11-20")).counts.waived == 2


def test_a_waiver_that_tolerates_nothing_is_a_note():
    found = report(waiver(code="GPU101", subject="gone", reason="r"))
    (unused,) = [finding for finding in found.findings if finding.code == "PRO102"]
    assert (unused.status, unused.severity, unused.subject) == ("fail", "note", "gone")


def test_whether_a_waiver_is_used_is_not_said_where_its_codes_were_not_judged():
    assert "PRO102" in codes(report(waiver(code="NET", reason="r")), "pass")


def test_without_a_profile_there_is_nothing_to_say():
    found = evaluate(SHEET, CHECKS, today="2026-11-20")
    assert codes(found, "skip") == ["PRO001", "PRO101", "PRO102"]


def test_the_summary_counts_what_applies_and_what_was_judged():
    def judge(context):
        (requirement,) = context.requirements("memory")
        yield fail("too little", anchor=requirement.anchor)

    found = report(
        "[[memory]]\nminimum_gib = 1\n"
        "[[shared_memory]]\nminimum_gib = 1\n"
        '[[cpu]]\nminimum = 1\nwhen = ["darwin"]\n',
        judge=judge,
    )
    (summary,) = [finding for finding in found.findings if finding.code == "PRO001"]
    assert summary.title == "2 requirements of profile apply"
    assert summary.detail == "1 fail, 1 not judged; 1 of its requirements do not apply here"
