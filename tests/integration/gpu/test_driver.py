"""The driver, broken in every way that a fake can be, and healthy."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.gpu.conftest import Case

T4 = f"Tesla T4;7.5;{15 << 30}"
A100 = f"NVIDIA A100-SXM4-80GB;8.0;{80 << 30}"


def test_nothing_there_says_nothing(case: Case) -> None:
    sheet = case.sheet()
    assert sheet["devices.kinds"] == []
    assert sheet["nvidia.libcuda.status"] == "missing"
    assert case.findings() == {}


def test_healthy_driver(case: Case) -> None:
    case.machine.driver(A100, A100)
    sheet = case.sheet()
    assert sheet["devices.kinds"] == ["cuda"]
    assert sheet["nvidia.libcuda.cuda"] == "12.8"
    assert sheet["nvidia.libcuda.version"] == "570.86.10"
    assert sheet["nvidia.nvml.driver"] == "570.86.10"
    first, second = sheet["devices.list"]
    assert first["compute_capability"] == "8.0"
    assert first["memory"] == 80 << 30
    assert second["index"] == 1
    uuids = [device["uuid"] for device in sheet["nvidia.libcuda.devices"]]
    assert uuids == [device["uuid"] for device in sheet["nvidia.nvml.devices"]]
    assert case.findings() == {}


@pytest.mark.parametrize("build", [("V1",), ("BARE",)])
def test_libraries_with_fewer_functions(case: Case, build: tuple[str, ...]) -> None:
    case.machine.cuda(T4, build=build).nvml(build=("V1",))
    sheet = case.sheet()
    assert sheet["nvidia.libcuda.init"] == 0
    assert sheet["nvidia.nvml.cuda"] == "12.8"
    assert sheet["nvidia.nvml.devices"][0]["name"] == "Tesla T4"
    if build == ("V1",):
        assert sheet["nvidia.libcuda.devices"][0]["memory"] == 15 << 30
    else:
        assert sheet.fact("nvidia.libcuda.devices").status == "unknown"


def test_eight_devices_with_hostile_names(case: Case) -> None:
    names = [f"GPU {n}" for n in range(7)] + ["\x1b[2J\x1b[31mred\x07<b>`@"]
    case.machine.driver(*(f"{name};9.0;{80 << 30}" for name in names))
    sheet = case.sheet()
    assert len(sheet["devices.list"]) == 8
    assert sheet["devices.list"][7]["name"] == names[7]
    assert case.findings() == {}


def test_a_name_that_is_not_utf8(case: Case) -> None:
    case.machine.driver(os.fsdecode(b"Quadro \xff\xfe") + ";8.6;1")
    assert case.sheet()["devices.list"][0]["name"] == "Quadro \ufffd\ufffd"


def test_driver_and_library_mismatch(case: Case) -> None:
    case.machine.cuda(T4, init=803).nvml(init=18)
    case.machine.smi("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    found = case.findings(edit={"nvidia.kernel.version": "570.133.20"})
    assert list(found) == ["GPU101"]
    finding = found["GPU101"]
    assert finding.status == "fail"
    assert "570.133.20" in finding.title
    assert "570.86.10" in finding.title
    assert finding.remedy is not None
    assert "eboot" in finding.remedy.text or "estart" in finding.remedy.text
    assert "torch" not in finding.remedy.text


def test_mismatch_told_by_nvidia_smi_alone(case: Case) -> None:
    case.machine.smi("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    found = case.findings()
    assert list(found) == ["GPU101"]
    assert any("mismatch" in evidence.value for evidence in found["GPU101"].evidence)


@pytest.mark.parametrize("init", [100, 999])
def test_module_not_loaded(case: Case, init: int) -> None:
    case.machine.cuda(init=init).nvml(init=9)
    case.machine.smi("echo 'NVIDIA-SMI has failed because it could not communicate'; exit 9")
    found = case.findings()
    assert list(found) == ["GPU102"]
    assert "Secure Boot" in found["GPU102"].detail
    found = case.findings(edit={"nvidia.kernel.modules": ["nouveau"], "nvidia.bus.gpus": 1})
    assert found["GPU102"].severity == "error"
    assert "nouveau" in found["GPU102"].detail
    assert "toolkit" not in found["GPU102"].remedy.text


def test_module_not_loaded_told_by_nvidia_smi_alone(case: Case) -> None:
    case.machine.smi("echo 'NVIDIA-SMI has failed'; exit 9")
    assert list(case.findings()) == ["GPU102"]


def test_container_without_gpus(case: Case) -> None:
    case.machine.torch("2.15.0", "13.2")
    found = case.findings(edit={"nvidia.kernel.version": "570.86.10", "host.container": "docker"})
    assert list(found) == ["GPU103"]
    assert "--gpus" in found["GPU103"].remedy.text
    assert found["GPU103"].severity == "warning"


def test_cpu_container_on_a_gpu_host_is_only_noted(case: Case) -> None:
    case.machine.torch("2.15.0+cpu")
    found = case.findings(edit={"nvidia.kernel.version": "570.86.10", "host.container": "docker"})
    assert {code: finding.severity for code, finding in found.items()} == {"GPU103": "note"}


@pytest.mark.parametrize(
    ("init", "code", "word"),
    [
        (802, "GPU104", "fabric"),
        (804, "GPU105", "forward-compatibility"),
        (34, "GPU105", "stub"),
        (999, "GPU106", "suspend"),
        (998, "GPU106", "998"),
        (46, "GPU106", "exclusive"),
        (304, "GPU106", "OPERATING_SYSTEM"),
        (777, "GPU106", "777"),
    ],
)
def test_codes_of_cuinit(case: Case, init: int, code: str, word: str) -> None:
    case.machine.cuda(T4, init=init).nvml()
    report = case.report(edit={"nvidia.kernel.version": "570.86.10"} if init % 2 else None)
    failed = [f for f in report.findings if f.status == "fail" and not f.cause]
    assert [finding.code for finding in failed] == [code]
    finding = failed[0]
    text = f"{finding.title} {finding.detail} {finding.remedy.text if finding.remedy else ''}"
    assert word in text
    assert report.sheet.fact("devices.kinds").status == "unknown"


def test_999_with_a_working_nvml_is_not_a_missing_module(case: Case) -> None:
    case.machine.cuda(T4, init=999).nvml()
    found = case.findings()
    assert list(found) == ["GPU106"]
    assert "nvidia_uvm" in found["GPU106"].remedy.text


@pytest.mark.parametrize("code", [15, 16, 17])
def test_a_lost_gpu(case: Case, code: int) -> None:
    case.machine.driver(T4).env["FAKE_NVML_HANDLE"] = str(code)
    found = case.findings()
    assert list(found) == ["GPU106"]
    assert str(code) in found["GPU106"].detail


def test_hang_is_unknown_and_not_absent(case: Case) -> None:
    case.machine.cuda(T4, init="hang").nvml(init="hang").torch("2.10.0", "12.8")
    report = case.report()
    found = {f.code: f for f in report.findings if f.status in ("fail", "unknown")}
    assert found["GPU107"].status == "unknown"
    assert found["GPU107"].required
    assert "wedged" in found["GPU107"].title
    assert report.verdict == "inconclusive"
    sheet = report.sheet
    assert sheet.fact("devices.kinds").status == "unknown"
    assert sheet["nvidia.libcuda.cuda"] == "12.8"  # said before it hung
    assert sheet["torch.version"] == "2.10.0"


def test_nvml_alone_hangs(case: Case) -> None:
    case.machine.driver(T4).env["FAKE_NVML_INIT"] = "hang"
    found = case.findings()
    assert list(found) == ["GPU107"]
    assert (found["GPU107"].status, found["GPU107"].severity) == ("fail", "warning")


def test_gpu_without_any_driver_is_a_note_unless_it_is_wanted(case: Case) -> None:
    facts = {"nvidia.bus.gpus": 1, "nvidia.kernel.modules": ["nouveau"]}
    assert case.findings(edit=facts)["GPU102"].severity == "note"
    assert case.findings(edit=facts, wants=["cuda"])["GPU102"].severity == "error"


def test_nvidia_smi_that_never_returns(case: Case) -> None:
    case.machine.smi("sleep 3600")
    report = case.report()
    finding = next(f for f in report.findings if f.code == "GPU107")
    assert finding.status == "unknown"
    assert "nvidia-smi did not answer within" in finding.detail
    assert report.sheet.fact("devices.kinds").status == "unknown"
    assert report.sheet["torch.installed"] is False


@pytest.mark.parametrize("name", ["libcuda", "nvml"])
def test_crash_is_named(case: Case, name: str) -> None:
    case.machine.driver(T4)
    case.machine.env["FAKE_CUDA_INIT" if name == "libcuda" else "FAKE_NVML_INIT"] = "segv"
    report = case.report()
    finding = next(f for f in report.findings if f.code == "GPU107")
    assert finding.status == "fail"
    assert signal.SIGSEGV.name in finding.detail
    status = report.sheet.fact("devices.kinds").status
    assert status == ("unknown" if name == "libcuda" else "known")


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"version https://git-lfs.github.com/spec/v1\n"]
)
def test_damaged_library(case: Case, content: bytes) -> None:
    (case.machine.libraries / "libcuda.so.1").write_bytes(content)
    finding = case.findings()["GPU107"]
    assert finding.status == "fail"
    assert "cannot be loaded" in finding.title


@pytest.mark.parametrize(
    "script",
    [
        "head -c 200 /dev/urandom",
        "echo '<html><body>nicht gefunden</body></html>'",
        "echo 'Treiberversion: fünfhundert'",
        "exit 1",
        "kill -SEGV $$",
        ":",
        "yes ,,,,,,, | head -n 100000",
        r"printf '\033]0;x\007%s\n' 0,a,b,c",
    ],
)
def test_garbage_from_nvidia_smi(case: Case, script: str) -> None:
    case.machine.smi(script)
    found = case.findings()
    assert list(found) == ["GPU109"]
    assert found["GPU109"].status == "unknown"
    sample = case.sheet().get("nvidia.smi.sample", "")
    assert len(sample) < 600
    assert "\x1b" not in sample


def test_nvidia_smi_line_per_gpu(case: Case) -> None:
    line = "echo '%d, NVIDIA A100, big, GPU-%d, 535.183.01, 81920, 8.0'"
    case.machine.smi("\n".join(line % (n, n) for n in (0, 1)) + "\necho 'Hinweis: etwas anderes'")
    sheet = case.sheet()
    assert sheet["nvidia.smi.driver"] == "535.183.01"
    assert [device["name"] for device in sheet["nvidia.smi.devices"]] == ["NVIDIA A100, big"] * 2
    assert sheet["nvidia.smi.devices"][0]["memory"] == 80 << 30
    assert "Hinweis" in sheet["nvidia.smi.sample"]
    assert list(case.findings()) == ["GPU108"]  # GPUs answer, but there is no libcuda


def test_two_identical_version_lines(case: Case) -> None:
    case.machine.smi("echo 535.183.01; echo 535.183.01")
    assert case.sheet()["nvidia.smi.driver"] == "535.183.01"
    assert list(case.findings()) == ["GPU108"]


def test_gpus_that_cuda_does_not_see(case: Case) -> None:
    case.machine.driver(T4).env["FAKE_CUDA_INIT"] = "100"
    found = case.findings()
    assert list(found) == ["GPU110"]
    assert found["GPU110"].severity == "error"


def test_nvidia_smi_is_not_asked_when_the_libraries_answer(case: Case) -> None:
    marker = case.machine.folder / "asked"
    case.machine.driver(T4).smi(f"touch {marker}")
    sheet = case.sheet()
    assert not marker.exists()
    assert "not asked" in sheet.fact("nvidia.smi.status").reason


def test_old_nvidia_smi_without_compute_cap(case: Case) -> None:
    case.machine.smi(
        'case "$1" in *compute_cap*) echo "compute_cap is not a valid field"; exit 2;; esac\n'
        "echo '0, Tesla K80, GPU-1, 418.39, 11441'"
    )
    assert case.sheet()["nvidia.smi.devices"][0]["compute_capability"] is None


def test_compute_part_missing(case: Case) -> None:
    case.machine.nvml(T4)
    found = case.findings(edit={"host.container": "docker"})
    assert list(found) == ["GPU108"]
    assert "compute,utility" in found["GPU108"].remedy.text


def test_sources_that_disagree(case: Case) -> None:
    case.machine.driver(T4)
    case.machine.env["FAKE_NVML_DRIVER"] = "535.183.01"
    found = case.findings()
    assert list(found) == ["GPU110"]
    assert "535.183.01" in found["GPU110"].title


def test_libcuda_where_the_loader_does_not_look(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.machine.cuda(T4)
    from envcheck.agent import loader, protocol
    from envcheck.agent.probes import devices, nvidia

    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.setattr(nvidia, "_ELSEWHERE", (str(case.machine.libraries),))
    facts = protocol.Facts()
    nvidia.collect(facts, protocol.Request())
    assert facts.value("libcuda.files")[0]["where"] == "not searched"
    assert loader.candidates("libcuda.so.1") == []
    found, reason = devices.cuda(facts)
    assert found == []
    assert "does not search" in reason


@pytest.mark.parametrize("how", ["3", "100", "-1"])
def test_number_of_devices_refused(case: Case, how: str) -> None:
    case.machine.driver(A100).env["FAKE_CUDA_COUNT"] = how
    assert case.sheet().fact("devices.kinds").status == "unknown"
    found = case.findings("fail")
    assert set(found) == {"GPU106"}, "CUDA was not asked how many it sees"
    assert found["GPU106"].severity == "error"
    assert f"code {how}" in found["GPU106"].detail


@pytest.mark.parametrize("how", ["print", "daemon"])
def test_library_that_prints_or_leaves_processes_behind(case: Case, how: str) -> None:
    case.machine.driver(A100).env["FAKE_CUDA_COUNT"] = how
    assert case.sheet()["devices.list"][0]["name"] == "NVIDIA A100-SXM4-80GB"
    assert case.findings() == {}


def test_library_that_ends_the_process(case: Case) -> None:
    case.machine.driver(A100).env["FAKE_CUDA_COUNT"] = "exit"
    assert case.sheet()["nvidia.libcuda.status"] == "crashed"
    found = case.findings("fail")
    assert set(found) == {"GPU107"}
    assert "exited with status 0" in found["GPU107"].detail


def test_hung_after_cuinit_is_not_a_pass(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envcheck.agent.probes.nvidia.LIBRARY_DEADLINE", 0.5)
    case.machine.driver(A100).env["FAKE_CUDA_COUNT"] = "hang"
    found = case.findings()
    assert found["GPU107"].status == "unknown"
    assert found["GPU107"].required
    assert "after cuInit" in found["GPU107"].detail
    assert "GPU110" not in found


def test_one_device_of_two_cannot_be_got(case: Case) -> None:
    case.machine.cuda(A100, T4).env["FAKE_CUDA_LOST"] = "1"
    assert [device["name"] for device in case.sheet()["devices.list"]] == ["NVIDIA A100-SXM4-80GB"]
    found = case.findings("fail")
    assert set(found) == {"GPU106"}
    assert found["GPU106"].severity == "error"
    assert "device 1" in found["GPU106"].detail


def test_driver_version_zero_means_that_it_is_not_known(case: Case) -> None:
    case.machine.driver(A100, version="0.0").torch("2.8.0+cu128", "12.8")
    assert case.sheet().fact("nvidia.libcuda.cuda").status == "unknown"
    assert case.findings("fail") == {}


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("35", "Upgrade"), ("101", "CUDA_VISIBLE_DEVICES"), ("304", "device nodes"), ("805", "MPS")],
)
def test_remedy_fits_the_code(case: Case, code: str, remedy: str) -> None:
    case.machine.driver(A100).env["FAKE_CUDA_INIT"] = code
    found = case.findings("fail")["GPU106"]
    assert found.remedy is not None
    assert remedy in found.remedy.text


@pytest.mark.parametrize(
    ("says", "status", "severity"),
    [("No devices were found", 6, "warning"), ("GPU is lost. Reboot the system", 15, "error")],
)
def test_nvidia_smi_alone_says_that_there_is_no_device(
    case: Case, says: str, status: int, severity: str
) -> None:
    case.machine.smi(f"echo '{says}'; exit {status}")
    found = case.findings()
    assert set(found) == {"GPU106"}
    assert found["GPU106"].severity == severity
