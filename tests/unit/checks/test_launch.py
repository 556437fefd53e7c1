"""DST: Accelerate, DeepSpeed, launcher variables, collectives."""

from __future__ import annotations

import pytest

ACCELERATE = [{"name": "accelerate", "version": "1.15.0"}]
CONFIG = "launch.accelerate.config"
BARE = {
    "distributions.installed": ACCELERATE,
    CONFIG: None,
    f"{CONFIG}.status": None,
    f"{CONFIG}.error": None,
    f"{CONFIG}.values": None,
    f"{CONFIG}.keys": None,
    "launch.accelerate.keys": None,
    "launch.deepspeed.configs": [],
    "launch.variables": {},
    "devices.kinds": [],
    "devices.list": [],
    "compute.asked": False,
}
CODES = ["DST101", "DST102", "DST103", "DST104", "DST105", "DST106", "DST107", "DST301"]


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


def configured(devices=0, capability="9.0", **values):
    values = {"distributed_type": "MULTI_GPU", "mixed_precision": "no", **values}
    return {
        **BARE,
        CONFIG: "/c.yaml",
        f"{CONFIG}.status": "ok",
        f"{CONFIG}.values": values,
        f"{CONFIG}.keys": list(values),
        "devices.kinds": ["cuda"] if devices else [],
        "devices.list": [
            {"kind": "cuda", "index": index, "name": "GPU", "compute_capability": capability}
            for index in range(devices)
        ],
    }


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "facts",
    [
        BARE,
        {**BARE, "distributions.installed": []},
        configured(distributed_type="NO", num_processes=1, use_cpu=True),
        configured(devices=8, num_processes=8, mixed_precision="bf16"),
        configured(devices=8, num_processes=16, num_machines=2),
        configured(distributed_type="MULTI_CPU", num_processes=4, use_cpu=True),
        {**BARE, "launch.variables": {"OMP_NUM_THREADS": "4"}},
        {
            **BARE,
            "launch.variables": {
                "WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "set",
            },
        },
    ],
)  # fmt: skip
def test_healthy_machines_are_quiet(judged, code, facts):
    assert one(judged(code, facts)).status in ("pass", "skip")


@pytest.mark.parametrize("status", ["malformed", "empty", "unreadable"])
def test_a_file_that_cannot_be_used(judged, status):
    facts = {**BARE, CONFIG: "/c.yaml", f"{CONFIG}.status": status, f"{CONFIG}.error": "line 2"}
    finding = one(judged("DST101", facts))
    assert (finding.status, finding.severity) == ("fail", "error")
    assert "line 2" in finding.title
    assert one(judged("DST102", facts)).status == "skip"
    without = {**facts, "distributions.installed": []}
    assert one(judged("DST101", without)).status == "skip"


def test_a_file_that_is_not_understood_is_unknown(judged):
    facts = {**BARE, CONFIG: "/c.yaml", f"{CONFIG}.status": "unknown", f"{CONFIG}.error": "anchor"}
    assert one(judged("DST101", facts)).status == "unknown"


@pytest.mark.parametrize(
    ("values", "subject"),
    [
        ({"mixed_precision": False}, "mixed_precision"),  # an unquoted `no`
        ({"mixed_precision": "float16"}, "mixed_precision"),
        ({"distributed_type": "GPU"}, "distributed_type"),
    ],
)
def test_values_that_accelerate_refuses(judged, values, subject):
    finding = one(judged("DST102", configured(**values)))
    assert (finding.status, finding.subject) == ("fail", subject)


def test_keys_that_accelerate_refuses(judged):
    facts = configured(devices=1, new_key=1)
    assert one(judged("DST102", facts)).status == "pass"  # what it accepts is not known
    facts["launch.accelerate.keys"] = ["distributed_type", "mixed_precision"]
    assert one(judged("DST102", facts)).subject == "new_key"


def test_a_missing_kind(judged):
    facts = {**configured(), f"{CONFIG}.values": {}, f"{CONFIG}.keys": ["num_processes"]}
    assert one(judged("DST102", facts)).subject == "distributed_type"


def test_more_processes_than_devices(judged):
    finding = one(judged("DST103", configured(devices=1, num_processes=4)))
    assert (finding.status, finding.severity) == ("fail", "error")
    assert finding.remedy.commands == ("accelerate launch --num_processes 1",)
    unknown = {**configured(num_processes=4)}
    del unknown["devices.kinds"]
    assert one(judged("DST103", unknown)).status == "unknown"


def test_precisions_that_do_not_help(judged):
    assert one(judged("DST104", configured(mixed_precision="fp16"))).status == "fail"
    assert one(judged("DST104", configured(1, "7.5", mixed_precision="bf16"))).status == "fail"
    assert one(judged("DST104", configured(1, "8.0", mixed_precision="bf16"))).status == "pass"
    assert one(judged("DST104", configured(1, "7.5", mixed_precision="fp16"))).status == "pass"
    assert one(judged("DST104", configured(mixed_precision="bf16"))).status == "pass"
    measured = {"device": "cpu", "dtype": "bf16", "verdict": "emulated", "why": "40 times"}
    facts = {**configured(mixed_precision="bf16"), "compute.dtypes": [measured]}
    assert "40 times" in one(judged("DST104", facts)).title


def test_several_devices_without_a_configuration(judged):
    facts = {**configured(2), CONFIG: None}
    finding = one(judged("DST105", facts))
    assert (finding.status, finding.severity) == ("fail", "note")
    facts["distributions.installed"] = []
    assert one(judged("DST105", facts)).status == "skip"


def deepspeed(**values):
    record = {"path": "ds.json", "source": "Accelerate's configuration", "status": "ok"}
    return {**BARE, "launch.deepspeed.configs": [{**record, "error": None, "values": {}, **values}]}


def test_deepspeed(judged):
    assert one(judged("DST106", deepspeed())).status == "pass"
    finding = one(judged("DST106", deepspeed(status="missing", error="there is no such file")))
    assert (finding.status, finding.severity) == ("fail", "error")
    stray = deepspeed(status="malformed", error="x", source="working directory")
    assert one(judged("DST106", stray)).severity == "note"
    both = deepspeed(values={"fp16.enabled": True, "bf16.enabled": True})
    assert "both" in one(judged("DST106", both)).title
    auto = deepspeed(values={"fp16.enabled": "auto", "bf16.enabled": "auto"})
    assert one(judged("DST106", auto)).status == "pass"


def test_half_of_a_launcher_s_variables(judged):
    finding = one(judged("DST107", {**BARE, "launch.variables": {"WORLD_SIZE": "2", "RANK": "0"}}))
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert "LOCAL_RANK" in finding.title


def test_collectives(judged):
    facts = {
        **BARE,
        "compute.asked": True,
        "compute.torch.import.status": "ok",
        "compute.collectives": [
            {"backend": "gloo", "status": "error", "reason": "no such host", "processes": 2},
            {"backend": "nccl", "status": "ok"},
        ],
    }
    finding = one(judged("DST301", facts))
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert finding.detail == "No such host."
    wanted = one(judged("DST301", facts, wants=frozenset(["distributed"])))
    assert wanted.severity == "error"
