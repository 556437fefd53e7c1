"""torch, its metadata, and what was compiled against it."""

from __future__ import annotations

import pytest

from envcheck.checks.torch_family import Build, build_of


@pytest.mark.parametrize(
    ("version", "build"),
    [
        ("0.28.0", Build()),
        ("0.28.0+cpu", Build("cpu")),
        ("0.28.0+cu126", Build("cuda", 12)),
        ("0.28.0+cu130", Build("cuda", 13)),
        ("0.15.0+cu92", Build("cuda", 92)),
        ("0.28.0+rocm6.4", Build("rocm")),
        ("0.28.0+xpu", Build("xpu")),
        ("2.1.2+pt25cu124", Build("cuda", 12, (2, 5))),
        ("2.1.2+pt113cpu", Build("cpu", 0, (1, 13))),
        ("2.1.2+pt210cu130", Build("cuda", 13, (2, 10))),
        ("2.7.4.post1+cu12torch2.6cxx11abiFALSE", Build("cuda", 12, (2, 6))),
        ("2.8.3+cu13torch2.10cxx11abiTRUE", Build("cuda", 13, (2, 10))),
        ("1.0+gitabc", Build()),
        ("1.0+torch", Build()),
        ("1.0+pt", Build()),
        ("1.0+cu", Build()),
        ("", Build()),
    ],
)
def test_what_a_label_says(version, build):
    assert build_of(version) == build


def facts(*others, version="2.13.0+cu130", kind="cuda", cuda="13.0", metadata=None):
    site = "/env/lib/python3.11/site-packages"
    names = [("torch", version), *others]
    return {
        "interpreter.executable": "/env/bin/python",
        "interpreter.version": "3.11.7",
        "interpreter.is_venv": True,
        "host.os": "linux",
        "torch.installed": True,
        "torch.version": version,
        "torch.metadata": [version] if metadata is None else metadata,
        "torch.build.kind": kind,
        "torch.build.cuda": cuda,
        "distributions.installed": [
            {"name": name, "version": number, "location": site, "path": f"{site}/{name}"}
            for name, number in names
        ],
    }


CPU = {"version": "2.13.0+cpu", "kind": "cpu", "cuda": None}
PLAIN = {"version": "2.13.0"}


@pytest.mark.parametrize(
    ("other", "torch"),
    [
        (("torchvision", "0.28.0+cu130"), {}),
        (("torchvision", "0.28.0+cu130"), PLAIN),
        (("torchvision", "0.28.0"), {}),
        (("torchvision", "0.28.0"), CPU),
        (("torchvision", "0.28.0+cu126"), {"version": "2.7.0+cu128", "cuda": "12.8"}),
        (("torch-scatter", "2.1.2+pt213cu130"), {}),
        (("flash-attn", "2.8.3+cu13torch2.13cxx11abiTRUE"), PLAIN),
        (("llama-cpp-python", "0.3.2+cu124"), {}),
        (("jaxlib", "0.7.0+cuda12"), CPU),
        (("torchvision", "0.20.0a0+gitabc"), {"version": "2.5.0a0+872d972e41.nv24.8"}),
    ],
)
def test_companions_that_fit(judged, other, torch):
    (found,) = judged("ABI103", facts(other, **torch))
    assert found.status == "pass"


@pytest.mark.parametrize(
    ("other", "torch", "severity", "words"),
    [
        (("torchvision", "0.28.0+cpu"), {}, "warning", "made for the CPU"),
        (("torchvision", "0.28.0+cu126"), {}, "error", "made for CUDA 12"),
        (("torchaudio", "2.13.0+cu130"), CPU, "error", "made for CUDA 13"),
        (("torchvision", "0.28.0+cu130"), {"kind": "rocm"}, "error", "(ROCm)"),
        (("torch-scatter", "2.1.2+pt25cu130"), {}, "error", "made for torch 2.5"),
        (("torch-scatter", "2.1.2+pt213cpu"), {}, "error", "made for the CPU"),
        (("flash-attn", "2.7.4+cu12torch2.6cxx11abiFALSE"), {}, "error", "made for torch 2.6"),
    ],
)
def test_companions_of_another_torch(judged, other, torch, severity, words):
    (found,) = judged("ABI103", facts(other, **torch))
    assert (found.status, found.severity, found.subject) == ("fail", severity, other[0])
    assert words in found.title


def test_the_remedy_is_torchs_build(judged):
    (found,) = judged("ABI103", facts(("torchvision", "0.28.0+cpu"), **PLAIN))
    assert "--torch-backend cu130 --reinstall-package torchvision" in found.remedy.commands[-1]
    assert found.remedy.commands[-1].endswith("torchvision==0.28.0")


def test_without_torch(judged):
    assert judged("ABI103", {"torch.build.kind": None})[0].status == "skip"
    assert judged("ABI104", {"torch.metadata": None})[0].status == "skip"
    assert judged("ABI104", {})[0].status == "unknown"


@pytest.mark.parametrize(
    ("version", "metadata", "status"),
    [
        ("2.13.0+cpu", ["2.13.0+cpu"], "pass"),
        ("2.13.0+cpu", ["2.13.0"], "pass"),
        ("2.6.0+debian", ["2.6.0"], "pass"),
        ("2.9.0a0+50eac811a6.nv25.09", ["2.9.0a0+50eac811a6.nv25.9"], "pass"),
        ("2.16.0.dev20261101+cu130", ["2.16.0.dev20261101+cu130"], "pass"),
        ("2.13.0+cpu", [], "skip"),
        ("2.13.0+cpu", ["2.13.0+cpu", "2.12.0+cpu"], "skip"),
        ("2.12.0+cpu", ["2.13.0+cpu"], "fail"),
        ("2.13.0+cu126", ["2.13.0+cpu"], "fail"),
        ("odd", ["2.13.0+cpu"], "pass"),
    ],
)
def test_metadata_and_files(judged, version, metadata, status):
    (found,) = judged("ABI104", facts(version=version, metadata=metadata))
    assert found.status == status
