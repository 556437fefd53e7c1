"""Questions to the tables about CUDA, and the tables themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from envcheck.checks import cuda_rules
from envcheck.knowledge import table


@pytest.mark.parametrize(
    ("cuda", "minimum"),
    [
        ("13.2", "580"),
        ("12.8", "525.60.13"),
        ("12.10", "525.60.13"),
        ("11.8", "450.80.02"),
        ("11.0", "450.36.06"),
        ("10.2", "440.33"),
        ("14.0", None),
        ("1.0", None),
        ("rubbish", None),
    ],
)
def test_minimum_driver(cuda: str, minimum: str | None) -> None:
    assert cuda_rules.minimum_driver(cuda) == minimum


def test_minimum_driver_on_windows() -> None:
    assert cuda_rules.minimum_driver("12.4", "windows") == "528.33"


@pytest.mark.parametrize(
    ("have", "minimum", "answer"),
    [
        ("12.10", "12.9", True),
        ("535.183.01", "525.60.13", True),
        ("580", "580.0", True),
        ("9.10.2.21", "9.11.0", False),
        ("", "1", None),
        ("1.x", "1", None),
        ("²", "1", None),
    ],
)
def test_versions_are_no_floats(have: str, minimum: str, answer: bool | None) -> None:
    assert cuda_rules.at_least(have, minimum) is answer


@pytest.mark.parametrize(
    ("capability", "names", "how"),
    [
        ("8.9", "sm_86", "code"),
        ("12.1", "sm_120", "code"),
        ("10.3", "sm_100", "code"),
        ("8.6", "sm_89", "none"),
        ("8.7", "sm_86", "none"),
        ("7.2", "sm_70", "none"),
        ("11.0", "sm_101", "code"),
        ("9.0", "sm_90a", "code"),
        ("12.1", "sm_120a", "none"),
        ("12.0", "sm_90 compute_90", "ptx"),
        ("8.0", "compute_90", "none"),
        ("7.5", "sm_75 rubbish sm_x sm_", "code"),
        ("", "sm_75", None),
        ("7", "sm_75", None),
    ],
)
def test_which_code_runs(capability: str, names: str, how: str | None) -> None:
    assert cuda_rules.runs(capability, tuple(names.split())) == how


def test_exclusions_that_cuda_13_2_lifted() -> None:
    assert cuda_rules.runs("8.7", ("sm_86",), "13.2") == "code"
    assert cuda_rules.runs("8.7", ("sm_86",), "13.0") == "none"


@pytest.mark.parametrize(
    ("torch", "driver", "capabilities", "backend"),
    [
        ("2.15.0", "13.2", ["8.0"], "cu132"),
        ("2.15.0", "12.8", ["8.0"], "cu126"),
        ("2.15.0", "13.2", ["6.1"], "cu126"),
        ("2.15.0", "13.2", ["6.1", "12.0"], None),
        ("2.10.0", "12.2", ["7.0"], "cu128"),
        ("", "13.0", ["9.0"], "cu130"),
        ("2.6.0", "13.0", ["12.0"], None),
        ("99.0", "13.0", ["9.0"], None),
        ("2.15.0", "11.4", ["8.0"], None),
        ("2.15.0", "", [], "cu134"),
    ],
)
def test_builds(torch: str, driver: str, capabilities: list[str], backend: str | None) -> None:
    assert cuda_rules.backend(torch, "x86_64", driver, capabilities) == backend


@pytest.mark.parametrize(
    ("torch", "cuda", "known"),
    [
        ("2.10.0", "12.8", True),
        ("2.10.0+cu128", "12.8", True),
        ("2.10.0+git123", "12.8", False),
        ("2.10.0a0+50eac.nv25.09", "12.8", False),
        ("2.14.0.dev20260801+cu130", "13.0", False),
        ("2.10.0", "12.7", False),
        ("99.0", "12.8", False),
    ],
)
def test_only_published_builds_are_in_the_table(torch: str, cuda: str, known: bool) -> None:
    assert (cuda_rules.wheel_architectures(torch, cuda, "x86_64") is not None) == known


def test_builds_for_arm() -> None:
    assert cuda_rules.backend("2.15.0", "aarch64", "13.2", ["11.0"]) == "cu132"
    assert cuda_rules.backend("2.15.0", "aarch64", "13.2", ["7.5"]) is None


@pytest.mark.parametrize(
    ("number", "version"), [(8907, "8.9.7"), (91002, "9.10.2"), (92600, "9.26.0"), (7605, "7.6.5")]
)
def test_both_encodings_of_cudnn(number: int, version: str) -> None:
    assert cuda_rules.cudnn_version(number) == version


@pytest.mark.parametrize("name", ["drivers", "compute_capability", "torch_cuda", "cuda_codes"])
def test_every_row_has_source_and_date(name: str) -> None:
    rows = []
    for value in table(name).values():
        if isinstance(value, list):
            rows += value
        elif isinstance(value, dict) and "source" not in value:
            rows += value.values()
    assert len(rows) > 5
    for row in rows:
        assert row["source"], row
        assert row["date"][:2] == "20", row


_ASK_TORCH = """
import json, sys, torch.cuda
pairs = json.load(sys.stdin)
print(json.dumps([torch.cuda._code_compatible_with_device(device, code) for device, code in pairs]))
"""


@pytest.mark.torch
def test_code_runs_where_torch_says_so() -> None:
    codes = [row["sm"] for row in table("compute_capability")["code"]]
    devices = [50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90, 100, 101, 103, 110, 120, 121]
    pairs = [(device, code) for device in devices for code in codes]
    argv = [os.environ.get("ENVCHECK_TEST_TORCH_PYTHON", sys.executable), "-c", _ASK_TORCH]
    done = subprocess.run(
        argv, input=json.dumps(pairs), capture_output=True, text=True, check=True, timeout=300
    )
    for (device, code), answer in zip(pairs, json.loads(done.stdout), strict=True):
        ours = cuda_rules.runs(f"{device // 10}.{device % 10}", (f"sm_{code}",), "13.0")
        assert (ours == "code") == answer, (device, code)
