"""OS: C library, processor, emulation, and what a profile asks of them."""

from __future__ import annotations

import pytest

from envcheck.agent.tags import linux_platforms

DEBIAN = {
    "host.os": "linux",
    "host.arch": "x86_64",
    "host.libc.family": "glibc",
    "host.libc.version": "2.36",
    "host.tags": linux_platforms("x86_64", 64, "glibc", (2, 36)),
    "host.tags.veto": None,
    "host.cpu.features": ["avx2", "fma"],
    "host.emulation": None,
    "host.wsl": None,
    "interpreter.version": "3.11.7",
    "torch.installed": False,
}
ALPINE = {
    **DEBIAN,
    "host.libc.family": "musl",
    "host.libc.version": "1.2.5",
    "host.tags": linux_platforms("x86_64", 64, "musl", (1, 2)),
}
OLD = {
    **DEBIAN,
    "host.libc.version": "2.17",
    "host.tags": linux_platforms("x86_64", 64, "glibc", (2, 17)),
}
TORCH = '[[distribution]]\nrequires = "torch{}"\n'


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


@pytest.mark.parametrize("code", ["OS001", "OS002", "OS003", "OS004"])
def test_a_usual_machine_passes(judged, code):
    assert one(judged(code, DEBIAN)).status == "pass"
    assert one(judged(code, ALPINE)).status == "pass"
    assert one(judged(code, {})).status == "unknown"


def test_all_binary_wheels_refused(judged):
    facts = {**DEBIAN, "host.tags.veto": "/p/_manylinux.py", "host.tags": ["linux_x86_64"]}
    finding = one(judged("OS001", facts))
    assert (finding.status, finding.severity) == ("fail", "error")
    assert "/p/_manylinux.py" in finding.title


def test_some_binary_wheels_refused(judged):
    facts = {**OLD, "host.libc.version": "2.36", "host.tags.veto": "/p/_manylinux.py"}
    finding = one(judged("OS001", facts))
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert "2.17" in finding.title


def test_a_module_that_refuses_nothing(judged):
    assert one(judged("OS001", {**DEBIAN, "host.tags.veto": "/p/_manylinux.py"})).status == "pass"


def test_emulation(judged):
    finding = one(judged("OS002", {**DEBIAN, "host.emulation": "qemu-user"}))
    assert (finding.status, finding.severity) == ("fail", "warning")


@pytest.mark.parametrize(("kind", "status"), [("wsl1", "fail"), ("wsl2", "pass")])
def test_windows_subsystem_for_linux(judged, kind, status):
    assert one(judged("OS004", {**DEBIAN, "host.wsl": kind})).status == status


@pytest.mark.parametrize(
    ("facts", "status", "severity"),
    [
        ({"host.cpu.features": ["sse4_2"]}, "fail", "note"),
        ({"host.cpu.features": ["sse4_2"], "torch.installed": True}, "fail", "warning"),
        ({"host.arch": "aarch64", "host.cpu.features": ["asimd"]}, "skip", "note"),
    ],
)
def test_avx2(judged, facts, status, severity):
    finding = one(judged("OS003", {**DEBIAN, **facts}))
    assert (finding.status, finding.severity) == (status, severity)


def test_musl_has_no_torch_and_no_newer_pip_helps(judged):
    finding = one(judged("OS101", ALPINE, profile=TORCH.format(">=2.2")))
    assert finding.status == "fail"
    assert "musl" in finding.title
    assert "upgrade pip" not in str(finding)
    assert "glibc" in finding.remedy.text
    assert not any("pip" in command for command in finding.remedy.commands)


@pytest.mark.parametrize(
    ("facts", "profile", "status"),
    [
        (DEBIAN, TORCH.format(""), "pass"),
        (ALPINE, "", "skip"),
        ({**ALPINE, "torch.installed": True}, TORCH.format(""), "skip"),
        ({**DEBIAN, "host.arch": "ppc64le"}, TORCH.format(""), "fail"),
        ({**DEBIAN, "interpreter.bits": 32}, TORCH.format(""), "fail"),
        ({**DEBIAN, "host.os": "windows", "host.arch": "ARM64"}, TORCH.format(""), "fail"),
        ({**ALPINE, "host.libc.family": None}, TORCH.format(""), "pass"),  # macOS, Windows
        (ALPINE, '[[distribution]]\nrequires = "numpy"\n', "skip"),
        (ALPINE, TORCH.format("") + "optional = true\n", "skip"),
    ],
)
def test_torch_for_this_platform(judged, facts, profile, status):
    assert one(judged("OS101", facts, profile=profile)).status == status


@pytest.mark.parametrize(
    ("facts", "specifier", "status", "severity"),
    [
        (DEBIAN, ">=2.2", "pass", "error"),
        (OLD, ">=2.2", "fail", "note"),
        (OLD, ">=2.7", "fail", "error"),
        (ALPINE, ">=2.2", "skip", "error"),
    ],
)
def test_old_glibc(judged, facts, specifier, status, severity):
    finding = one(judged("OS102", facts, profile=TORCH.format(specifier)))
    assert (finding.status, finding.severity) == (status, severity), finding
    if status == "fail":
        assert "2.6.0" in finding.title


@pytest.mark.parametrize(
    ("code", "facts", "profile", "status", "severity"),
    [
        ("OS201", DEBIAN, '[[os]]\nany = ["linux"]\n', "pass", "error"),
        ("OS201", DEBIAN, '[[os]]\nany = ["darwin"]\n', "fail", "error"),
        (
            "OS201",
            {"host.os": "windows"},
            '[[os]]\nany = ["linux", "windows"]\nrecommended = ["linux"]\n',
            "fail",
            "note",
        ),
        ("OS201", {}, '[[os]]\nany = ["linux"]\n', "unknown", "error"),
        ("OS202", DEBIAN, '[[libc]]\nfamily = "glibc"\nminimum = "2.28"\n', "pass", "error"),
        ("OS202", OLD, '[[libc]]\nfamily = "glibc"\nminimum = "2.28"\n', "fail", "error"),
        ("OS202", ALPINE, '[[libc]]\nfamily = "glibc"\n', "fail", "error"),
        ("OS202", {}, '[[libc]]\nfamily = "glibc"\n', "unknown", "error"),
        ("OS203", DEBIAN, '[[wheel_tag]]\nany = ["manylinux_2_28_x86_64"]\n', "pass", "error"),
        ("OS203", OLD, '[[wheel_tag]]\nany = ["manylinux_2_28_x86_64"]\n', "fail", "error"),
        ("OS203", {}, '[[wheel_tag]]\nany = ["manylinux_2_28_x86_64"]\n', "unknown", "error"),
    ],
)
def test_requirements(judged, code, facts, profile, status, severity):
    finding = one(judged(code, facts, profile=profile))
    assert (finding.status, finding.severity) == (status, severity), finding
    assert finding.anchor is not None
    assert finding.required == (severity == "error")
