"""CUDA_VISIBLE_DEVICES and MIG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.gpu.conftest import Case

A100 = f"NVIDIA A100-SXM4-80GB;8.0;{80 << 30}"
FIRST = "GPU-a0a0a0a0-a0a0-a0a0-a0a0-a0a0a0a0a0a0"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("all", "hides every GPU"),
        ("none", "hides every GPU"),
        ("abc", "hides every GPU"),
        ("0,0", "repeated"),
        ("0;1", "[0]"),
        ("1gpu2", "[1]"),
        ("0,x,1", "[0]"),
        ("0,-1,1", "[0]"),
        ("2", "beyond the last GPU"),
        ("0,7", "[0]"),
        ("+", "ValueError"),
        ("GPU-ffff", "no GPU of this machine"),
        (FIRST + ",MIG-1", "in one list"),
    ],
)
def test_mistakes(case: Case, value: str, words: str) -> None:
    case.machine.driver(A100, A100).env["CUDA_VISIBLE_DEVICES"] = value
    found = case.findings()
    assert list(found) == ["GPU115"]
    assert words in f"{found['GPU115'].title} {found['GPU115'].detail}"
    assert found["GPU115"].remedy.commands == ("export CUDA_VISIBLE_DEVICES=0,1",)


@pytest.mark.parametrize(
    "value", ["0", "1,0", " 0 , 1 ", "00,1", FIRST, FIRST[:8], "", "-1", "0,1,"]
)
def test_in_order(case: Case, value: str) -> None:
    case.machine.driver(A100, A100).env["CUDA_VISIBLE_DEVICES"] = value
    found = case.findings()
    assert value == "0,1," or found == {}


def test_mistake_without_any_gpu(case: Case) -> None:
    case.machine.env["CUDA_VISIBLE_DEVICES"] = "all"
    assert case.findings()["GPU115"].severity == "warning"


def test_hidden_when_a_device_is_wanted(case: Case) -> None:
    case.machine.driver(A100).env["CUDA_VISIBLE_DEVICES"] = ""
    assert case.findings(wants=["cuda"])["GPU115"].severity == "error"


def test_what_is_hidden_is_still_seen(case: Case) -> None:
    case.machine.driver(A100, A100).env["CUDA_VISIBLE_DEVICES"] = "1"
    sheet = case.sheet()
    assert len(sheet["devices.list"]) == 1
    assert len(sheet["nvidia.libcuda.whole"]) == 2
    assert len(sheet["nvidia.nvml.devices"]) == 2


def test_more_hip_than_rocr_devices(case: Case) -> None:
    case.machine.torch("2.9.0+rocm6.4", hip="6.4.1")
    case.machine.env.update(HIP_VISIBLE_DEVICES="0,1", ROCR_VISIBLE_DEVICES="2")
    assert list(case.findings()) == ["GPU118"]
    case.machine.env["HIP_VISIBLE_DEVICES"] = "0"
    assert case.findings() == {}


def test_two_mig_devices_are_one(case: Case) -> None:
    case.machine.driver(A100, mig=2).env["CUDA_VISIBLE_DEVICES"] = "MIG-a,MIG-b"
    found = case.findings()
    assert list(found) == ["GPU116"]
    assert "device_count() is 1" in found["GPU116"].detail


def test_mig_mode_without_instances(case: Case) -> None:
    case.machine.driver(A100, mig=0).env["FAKE_CUDA_INIT"] = "100"
    found = case.findings()
    assert list(found) == ["GPU116"]
    assert found["GPU116"].severity == "error"


def test_mig_mode_with_instances_is_in_order(case: Case) -> None:
    case.machine.driver(A100, mig=3)
    assert case.findings() == {}
    uuids = case.sheet()["nvidia.nvml.devices"][0]["mig_devices"]
    assert len(uuids) == 3
    assert all(uuid.startswith("MIG-") for uuid in uuids)
