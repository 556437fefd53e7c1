"""The same, as a user meets it: the command, its exit status, its documents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.gpu.conftest import Case

T4 = f"Tesla T4;7.5;{15 << 30}"
A100 = f"NVIDIA A100;8.0;{80 << 30}"


def run(case: Case, *words: str, python: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in case.machine.drop}
    environment.update(case.machine.env)
    argv = [
        sys.executable,
        "-m",
        "envcheck",
        *words,
        "--python",
        python or str(case.machine.python),
    ]
    return subprocess.run(
        argv, capture_output=True, text=True, env=environment, timeout=120, errors="replace"
    )


def document(case: Case, *words: str) -> tuple[int, dict[str, dict[str, object]]]:
    done = run(case, "doctor", "--report", "json", *words)
    found = json.loads(done.stdout)["findings"]
    return done.returncode, {
        finding["code"]: finding for finding in found if finding["status"] in ("fail", "unknown")
    }


def test_mismatch_exits_1(case: Case) -> None:
    case.machine.cuda(T4, init=803).nvml(init=18)
    status, found = document(case)
    assert status == 1
    assert "GPU101" in found


def test_hang_exits_3(case: Case) -> None:
    case.machine.smi("sleep 3600")
    status, found = document(case)
    assert status == 3
    assert found["GPU107"]["status"] == "unknown"


def test_minor_version_compatibility_exits_0(case: Case) -> None:
    case.machine.driver(A100, version="12.2", driver="535.183.01").torch("2.10.0+cu128", "12.8")
    done = run(case, "doctor")
    assert done.returncode == 0
    assert "NVIDIA A100" in done.stdout


def test_bf16_on_a_t4_is_for_the_profile_to_judge(case: Case) -> None:
    case.machine.driver(T4).torch("2.10.0+cu128", "12.8")
    for emulated, status in (("allow", 0), ("warn", 0), ("deny", 1)):
        profile = case.machine.folder / f"{emulated}.toml"
        profile.write_text(
            f'name = "x"\n[[dtype]]\nname = "bf16"\nemulated = "{emulated}"\nwhen = ["cuda"]\n'
        )
        code, found = document(case, "--profile", str(profile))
        assert code == status
        assert ("DTYPE201" in found) == (emulated != "allow")


@pytest.mark.parametrize("report", ["text", "markdown", "github", "sarif", "junit", "json"])
def test_no_escape_sequence_of_a_driver_reaches_a_report(case: Case, report: str) -> None:
    name = "\x1b]0;owned\x07\x1b[31m::error::%0A<script>".replace(";", ":")
    case.machine.driver(f"{name};7.0;{1 << 30}").torch("2.15.0", "13.2")
    case.machine.env["CUDA_VISIBLE_DEVICES"] = "0\x1b[2J\n::error::x"
    done = run(case, "doctor", "--report", report)
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert not any(line.startswith("::error::x") for line in done.stdout.splitlines())
    assert "Traceback" not in done.stderr


@pytest.mark.interpreters
def test_drivers_are_asked_from_every_interpreter(case: Case, interpreter: str) -> None:
    case.machine.driver(T4, A100)
    done = run(case, "facts", python=interpreter)
    sheet = json.loads(done.stdout)
    if sheet["agent"]["status"] == "unsupported":
        return
    devices = sheet["facts"]["devices.list"]["value"]
    assert [device["compute_capability"] for device in devices] == ["7.5", "8.0"]
    assert sheet["facts"]["nvidia.nvml.devices"]["status"] == "known"
