"""CUDA_VISIBLE_DEVICES as torch parses it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.agent import visible


@pytest.mark.parametrize(
    ("value", "kind", "selection", "rest"),
    [
        ("0,1", "ordinals", [0, 1], None),
        ("", "ordinals", [], ""),
        ("-1", "ordinals", [], "-1"),
        ("all", "ordinals", [], "all"),
        ("0,0", "ordinals", [], "0"),
        ("0,-1,1", "ordinals", [0], "-1"),
        ("1gpu2,2ampere", "ordinals", [1, 2], None),
        ("0;1", "ordinals", [0], None),
        (" 0 , 1", "ordinals", [0, 1], None),
        ("GPU-a,GPU-b", "gpu", ["GPU-a", "GPU-b"], None),
        ("GPU-a,MIG-b", "gpu", ["GPU-a"], "MIG-b"),
        ("MIG-a,MIG-a", "mig", [], "MIG-a"),
        ("+", "error", [], "+"),
    ],
)
def test_readings(value: str, kind: str, selection: list[object], rest: str | None) -> None:
    assert visible.parse(value) == (kind, selection, rest)


@given(st.text())
def test_never_raises(value: str) -> None:
    kind, selection, _ = visible.parse(value)
    assert kind in ("ordinals", "gpu", "mig", "error")
    assert len(set(selection)) == len(selection)


_ASK_TORCH = """
import json, os, sys, torch.cuda
answers = []
for value in json.load(sys.stdin):
    os.environ["CUDA_VISIBLE_DEVICES"] = value
    try:
        answers.append(torch.cuda._parse_visible_devices())
    except ValueError:
        answers.append("error")
print(json.dumps(answers))
"""


@pytest.mark.torch
def test_as_torch_does() -> None:
    random.seed(20261120)
    alphabet = [
        "0",
        "1",
        "2",
        "10",
        "007",
        "-",
        "+",
        "-1",
        ",",
        ",",
        ",",
        ";",
        " ",
        "x",
        "GPU-",
        "MIG-",
        "a",
        "²",
        "٣",
    ]
    values = ["", "all", "none", "0,1,", ",0", "0,,1", "+1", "1e3", "0x1", "GPU-a,0", "0,GPU-a"]
    values += ["".join(random.choices(alphabet, k=random.randint(1, 8))) for _ in range(3000)]
    done = subprocess.run(
        [os.environ.get("ENVCHECK_TEST_TORCH_PYTHON", sys.executable), "-c", _ASK_TORCH],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    for value, answer in zip(values, json.loads(done.stdout), strict=True):
        kind, selection, _ = visible.parse(value)
        assert (answer == "error") == (kind == "error"), value
        assert answer == "error" or answer == selection, value
