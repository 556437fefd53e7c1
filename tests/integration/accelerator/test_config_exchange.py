"""Accelerate reads the configuration files that we write, and we those that it writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytestmark = pytest.mark.torch

from envcheck.accelerator import config  # noqa: E402 -- what follows needs torch

READS = """\
import sys
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.utils import write_basic_config
for path in sys.argv[2:]:
    read = load_config_from_file(path)
    print(read.mixed_precision, read.num_processes, read.use_cpu, read.distributed_type.value)
print(write_basic_config("bf16", sys.argv[1]))
"""


def test_both_directions(tmp_path, monkeypatch):
    kind, count = config.hardware()
    ours = [tmp_path / "default_config.yaml", tmp_path / "default_config.json"]
    for path in ours:
        assert config.write_basic_config("fp16", path) == path
    theirs = tmp_path / "theirs.yaml"
    done = subprocess.run(
        [sys.executable, "-c", READS, str(theirs), *map(str, ours)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    spread = config.json.loads(ours[0].read_text())["distributed_type"]
    assert done.stdout.splitlines() == [
        *[f"fp16 {count} {kind == 'cpu'} {spread}"] * 2,
        str(theirs),
    ]
    expected = {"num_processes": count, "use_cpu": kind == "cpu"}
    assert config.read(str(theirs)) == config.Config(mixed_precision="bf16", **expected)


def test_the_default_configuration_of_its_command(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("ACCELERATE_CONFIG_FILE", raising=False)
    command = Path(sys.executable).with_name("accelerate")
    subprocess.run(
        [sys.executable, str(command), "config", "default"],
        capture_output=True,
        timeout=120,
        check=True,
    )
    found = config.find()
    assert found == config.location()
    assert config.read(found).num_processes == config.hardware()[1]
