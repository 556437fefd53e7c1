"""When a requirement applies: wishes first, then facts, and unknown where neither tells."""

import pytest

from envcheck import profiles
from envcheck.checks.base import Check, Context
from envcheck.evaluate import evaluate
from envcheck.model.condition import CONDITIONS, WANTS
from envcheck.model.facts import FactSheet
from envcheck.model.finding import fail, passed


def context(*wants, profile=None, **facts):
    entries = {
        key.replace("__", "."): (
            {"status": "unknown", "reason": "a test says so"}
            if value is None
            else {"status": "absent"}
            if value is ...
            else {"status": "known", "value": value}
        )
        for key, value in facts.items()
    }
    return Context(FactSheet({"facts": entries}), profile, wants=frozenset(wants))


LAUNCH = "launch__accelerate__config__values"


@pytest.mark.parametrize(
    ("condition", "facts", "holds"),
    [
        ("linux", {"host__os": "linux"}, True),
        ("linux", {"host__os": "darwin"}, False),
        ("linux", {"host__os": None}, None),
        ("x86_64", {"host__arch": "AMD64"}, True),
        ("aarch64", {"host__arch": "arm64"}, True),
        ("x86_64", {"host__arch": "aarch64"}, False),
        ("x86_64", {}, None),
        ("cuda", {"devices__kinds": ["cuda"], "devices__undecided": {}}, True),
        ("cuda", {"devices__kinds": [], "devices__undecided": {}}, False),
        ("cuda", {"devices__kinds": ...}, False),
        ("cuda", {"devices__kinds": None}, None),
        ("cuda", {"devices__kinds": ["rocm"], "devices__undecided": {"cuda": "hung"}}, None),
        ("rocm", {"devices__kinds": None, "devices__undecided": {"cuda": "hung"}}, False),
        ("cuda", {"devices__kinds": [], "torch__build__kind": "cuda"}, False),
        ("extensions", {"devices__kinds": ["cuda"]}, False),
        ("fsdp", {LAUNCH: {"distributed_type": "FSDP"}}, True),
        ("deepspeed", {LAUNCH: {"distributed_type": "FSDP"}}, False),
        ("distributed", {LAUNCH: {"distributed_type": "FSDP"}}, True),
        ("distributed", {LAUNCH: {"distributed_type": "NO", "num_processes": 1}}, False),
        ("distributed", {LAUNCH: {"num_processes": 2}}, True),
        ("distributed", {LAUNCH: ...}, False),
        ("distributed", {LAUNCH: None}, None),
        ("bf16", {LAUNCH: {"mixed_precision": "bf16"}}, True),
        ("fp16", {LAUNCH: {"mixed_precision": "bf16"}}, False),
        ("fp8", {LAUNCH: "nonsense"}, False),
    ],
)
def test_facts_decide_where_nobody_wishes(condition, facts, holds):
    assert context(**facts).holds(condition) is holds


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_wish_decides_whatever_the_facts_say(condition):
    assert context(condition).holds(condition) is True
    assert context(f"no-{condition}", condition).holds(condition) is False
    assert {condition, f"no-{condition}"} <= WANTS.keys()


def test_fsdp_or_deepspeed_wanted_is_distributed():
    assert context("fsdp").holds("distributed") is True


def test_who_wants_the_cpu_has_no_requirements_on_devices():
    profile = profiles.loads(
        '[[device]]\nany = ["cuda"]\n[[driver]]\nrequires = ">=500"\n[[memory]]\nminimum_gib = 1\n'
    )
    cpu = context("cpu", profile=profile, devices__kinds=["cuda"])
    assert cpu.holds("cuda") is False
    assert cpu.requirements("device") == cpu.requirements("driver") == []
    assert len(cpu.requirements("memory")) == 1
    assert len(context(profile=profile).requirements("device")) == 1


UNDECIDED = '[[memory]]\nminimum_gib = 1\nwhen = ["cuda"]\n'


def memory(outcome):
    def judge(context):
        for requirement in context.requirements("memory"):
            yield outcome("memory", anchor=requirement.anchor, severity="error", required=True)

    return Check("TST201", "memory", "error", judge)


def test_a_failure_of_what_may_not_apply_is_unknown_and_a_pass_stays_one():
    sheet = FactSheet({"facts": {}})
    profile = profiles.loads(UNDECIDED)
    (finding,) = evaluate(sheet, [memory(fail)], profile=profile).findings
    assert finding.status == "unknown"
    assert "`cuda`" in finding.detail
    (finding,) = evaluate(sheet, [memory(passed)], profile=profile).findings
    assert finding.status == "pass"


def test_an_unknown_fact_leaves_open_what_the_check_had_not_come_to():
    def judge(context):
        for number, requirement in enumerate(context.requirements("memory")):
            if number == 1:
                context["limits.memory.effective"]
            yield passed("enough", anchor=requirement.anchor)

    profile = profiles.loads(
        "[[memory]]\nminimum_gib = 1\n"
        '[[memory]]\nminimum_gib = 2\nid = "two"\n'
        '[[memory]]\nminimum_gib = 3\nseverity = "note"\n'
    )
    report = evaluate(
        FactSheet({"facts": {}}), [Check("TST201", "memory", "error", judge)], profile=profile
    )
    assert [(f.status, f.subject, f.required) for f in report.findings] == [
        ("pass", "", False),
        ("unknown", "two", True),
        ("unknown", "memory", False),
    ]
    assert report.verdict == "inconclusive"


def test_a_health_check_that_only_looks_at_the_profile_leaves_nothing_open():
    def judge(context):
        context.asked("memory")
        context["host.os"]

    profile = profiles.loads("[[memory]]\nminimum_gib = 1\n")
    check = Check("TST101", "t", "error", judge)
    report = evaluate(FactSheet({"facts": {}}), [check], profile=profile)
    assert [(f.status, f.anchor, f.required) for f in report.findings] == [("unknown", None, False)]
