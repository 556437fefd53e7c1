"""PY: fails where something is wrong, passes where nothing is, unknown where nobody knows."""

from __future__ import annotations

import pytest

VENV = {
    "interpreter.is_venv": True,
    "interpreter.starts": True,
    "interpreter.version": "3.11.7",
    "interpreter.prefix": "/srv/env",
    "interpreter.venv.version": "3.11.4",
    "interpreter.venv.activates": "/srv/env",
    "interpreter.venv.moved": False,
    "interpreter.venv.home": "/usr/bin",
}


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


def test_an_interpreter_too_old_for_the_agent(judged):
    agent = {"status": "unsupported", "reason": "the agent needs Python 3.7 or newer"}
    finding = one(judged("PY001", {"interpreter.version": "2.7.18"}, agent=agent))
    assert finding.status == "fail"
    assert "2.7.18" in finding.title


def test_an_environment_that_could_not_be_examined(judged):
    known = {"interpreter.version": "3.11.7", "distributions.installed": []}
    assert one(judged("PY001", known)).status == "pass"
    for key in known:
        finding = one(judged("PY001", {k: v for k, v in known.items() if k != key}))
        assert (finding.status, finding.required) == ("unknown", True)
        assert key in finding.detail
    own = {"kind": "python", "own_tool_environment": True}
    assert one(judged("PY001", {}, target=own)).status == "pass"


def test_a_base_that_is_gone(judged):
    facts = {
        **VENV,
        "interpreter.starts": False,
        "interpreter.starts.reason": "/srv/env/bin/python leads to /gone, which does not exist",
        "interpreter.executable": "/srv/env/bin/python",
        "interpreter.venv.config": {"home": "/gone"},
    }
    finding = one(judged("PY002", facts))
    assert finding.status == "fail"
    assert finding.required
    assert "/gone" in finding.detail
    assert any("3.11" in command for command in finding.remedy.commands)
    assert any("rm -f /srv/env/bin/python" in command for command in finding.remedy.commands)
    uv = {**facts, "interpreter.venv.config": {"home": "/gone", "uv": "0.9"}}
    commands = one(judged("PY002", uv)).remedy.commands
    assert commands == ("uv venv --allow-existing --python 3.11 /srv/env",)


def test_an_interpreter_that_starts(judged):
    assert one(judged("PY002", {"interpreter.starts": True})).status == "pass"
    assert one(judged("PY002", {})).status == "unknown"


def test_a_start_up_that_fails(judged):
    target = {"startup": "start-up exited with status 1: ImportError: no module named x"}
    finding = one(judged("PY003", {"interpreter.executable": "/a b/python"}, target=target))
    assert finding.status == "fail"
    assert "no module named x" in finding.detail
    assert finding.remedy.commands == ("'/a b/python' -v -c pass",)
    assert one(judged("PY003", {})).status == "pass"


def test_a_base_that_was_replaced_by_another_version(judged):
    finding = one(judged("PY004", {**VENV, "interpreter.venv.version": "3.10.12"}))
    assert finding.status == "fail"
    assert "3.10.12" in finding.title
    assert one(judged("PY004", VENV)).status == "pass"
    assert one(judged("PY004", {**VENV, "interpreter.is_venv": False})).status == "skip"
    assert one(judged("PY004", {**VENV, "interpreter.starts": False})).status == "skip"
    assert one(judged("PY004", {"interpreter.is_venv": True})).status == "unknown"


def test_an_environment_that_was_moved(judged):
    moved = {
        **VENV,
        "interpreter.venv.moved": True,
        "interpreter.venv.activates": "/build/env",
    }
    finding = one(judged("PY005", moved))
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert "/build/env" in finding.detail
    assert one(judged("PY005", VENV)).status == "pass"
    assert one(judged("PY005", {**VENV, "interpreter.venv.moved": None})).status == "pass"


@pytest.mark.parametrize(
    ("version", "today", "status"),
    [
        ("3.9.18", "2026-11-20", "fail"),
        ("3.9.18", "2025-10-31", "pass"),
        ("3.12.1", "2026-11-20", "pass"),
        ("3.99.0", "2026-11-20", "pass"),
        ("3.9.18", "", "skip"),
    ],
)
def test_end_of_life(judged, version, today, status):
    finding = one(judged("PY006", {"interpreter.version": version}, today=today))
    assert (finding.status, finding.severity) == (status, "note")


def test_rosetta(judged):
    facts = {"interpreter.emulation": "rosetta", "host.arch": "x86_64"}
    finding = one(judged("PY007", facts))
    assert finding.status == "fail"
    assert "2.2.2" in finding.detail
    assert finding.remedy.commands
    assert one(judged("PY007", {"interpreter.emulation": None})).status == "pass"
    assert one(judged("PY007", {"interpreter.emulation": "windows-on-arm"})).status == "fail"
    assert one(judged("PY007", {})).status == "unknown"


@pytest.mark.parametrize(
    ("missing", "status", "severity"),
    [
        ([], "pass", "warning"),
        (["lzma"], "fail", "warning"),
        (["ctypes", "lzma"], "fail", "error"),
        ("nonsense", "pass", "warning"),
    ],
)
def test_standard_modules_that_were_not_built(judged, missing, status, severity):
    finding = one(judged("PY008", {"interpreter.missing_modules": missing}))
    assert (finding.status, finding.severity) == (status, severity)


def test_externally_managed_is_no_failure(judged):
    finding = one(judged("PY009", {"interpreter.externally_managed": True}))
    assert finding.status == "pass"
    assert "virtual environment" in finding.title


PYTHON = '[[python]]\nrequires = ">=3.10,<3.14"\nreason = "wheels"\n'
RUNNING = {
    "interpreter.version": "3.11.7",
    "interpreter.implementation": "CPython",
    "interpreter.free_threaded": False,
}


@pytest.mark.parametrize(
    ("facts", "profile", "status"),
    [
        ({}, PYTHON, "pass"),
        ({"interpreter.version": "3.9.1"}, PYTHON, "fail"),
        ({"interpreter.version": "not a version"}, PYTHON, "unknown"),
        (
            {"interpreter.implementation": "PyPy"},
            '[[python]]\nimplementation = "cpython"\n',
            "fail",
        ),
        ({}, '[[python]]\nimplementation = "cpython"\n', "pass"),
        ({"interpreter.free_threaded": True}, "[[python]]\nfree_threaded = false\n", "fail"),
        ({}, "[[python]]\nfree_threaded = true\n", "fail"),
    ],
)
def test_a_profile_asks_for_a_python(judged, facts, profile, status):
    finding = one(judged("PY201", {**RUNNING, **facts}, profile=profile))
    assert finding.status == status, finding
    assert finding.required
    assert finding.anchor.line == 2


def test_a_profile_asks_and_nobody_knows(judged):
    finding = one(judged("PY201", {}, profile=PYTHON))
    assert (finding.status, finding.required) == ("unknown", True)


TORCH = '[[distribution]]\nrequires = "torch{}"\n'


@pytest.mark.parametrize(
    ("version", "specifier", "status"),
    [
        ("3.9.1", ">=2.9", "fail"),  # the last for 3.9 is 2.8.0
        ("3.9.1", ">=2.2", "pass"),
        ("3.12.1", ">=2.2", "pass"),
        ("3.10.1", ">=2.15", "fail"),
        ("3.16.0", ">=2.2", "unknown"),
    ],
)
def test_torch_has_a_wheel_for_this_python(judged, version, specifier, status):
    facts = {"interpreter.version": version, "torch.installed": False}
    finding = one(judged("PY202", facts, profile=TORCH.format(specifier)))
    assert finding.status == status, finding
    if version == "3.9.1" and status == "fail":
        assert "2.8.0" in finding.detail


def test_torch_that_is_there_or_not_asked_for(judged):
    facts = {"interpreter.version": "3.9.1", "torch.installed": True}
    assert one(judged("PY202", facts, profile=TORCH.format(">=2.9"))).status == "skip"
    assert one(judged("PY202", facts)).status == "skip"
