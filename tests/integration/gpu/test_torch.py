"""Builds of torch against drivers and GPUs: what cannot work, and what works after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.gpu.conftest import Case

G = 1 << 30
T4 = f"Tesla T4;7.5;{15 * G}"
A100 = f"NVIDIA A100-SXM4-80GB;8.0;{80 * G}"
L4 = f"NVIDIA L4;8.9;{23 * G}"
V100 = f"Tesla V100-SXM2-16GB;7.0;{16 * G}"
GTX1080 = f"NVIDIA GeForce GTX 1080 Ti;6.1;{11 * G}"
RTX5090 = f"NVIDIA GeForce RTX 5090;12.0;{32 * G}"


def command(finding: object) -> str:
    return " && ".join(finding.remedy.commands)  # type: ignore[attr-defined]


def test_cuda_13_wheel_on_an_older_driver(case: Case) -> None:
    case.machine.driver(A100, version="12.8", driver="570.86.10").torch("2.15.0", "13.2")
    found = case.findings()
    assert list(found) == ["GPU111"]
    assert "580" in found["GPU111"].title
    assert "570.86.10" in found["GPU111"].title
    assert "--torch-backend cu126" in command(found["GPU111"])
    assert "torch==2.15.0" in command(found["GPU111"])


def test_newer_minor_is_healthy(case: Case) -> None:
    """Scenario 10: minor-version compatibility."""
    case.machine.driver(A100, version="12.2", driver="535.183.01").torch("2.10.0+cu128", "12.8")
    report = case.report()
    assert not [f for f in report.findings if f.status in ("fail", "unknown", "crash")]
    finding = next(f for f in report.findings if f.code == "GPU111")
    assert "minor-version" in finding.detail
    assert "PTX" in finding.detail


@pytest.mark.parametrize(
    "driver", [("13.0", "580.65.06"), ("12.2", "525.60.13"), ("12.8", "999.1")]
)
def test_newer_drivers_run_older_runtimes(case: Case, driver: tuple[str, str]) -> None:
    version, name = driver
    case.machine.driver(A100, version=version, driver=name).torch("2.6.0+cu124", "12.4")
    assert case.findings() == {}


def test_driver_below_the_minimum_of_its_own_major(case: Case) -> None:
    case.machine.driver(A100, version="12.0", driver="525.50").torch("2.6.0+cu124", "12.4")
    assert list(case.findings()) == ["GPU111"]


def test_forward_compatibility_package(case: Case) -> None:
    machine = case.machine
    machine.libraries = machine.folder / "cuda" / "compat"
    machine.libraries.mkdir(parents=True)
    machine.env["LD_LIBRARY_PATH"] += f":{machine.libraries}"
    machine.cuda(A100, version="13.0", driver="580.65.06")
    machine.libraries = machine.folder / "lib"
    machine.nvml(version="12.8", driver="570.86.10").torch("2.15.0", "13.2")
    report = case.report(edit={"nvidia.kernel.version": "570.86.10"})
    assert report.sheet["nvidia.libcuda.compat"] is True
    assert not [f for f in report.findings if f.status in ("fail", "unknown", "crash")]


def test_cuda_newer_than_any_table(case: Case) -> None:
    case.machine.driver(A100, version="14.1", driver="660.10").torch("3.0.0", "14.0")
    found = case.findings()
    assert {code: finding.status for code, finding in found.items()} == {"GPU113": "unknown"}


def test_cpu_build_on_a_gpu_machine(case: Case) -> None:
    case.machine.driver(A100).torch("2.13.0+cpu")
    found = case.findings()
    assert list(found) == ["GPU112"]
    assert found["GPU112"].severity == "warning"
    assert "CPU build" in found["GPU112"].title
    assert "--torch-backend cu126" in command(found["GPU112"])  # the driver has CUDA 12.8
    assert "torch==2.13.0" in command(found["GPU112"])
    assert case.findings(wants=["cuda"])["GPU112"].severity == "error"


def test_build_for_other_devices(case: Case) -> None:
    case.machine.driver(A100).torch("2.13.0+rocm6.4", hip="6.4.1")
    assert list(case.findings()) == ["GPU112"]


@pytest.mark.parametrize(
    ("torch", "cuda", "device", "backend"),
    [
        ("2.6.0+cu124", "12.4", RTX5090, "cu132"),  # newer than the wheel
        ("2.4.1", "12.1", RTX5090, "cu132"),
        ("2.15.0", "13.2", GTX1080, "cu126"),  # dropped
        ("2.15.0", "13.2", V100, "cu126"),
        ("2.11.0+cu128", "12.8", V100, "cu126"),
        ("2.10.0+cu128", "12.8", GTX1080, "cu126"),
    ],
)
def test_no_code_for_the_gpu(case: Case, torch: str, cuda: str, device: str, backend: str) -> None:
    case.machine.driver(device, version="13.2", driver="590.10").torch(torch, cuda)
    found = case.findings()
    assert found["GPU113"].status == "fail"
    assert "table" in found["GPU113"].detail
    assert f"--torch-backend {backend}" in command(found["GPU113"])
    assert all(finding.cause == "GPU113" for code, finding in found.items() if code != "GPU113")


@pytest.mark.parametrize(
    ("torch", "cuda", "capability"),
    [
        ("2.15.0", "13.2", "8.9"),
        ("2.15.0", "13.2", "10.3"),
        ("2.15.0", "13.2", "12.1"),
        ("2.6.0+cu124", "12.4", "8.9"),
        ("2.13.0+cu126", "12.6", "6.1"),
        ("2.10.0+cu128", "12.8", "7.0"),
    ],
)
def test_the_same_major_is_covered(case: Case, torch: str, cuda: str, capability: str) -> None:
    """Scenario 14."""
    case.machine.driver(f"GPU;{capability};{G}", version="13.2", driver="590.10").torch(torch, cuda)
    assert case.findings("fail") == {}


def test_own_arch_list_is_believed_over_the_table(case: Case) -> None:
    case.machine.driver(V100, version="13.2", driver="590.10").torch("2.15.0", "13.2")
    assert "GPU113" not in case.findings(edit={"compute.torch.arch_list": ["sm_70", "sm_90"]})
    found = case.findings(edit={"compute.torch.arch_list": ["sm_80", "sm_90a"]})
    assert "get_arch_list" in found["GPU113"].detail
    found = case.findings(edit={"compute.torch.arch_list": ["sm_90", "compute_60"]})
    assert found["GPU113"].severity == "note"  # compiled at first use


def test_cudnn_refuses_an_old_gpu_beside_a_new_one(case: Case) -> None:
    machine = case.machine.driver(V100, A100).torch(
        "2.12.0+cu126", "12.6", ["nvidia-cudnn-cu12==9.20.0.48; platform_system == 'Linux'"]
    )
    machine.distribution("nvidia-cudnn-cu12", "9.20.0.48")
    arch_list = ["sm_50", "sm_70", "sm_80", "sm_90"]
    found = case.findings(edit={"compute.torch.arch_list": arch_list})
    assert list(found) == ["GPU114"]
    assert "V100" in found["GPU114"].title
    assert "A100" not in found["GPU114"].title
    assert found["GPU114"].remedy.commands == ("export CUDA_VISIBLE_DEVICES=1",)


def test_an_older_cudnn_accepts_it(case: Case) -> None:
    machine = case.machine.driver(V100).torch("2.10.0", "12.8", ["nvidia-cudnn-cu12==9.10.2.21"])
    machine.distribution("nvidia-cudnn-cu12", "9.10.2.21")
    assert case.findings() == {}


@pytest.mark.parametrize("home", [None, "/nonexistent"])
def test_no_toolkit_is_needed(case: Case, home: str | None) -> None:
    """Scenario 49: CUDA_HOME unset with a plain wheel is no problem."""
    case.machine.driver(A100, version="13.2", driver="590.10").torch("2.15.0", "13.2")
    if home:
        case.machine.env["CUDA_HOME"] = home
    assert case.findings() == {}


def test_cuda_torch_on_a_machine_without_gpu(case: Case) -> None:
    case.machine.torch("2.15.0", "13.2")
    assert case.findings() == {}


def test_torch_seen_from_outside(case: Case) -> None:
    case.machine.torch("2.15.0", "13.2", ["nvidia-cudnn-cu13==9.26.0.51"])
    sheet = case.sheet()
    assert sheet["torch.build.kind"] == "cuda"
    assert sheet["torch.pins"][0]["version"] == "9.26.0.51"
    assert sheet["torch.location"] == str(case.machine.site / "torch")
