"""No fact sheet, however odd, makes a check about devices crash."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import json_values

from envcheck import checks, profiles
from envcheck.agent.probes import devices, libraries, nvidia, torch_static
from envcheck.evaluate import evaluate
from envcheck.model.facts import FactSheet

PROFILE = profiles.loads("""
name = "all"
[[device]]
any = ["cuda", "xpu"]
memory_gib = 1
compute_capability = ">=7"
[[driver]]
requires = ">=500"
cuda = ">=12"
[[cuda_toolkit]]
requires = ">=12"
[[cudnn]]
requires = ">=9"
[[dtype]]
name = "bf16"
""")
PROBES = {"nvidia": nvidia, "devices": devices, "torch": torch_static, "libraries": libraries}
FIELDS = [
    (name + "." + field.name, field) for name, probe in PROBES.items() for field in probe.FIELDS
]

words = st.sampled_from(
    ["cuda", "cudnn", "9", "12.8", "8.0", "570.1", "answered", "missing", "hung", "crashed", "/x/y",
     "libcudnn.so.9", "LD_LIBRARY_PATH", "ld.so.cache", "ordinals", "mig", "", "\x1b[2J", "\ud800"]
)  # fmt: skip
numbers = st.sampled_from([0, 1, -1, 9, 18, 34, 100, 802, 803, 804, 999, 10**30, 7.5])
scalars = st.one_of(words, numbers, st.booleans(), st.none())
anything = json_values(scalars, words, depth=2)


def plausible(field: Any) -> st.SearchStrategy[Any]:
    """A value of the declared type, with wrong ones among the items."""
    if field.type in ("records", "record"):
        item = st.fixed_dictionaries(
            {}, optional={part.name: plausible(part) for part in field.item}
        )
        return st.lists(item, max_size=3) if field.type == "records" else item
    kinds = {"string": words, "integer": numbers, "number": numbers, "boolean": st.booleans()}
    if field.type == "strings":
        return st.lists(words, max_size=3)
    return st.one_of(kinds.get(field.type, anything), st.none())


@st.composite
def sheets(draw: st.DrawFn) -> FactSheet:
    facts: dict[str, Any] = {}
    odd = draw(st.booleans())
    for key, field in draw(st.lists(st.sampled_from(FIELDS), max_size=30)):
        value = draw(anything if odd else plausible(field))
        facts[key] = {"status": "known", "value": value}
    return FactSheet({"schema": "envcheck.facts/1", "facts": facts})


@settings(max_examples=300, deadline=None)
@given(sheet=sheets(), profile=st.booleans())
def test_never_crashes(sheet: FactSheet, profile: bool) -> None:
    report = evaluate(sheet, checks.load(("GPU", "DTYPE")), profile=PROFILE if profile else None)
    crashed = [finding for finding in report.findings if finding.status == "crash"]
    assert crashed == []
    for check in checks.load(("ABI",)):
        if check.code.startswith("ABI3"):
            report = evaluate(sheet, [check])
            assert not [finding for finding in report.findings if finding.status == "crash"]


def test_an_ordinal_longer_than_python_converts(judged: Any) -> None:
    facts = {
        "nvidia.visible.value": "9" * 5000,
        "nvidia.visible.kind": "ordinals",
        "nvidia.visible.selection": ["9" * 5000],
        "nvidia.visible.rest": "",
        "nvidia.nvml.devices": [{"index": 0, "uuid": "GPU-0", "name": "A100"}],
        "nvidia.libcuda.whole": None,
        "nvidia.smi.devices": None,
        "nvidia.kernel.version": "580.1",
    }
    for finding in judged("GPU115", facts):
        assert finding.status != "crash", finding.detail
