"""Whatever a fact sheet holds, the checks of interpreter, host and resources do not crash."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envcheck import checks, profiles
from envcheck.agent.probes import host, interpreter, limits
from envcheck.evaluate import evaluate
from envcheck.model.facts import FactSheet

FIELDS = [
    (f"{name}.{field.name}", field)
    for name, probe in (("interpreter", interpreter), ("host", host), ("limits", limits))
    for field in probe.FIELDS
]
ITEMS = sorted({item.name for _, field in FIELDS for item in field.item})
TEXT = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["linux", "glibc", "musl", "x86_64", "3.11.7", "2.36", "HF_HOME", "TMPDIR"]),
)
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT)
RECORD = st.dictionaries(st.one_of(st.sampled_from(ITEMS), TEXT), SCALAR, max_size=12)
VALUE = st.one_of(SCALAR, RECORD, st.lists(st.one_of(SCALAR, RECORD), max_size=4))
ENTRY = st.one_of(
    st.builds(lambda value: {"status": "known", "value": value}, VALUE),
    st.just({"status": "absent"}),
    st.just({"status": "unknown", "reason": "odd"}),
    SCALAR,
)
KEYS = [key for key, _ in FIELDS] + ["torch.installed", "distributions.installed"]
FACTS = st.dictionaries(st.sampled_from(KEYS), ENTRY, max_size=len(KEYS))
PROFILE = profiles.loads(
    """
name = "everything"
[[python]]
requires = ">=3.10"
implementation = "cpython"
free_threaded = false
[[os]]
any = ["linux"]
[[libc]]
family = "glibc"
minimum = "2.28"
[[wheel_tag]]
any = ["manylinux_2_28_x86_64"]
[[distribution]]
requires = "torch>=2.2"
[[memory]]
minimum_gib = 1
[[disk]]
path = "HF_HOME"
minimum_gib = 1
inodes = 10
[[shared_memory]]
minimum_gib = 1
[[cpu]]
minimum = 2
features = ["avx2"]
[[file]]
path = "/x"
"""
)
CHECKS = checks.load(("PY", "OS", "RES"))


@settings(max_examples=300, deadline=None)
@given(facts=FACTS, target=RECORD, with_profile=st.booleans())
def test_no_check_crashes(facts, target, with_profile):
    sheet = FactSheet({"facts": facts, "target": target})
    profile = PROFILE if with_profile else None
    report = evaluate(sheet, CHECKS, profile=profile, today="2026-11-20")
    crashed = [f"{f.code}: {f.detail}" for f in report.findings if f.status == "crash"]
    assert not crashed


ODD = (5, "x", True, [1, {}], {"a": 1}, float("inf"), float("nan"), -1, 10**400, [["x"]], [], [{}])
ODD += ([{"label": [], "free": {}, "path": 3, "entry": 1, "module": {}, "variable": []}],)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("arch", ["x86_64", None])
def test_one_odd_value_among_usual_ones(key, arch):
    for value in ODD:
        facts = {name: {"status": "absent"} for name in KEYS}
        facts["host.arch"] = {"status": "known", "value": arch}
        facts["host.libc.family"] = {"status": "known", "value": "glibc"}
        facts["interpreter.is_venv"] = {"status": "known", "value": True}
        facts[key] = {"status": "known", "value": value}
        report = evaluate(FactSheet({"facts": facts}), CHECKS, profile=PROFILE, today="2026-11-20")
        crashed = [f"{f.code}: {f.detail}" for f in report.findings if f.status == "crash"]
        assert not crashed, value


def of_type(field):
    """Odd values of the declared type."""
    by_type = {
        "string": st.text(max_size=20),
        "integer": st.integers(),
        "number": st.floats(allow_nan=False),
        "boolean": st.booleans(),
        "strings": st.lists(st.text(max_size=8), max_size=4),
        "map": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    }
    if field.type in by_type:
        return by_type[field.type]
    item = st.fixed_dictionaries(
        {inner.name: st.one_of(st.none(), of_type(inner)) for inner in field.item}
    )
    return item if field.type == "record" else st.lists(item, max_size=4)


@settings(max_examples=100, deadline=None)
@given(
    facts=st.fixed_dictionaries(
        {key: st.one_of(st.none(), of_type(field)) for key, field in FIELDS}
    )
)
def test_odd_values_of_the_declared_types(facts):
    document = {
        key: {"status": "absent"} if value is None else {"status": "known", "value": value}
        for key, value in facts.items()
    }
    report = evaluate(FactSheet({"facts": document}), CHECKS, profile=PROFILE, today="2026-11-20")
    assert not report.counts.crash, [f.detail for f in report.findings if f.status == "crash"]
