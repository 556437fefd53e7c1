"""IMP3xx and DTYPE3xx: what was really imported and computed."""

from __future__ import annotations

import pytest
from sheets import sheet

from envcheck import checks
from envcheck.evaluate import evaluate

IMPORT = "compute.torch.import"
TORCH = [{"name": "torch", "version": "2.13.0", "imports": ["torch"], "path": "/s/torch.dist-info"}]
HEALTHY = {
    "compute.asked": True,
    f"{IMPORT}.status": "ok",
    f"{IMPORT}.error": None,
    "compute.torch.numpy": "ok",
    "compute.torch.version": "2.13.0",
    "compute.tests": "ok",
    "compute.libraries": [{"name": "openmp", "path": "/s/libgomp.so.1"}],
    "compute.dtypes": [{"device": "cpu", "dtype": "fp16", "verdict": "emulated", "why": "slow"}],
    "compute.imports": [],
    "distributions.installed": TORCH,
    "interpreter.executable": "/env/bin/python",
    "host.os": "linux",
}
CODES = ["IMP301", "IMP302", "IMP303", "IMP304", "IMP305", "IMP306", "DTYPE301", "DTYPE302"]


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


def broken(status, **values):
    facts = {f"{IMPORT}.{key}": value for key, value in values.items()}
    return {**HEALTHY, f"{IMPORT}.status": status, **facts}


@pytest.mark.parametrize("code", CODES)
def test_a_healthy_torch(judged, code):
    assert one(judged(code, HEALTHY)).status == "pass"


@pytest.mark.parametrize("code", CODES)
def test_only_with_deep(judged, code):
    assert one(judged(code, {"compute.asked": False})).status == "skip"
    assert one(judged(code, {})).status == "skip"


@pytest.mark.parametrize("code", CODES)
def test_without_torch(judged, code):
    facts = {**dict.fromkeys(HEALTHY), "compute.asked": True, "compute.imports": []}
    assert one(judged(code, facts)).status == "skip"


@pytest.mark.parametrize("code", CODES)
def test_that_was_asked_for_and_is_not_known(judged, code):
    assert one(judged(code, {"compute.asked": True})).status == "unknown"


def test_a_crash_names_signal_library_and_owner(judged):
    facts = broken(
        "crash",
        signal="SIGBUS",
        library="/env/lib/python3.11/site-packages/torch/lib/libtorch_cpu.so",
        where="/env/torch/__init__.py:427 in <module>",
    )
    finding = one(judged("IMP301", facts))
    assert (finding.status, finding.severity, finding.required) == ("fail", "error", True)
    assert "SIGBUS" in finding.title
    assert "libtorch_cpu.so" in finding.detail
    assert "torch==2.13.0" in finding.remedy.commands[0]
    for code in ("IMP302", "IMP303"):
        assert one(judged(code, facts)).status == "pass"
    for code in ("IMP304", "IMP305", "IMP306", "DTYPE301"):
        assert one(judged(code, facts)).status == "skip"


def test_a_hang_names_where(judged):
    finding = one(judged("IMP302", broken("hang", seconds=60.2, where="/m/slow.py:3 in connect")))
    assert "60.2 s" in finding.title
    assert "/m/slow.py:3" in finding.detail


@pytest.mark.parametrize(
    ("missing", "title", "command"),
    [
        ("libcudart.so.12", "libcudart.so.12 is not found", "torch==2.13.0"),
        ("libfoo.so.1", "libfoo.so.1 is not found", ""),
        ("sympy", "the module sympy is missing", "sympy"),
    ],
)
def test_an_error_names_what_is_missing(judged, missing, title, command):
    finding = one(judged("IMP303", broken("error", error="ImportError: x", missing=missing)))
    assert title in finding.title
    assert command in " ".join(finding.remedy.commands)


def test_modules_that_were_named(judged):
    record = {"module": "gone", "status": "error", "missing": "gone", "error": "No module"}
    finding = one(judged("IMP303", {**HEALTHY, "compute.imports": [record]}))
    assert finding.title == "gone is not installed"
    assert finding.subject == "gone"


def test_numpy_of_another_generation(judged):
    facts = {**HEALTHY, "compute.torch.numpy": "RuntimeError: Numpy is not available"}
    finding = one(judged("IMP304", facts))
    assert "numpy<2" in finding.remedy.commands[0]
    assert one(judged("IMP304", {**HEALTHY, "compute.torch.numpy": None})).status == "pass"


def test_torch_that_crashes_later(judged):
    finding = one(judged("IMP305", {**HEALTHY, "compute.tests": "killed by SIGILL in f"}))
    assert finding.detail == "The tests ended: killed by SIGILL in f."


def test_two_copies(judged):
    def cudnn(folder):
        return {"name": "cudnn", "path": f"{folder}/libcudnn.so.9"}

    facts = {**HEALTHY, "compute.libraries": [cudnn("/a"), cudnn("/b")]}
    assert one(judged("IMP306", facts)).status == "fail"
    parts = [cudnn("/a"), {"name": "cudnn", "path": "/a/libcudnn_ops.so.9"}]
    assert one(judged("IMP306", {**HEALTHY, "compute.libraries": parts})).status == "pass"


def test_wrong_and_reduced(judged):
    wrong = {"device": "cuda:0", "dtype": "bf16", "verdict": "wrong", "why": "error 0.5"}
    assert one(judged("DTYPE301", {**HEALTHY, "compute.dtypes": [wrong]})).severity == "error"
    reduced = {"device": "cpu", "dtype": "fp32", "verdict": "reduced", "why": "error 1e-3"}
    assert one(judged("DTYPE302", {**HEALTHY, "compute.dtypes": [reduced]})).severity == "note"


GPU = [{"kind": "cuda", "index": 0, "name": "Tesla T4", "compute_capability": "7.5"}]
SEEN = [{"kind": "cuda", "index": 0, "name": "Tesla T4", "error": None}]
WITH_GPU = {
    **HEALTHY,
    "devices.list": GPU,
    "compute.torch.devices": SEEN,
    "compute.torch.cuda": "12.8",
    "nvidia.smi.devices": None,
}


def test_torch_uses_the_devices(judged):
    assert one(judged("GPU301", WITH_GPU)).status == "pass"
    cpu = {**HEALTHY, "devices.list": [], "compute.torch.devices": [], "compute.torch.cuda": None}
    assert one(judged("GPU301", cpu)).status == "pass"
    build = {**WITH_GPU, "compute.torch.devices": [], "compute.torch.cuda": None}
    assert one(judged("GPU301", build)).status == "pass", "a CPU build has a finding of its own"
    assert one(judged("GPU301", {"compute.asked": False})).status == "skip"
    assert one(judged("GPU301", {"compute.asked": True})).status == "unknown"


def test_torch_does_not_see_the_device(judged):
    finding = one(judged("GPU301", {**WITH_GPU, "compute.torch.devices": []}))
    assert (finding.status, finding.severity) == ("fail", "error")
    assert "Tesla T4" in finding.title


def test_torch_cannot_use_the_device(judged):
    lost = {
        **WITH_GPU,
        "compute.torch.devices": [{**SEEN[0], "error": "CUDA error: out of memory"}],
    }
    finding = one(judged("GPU301", lost))
    assert "out of memory" in finding.detail
    refused = {
        "device": "cuda:0",
        "dtype": "fp32",
        "verdict": "unsupported",
        "why": "no kernel",
    }
    finding = one(judged("GPU301", {**WITH_GPU, "compute.dtypes": [refused]}))
    assert (finding.subject, finding.detail) == ("cuda:0", "no kernel")


def test_numpy_is_not_blamed_for_a_broken_torch(judged):
    facts = {**HEALTHY, "compute.torch.numpy": "AttributeError: no attribute 'from_array'"}
    remedy = one(judged("IMP304", facts)).remedy
    assert "numpy<2" not in str(remedy)
    facts["compute.torch.numpy"] = "RuntimeError: Numpy is not available"
    assert "numpy<2" in str(one(judged("IMP304", facts)).remedy)


@pytest.mark.parametrize(
    ("damaged", "error", "cause"),
    [
        ("torch", "OSError: x", "PKG105"),
        ("tqdm", "OSError: x", ""),
        ("numpy", "ImportError: /site-packages/numpy/_core/x.so: file too short", "PKG105"),
        ("my-lib", "ModuleNotFoundError: No module named 'my_lib.native'", "PKG105"),
    ],
)
def test_only_what_an_import_speaks_of_explains_it(damaged: str, error: str, cause: str) -> None:
    record = {
        "name": damaged,
        "version": "1",
        "path": f"/site-packages/{damaged}-1.dist-info",
        "damaged": [{"file": "x.so", "what": "truncated"}],
        "damaged_count": 1,
    }
    facts = broken("error", error=error) | {"distributions.installed": [record]}
    report = evaluate(sheet(facts), checks.load(("PKG", "IMP")))
    found = {finding.code: finding.cause for finding in report.findings if finding.open}
    assert found == {"PKG105": "", "IMP303": cause}
