"""What a profile asks of devices, drivers, CUDA, cuDNN and number formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sheets import sheet

from envcheck import checks, profiles
from envcheck.evaluate import evaluate
from envcheck.model.finding import Finding

Judged = Callable[..., list[Finding]]
GIB = 1 << 30
UNDECIDED = object()


def devices(
    *capabilities: str, kind: str = "cuda", memory: int | None = 24 * GIB
) -> dict[str, Any]:
    records = [
        {"kind": kind, "index": n, "name": "X", "compute_capability": item, "memory": memory}
        for n, item in enumerate(capabilities)
    ]
    return {
        "devices.list": records,
        "devices.kinds": [kind] if records else [],
        "devices.undecided": {},
        "host.os": "linux",
    }


def only(judged: Judged, code: str, facts: dict[str, Any], profile: str, **named: Any) -> Finding:
    (finding,) = judged(code, facts, profile=profile, **named)
    return finding


@pytest.mark.parametrize(
    ("profile", "facts", "status"),
    [
        ('any = ["cuda"]', devices("8.0"), "pass"),
        ('any = ["xpu", "npu", "cuda", "mps"]', devices("8.0"), "pass"),
        ('any = ["cuda"]\ncount = 2', devices("8.0"), "fail"),
        ('any = ["cuda"]\ncount = 2', devices("8.0", "8.0"), "pass"),
        ('any = ["rocm"]', devices("8.0"), "fail"),
        ('any = ["cuda"]\nmemory_gib = 24', devices("8.0"), "pass"),
        ('any = ["cuda"]\nmemory_gib = 40', devices("8.0"), "fail"),
        ('any = ["cuda"]\nmemory_gib = 40', devices("8.0", memory=None), "unknown"),
        ('any = ["cuda"]\ncompute_capability = ">=8.9"', devices("8.0"), "fail"),
        ('any = ["cuda"]\ncompute_capability = ">=8.9"', devices("10.0"), "pass"),
        ('any = ["mps"]', devices("", kind="mps"), "pass"),
        ('any = ["cuda"]', devices(), "fail"),
    ],
)
def test_devices(judged: Judged, profile: str, facts: dict[str, Any], status: str) -> None:
    finding = only(judged, "GPU201", facts, f"[[device]]\n{profile}\nreason = 'Because.'")
    assert finding.status == status
    assert finding.required
    if status == "fail":
        assert "Because." in finding.detail


def test_a_device_that_could_not_be_decided(judged: Judged) -> None:
    facts = devices() | {"devices.undecided": {"xpu": "an Intel GPU is there"}}
    del facts["devices.kinds"]
    finding = only(judged, "GPU201", facts, '[[device]]\nany = ["cuda", "xpu"]')
    assert finding.status == "unknown"
    facts |= {"nvidia.libcuda.init": 803}
    assert only(judged, "GPU201", facts, '[[device]]\nany = ["cuda"]').status == "fail"


@pytest.mark.parametrize(
    ("profile", "facts", "status"),
    [
        ('requires = ">=525"', {"nvidia.kernel.version": "535.183.01"}, "pass"),
        ('requires = ">=580"', {"nvidia.kernel.version": "535.183.01"}, "fail"),
        ('cuda = ">=12.10"', {"nvidia.libcuda.cuda": "12.8"}, "fail"),
        ('cuda = ">=12.2"', {"nvidia.nvml.cuda": "12.10"}, "pass"),
        ('requires = ">=525"', {"nvidia.kernel.version": "weird"}, "unknown"),
        ('requires = ">=525"', {"devices.kinds": []}, "fail"),
        ('requires = ">=525"', {}, "unknown"),
    ],
)
def test_drivers(judged: Judged, profile: str, facts: dict[str, Any], status: str) -> None:
    assert only(judged, "GPU202", facts, f"[[driver]]\n{profile}").status == status


TOOLKIT = {"path": "/usr/local/cuda", "version": "12.4", "nvcc": "/usr/local/cuda/bin/nvcc"}
BUILT = {"torch.build.kind": "cuda", "torch.build.cuda": "13.2", "toolchain.cuda.toolkits": []}


@pytest.mark.parametrize(
    ("profile", "facts", "status"),
    [
        ('requires = ">=11.8"', BUILT, "pass"),
        ('requires = ">=11.8"\ncompiler = true', BUILT, "fail"),
        (
            'requires = ">=11.8"\ncompiler = true',
            BUILT | {"toolchain.cuda.toolkits": [TOOLKIT]},
            "pass",
        ),
        (
            'requires = ">=12.8"\ncompiler = true',
            BUILT | {"toolchain.cuda.toolkits": [TOOLKIT]},
            "fail",
        ),
        (
            'requires = ">=12.0"\ncompiler = true',
            BUILT | {"toolchain.cuda.toolkits": [TOOLKIT | {"nvcc": None}]},
            "fail",
        ),
        ('requires = ">=11.8"', {"torch.build.cuda": None, "toolchain.cuda.toolkits": []}, "fail"),
        ('requires = ">=11.8"', {}, "unknown"),
    ],
)
def test_toolkits(judged: Judged, profile: str, facts: dict[str, Any], status: str) -> None:
    assert only(judged, "GPU203", facts, f"[[cuda_toolkit]]\n{profile}").status == status


def test_without_torch_the_remedy_installs_one(judged: Judged) -> None:
    facts = {"torch.build.cuda": None, "toolchain.cuda.toolkits": [], "host.arch": "x86_64"}
    found = only(judged, "GPU203", facts, '[[cuda_toolkit]]\nrequires = ">=11.8"')
    assert found.remedy is not None
    assert found.remedy.commands[-1].endswith(" torch")


def test_no_toolkit_without_a_wish_for_cuda(judged: Judged) -> None:
    profile = '[[cuda_toolkit]]\nrequires = ">=11.8"\nwhen = ["cuda"]'
    assert only(judged, "GPU203", devices(), profile).status == "skip"
    wished = only(judged, "GPU203", devices() | BUILT, profile, wants=frozenset({"cuda"}))
    assert wished.status == "pass"


def copy(version: str | None, file: str = "libcudnn.so.9") -> dict[str, Any]:
    return {"library": "cudnn", "file": file, "path": "/x/" + file, "version": version}


@pytest.mark.parametrize(
    ("copies", "requires", "status"),
    [
        ([copy("9.10.2.21")], ">=8.6", "pass"),
        ([copy("8.5.0.96", "libcudnn.so.8")], ">=8.6", "fail"),
        ([copy(None)], ">=8.6", "pass"),
        ([copy(None)], ">=9.1", "unknown"),
        ([copy(None, "libcudnn.so.8")], ">=9.1", "fail"),
        ([], ">=8.6", "fail"),
    ],
)
def test_cudnn(judged: Judged, copies: list[dict[str, Any]], requires: str, status: str) -> None:
    facts = {"libraries.copies": copies, "torch.build.kind": "cpu"}
    finding = only(judged, "GPU204", facts, f'[[cudnn]]\nrequires = "{requires}"')
    assert finding.status == status


@pytest.mark.parametrize(
    ("name", "capability", "emulated", "status", "severity"),
    [
        ("bf16", "8.0", "deny", "pass", "error"),
        ("bf16", "7.5", "deny", "fail", "error"),
        ("bf16", "7.5", "warn", "fail", "warning"),
        ("bf16", "7.5", "allow", "pass", "error"),
        ("bf16", "3.5", "allow", "fail", "error"),
        ("fp16", "7.0", "deny", "pass", "error"),
        ("fp16", "6.1", "deny", "fail", "error"),
        ("fp8", "8.6", "allow", "fail", "error"),
        ("fp8", "8.9", "deny", "pass", "error"),
        ("tf32", "7.5", "allow", "fail", "error"),
        ("int8", "7.5", "deny", "pass", "error"),
        ("bf16", "15.0", "deny", "unknown", "error"),  # beyond the table
    ],
)
def test_formats(
    judged: Judged, name: str, capability: str, emulated: str, status: str, severity: str
) -> None:
    profile = f'[[dtype]]\nname = "{name}"\nemulated = "{emulated}"'
    finding = only(judged, "DTYPE201", devices(capability), profile)
    assert (finding.status, finding.severity) == (status, severity)
    if name == "bf16" and status == "fail":
        assert finding.remedy is not None
        assert "fp16" in finding.remedy.text


@pytest.mark.parametrize(("facts", "cause"), [(devices("7.5"), ""), (devices(), "GPU201")])
def test_only_a_device_that_is_missing_explains_a_format(facts: dict[str, Any], cause: str) -> None:
    """A T4 that is too small and emulates bf16 has two things the matter with it."""
    profile = profiles.loads(
        'name = "p"\n[[device]]\nany = ["cuda"]\nmemory_gib = 1000\n[[dtype]]\nname = "bf16"'
    )
    given = sheet(facts | {"host.cpu.features": ["avx2"]})
    report = evaluate(given, checks.load(("GPU", "DTYPE")), profile=profile)
    causes = {f.code: f.cause for f in report.findings if f.status == "fail"}
    assert causes == {"GPU201": "", "DTYPE201": cause}


def test_the_weakest_device_decides(judged: Judged) -> None:
    finding = only(judged, "DTYPE201", devices("9.0", "7.5"), '[[dtype]]\nname = "bf16"')
    assert finding.status == "fail"
    assert "7.5" in finding.detail


@pytest.mark.parametrize(
    ("features", "status"),
    [(["avx2", "avx512_bf16"], "pass"), (["avx2"], "fail"), (["bf16"], "pass")],
)
def test_bf16_on_the_processor(judged: Judged, features: list[str], status: str) -> None:
    facts = devices() | {"host.cpu.features": features}
    assert only(judged, "DTYPE201", facts, '[[dtype]]\nname = "bf16"').status == status


@pytest.mark.parametrize(
    ("macos", "status"), [("13.6", "fail"), ("14.2", "pass"), (None, "unknown")]
)
def test_bf16_on_apple_silicon(judged: Judged, macos: str | None, status: str) -> None:
    facts = devices("", kind="mps") | {"devices.macos.version": macos}
    profile = '[[dtype]]\nname = "bf16"\nemulated = "allow"'
    assert only(judged, "DTYPE201", facts, profile).status == status


def test_a_measurement_is_believed_over_the_table(judged: Judged) -> None:
    row = {"device": "cuda:0", "dtype": "bf16", "verdict": "native", "why": "half the time of fp32"}
    facts = devices("7.5") | {"compute.dtypes": [row]}
    assert only(judged, "DTYPE201", facts, '[[dtype]]\nname = "bf16"').status == "pass"


def test_a_format_on_a_device_that_hangs(judged: Judged) -> None:
    facts = {"nvidia.libcuda.status": "hung"}
    assert only(judged, "DTYPE201", facts, '[[dtype]]\nname = "bf16"').status == "unknown"


def test_command_for_an_image(judged: Judged) -> None:
    facts = {"nvidia.kernel.version": "570.1", "nvidia.libcuda.status": "missing"}
    target = {"kind": "image", "name": "me/trainer:1; rm -rf /"}
    (finding,) = judged("GPU103", facts, target=target)
    assert finding.remedy is not None
    assert finding.remedy.commands == ("docker run --gpus all 'me/trainer:1; rm -rf /'",)
