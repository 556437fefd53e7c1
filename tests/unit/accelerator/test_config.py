"""Configuration files: where they are looked for, what is understood, what is refused."""

from __future__ import annotations

import json

import pytest

from envcheck.accelerator import config
from envcheck.accelerator.config import Config

#: What `accelerate config` (1.15.0) wrote when every question was answered with its default.
ASKED = """\
compute_environment: LOCAL_MACHINE
debug: false
distributed_type: 'NO'
downcast_bf16: 'no'
enable_cpu_affinity: false
gpu_ids: all
machine_rank: 0
main_training_function: main
mixed_precision: 'no'
num_machines: 1
num_processes: 1
rdzv_backend: static
same_network: true
tpu_env: []
tpu_use_cluster: false
tpu_use_sudo: false
use_cpu: false
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("ACCELERATE_CONFIG_FILE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def written(folder, text: str, name: str = "config.yaml") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_place_follows_the_environment(home, monkeypatch):
    below = "accelerate/default_config.yaml"
    assert config.location() == f"{home}/.cache/huggingface/{below}"
    monkeypatch.setenv("XDG_CACHE_HOME", "~/cache")
    assert config.location() == f"{home}/cache/huggingface/{below}"
    monkeypatch.setenv("HF_HOME", "/somewhere")
    assert config.location() == f"/somewhere/{below}"
    monkeypatch.setenv("ACCELERATE_CONFIG_FILE", "~/mine.json")
    assert config.location() == f"{home}/mine.json"


def test_json_counts_only_where_there_is_no_yaml(home):
    assert config.find() is None
    folder = home / ".cache" / "huggingface" / "accelerate"
    old = written(folder, "{}", "default_config.json")
    assert config.find() == old
    new = written(folder, ASKED, "default_config.yaml")
    assert config.find() == new


def test_a_named_file_must_be_there(home, monkeypatch):
    monkeypatch.setenv("ACCELERATE_CONFIG_FILE", "/not/there.yaml")
    with pytest.raises(FileNotFoundError, match=r"ACCELERATE_CONFIG_FILE names /not/there\.yaml"):
        config.find()


def test_what_accelerate_config_writes_is_understood(tmp_path):
    assert config.read(written(tmp_path, ASKED)) == Config(num_processes=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Config()),
        ("# nothing\n---\n\n", Config()),
        ("mixed_precision: no\n", Config()),
        ('mixed_precision: "bf16"  # for the A100\n', Config(mixed_precision="bf16")),
        ("num_processes: null\nuse_cpu: Yes\n", Config(use_cpu=True)),
        ("distributed_type: MULTI_CPU\nnum_processes: 4", Config(num_processes=4, use_cpu=True)),
        ('  {"num_processes": 2, "tpu_env": []}', Config(num_processes=2)),
        ("gradient_accumulation_steps: 4", Config(gradient_accumulation_steps=4)),
    ],
)  # fmt: skip
def test_reading(tmp_path, text, expected):
    assert config.read(written(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("fsdp_config:\n  fsdp_sharding_strategy: 1\n", "fsdp_config"),
        ('{"deepspeed_config": {"zero_stage": 2}}', "deepspeed_config"),
        ("distributed_type: FSDP\n", "distributed_type"),
        ("distributed_type: DEEPSPEED\n", "distributed_type"),
        ("compute_environment: AMAZON_SAGEMAKER\n", "compute_environment"),
        ("tpu_use_cluster: true\n", "tpu_use_cluster"),
        ("tpu_env:\n- A=1\n", "tpu_env"),
        ("gpu_ids: 0,1\n", "gpu_ids"),
        ("enable_cpu_affinity: true\n", "enable_cpu_affinity"),
        ("dynamo_config: {backend: inductor}\n", "dynamo_config"),
        ("mixed_precison: bf16\n", "mixed_precison"),
        ("num_processes\n", "num_processes"),
        ("__init__: 1\n", "__init__"),
        ("num_processes: 2\nnum_processes: 4\n", "num_processes"),
    ],
)
def test_what_is_not_done_here_is_refused_by_name(tmp_path, text, key):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match="accelerate launch") as refusal:
        config.read(path)
    assert str(refusal.value).startswith(path)
    assert f"`{key}" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mixed_precision: fp8\n", "fp8"),
        ("num_processes: 0\n", "num_processes is an integer of at least 1, not 0"),
        ("num_processes: two\n", "not 'two'"),
        ("num_processes: true\n", "not True"),
        ("use_cpu: perhaps\n", "use_cpu: perhaps"),
        ("distributed_type: 'NO'\nnum_processes: 2\n", "distributed_type: NO"),
        ("num_machines: 2\n", "num_machines: 2` is unknown or not done here"),
        ('{"num_processes": 2', "line 1"),
    ],
)
def test_nonsense_is_refused_with_the_files_name(tmp_path, text, says):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=says) as refusal:
        config.read(path)
    assert str(refusal.value).startswith(path)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        config.read(str(tmp_path / "none.yaml"))
    with pytest.raises(IsADirectoryError):
        config.read(str(tmp_path))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary\.yaml"):
        config.read(str(tmp_path / "binary.yaml"))


def test_adopted_until_another_is():
    assert config.launched() is None
    mine = Config(mixed_precision="bf16")
    try:
        config.adopt(mine)
        assert config.launched() is mine
    finally:
        config.adopt(None)


@pytest.mark.torch
def test_the_basic_configuration_is_written_once(home, capsys):
    pytest.importorskip("torch")
    path = config.write_basic_config("BF16")
    assert str(path) == config.location()
    count = config.hardware()[1]
    expected = Config(
        mixed_precision="bf16", num_processes=count, use_cpu=config.hardware()[0] == "cpu"
    )
    assert config.read(str(path)) == expected
    before = path.read_text()
    assert config.write_basic_config("no") is False
    assert f"already exists at {path}" in capsys.readouterr().out
    assert path.read_text() == before
    assert json.loads(before)["compute_environment"] == "LOCAL_MACHINE"


@pytest.mark.torch
def test_no_file_for_an_unknown_precision(home):
    pytest.importorskip("torch")
    with pytest.raises(ValueError, match="fp8"):
        config.write_basic_config("fp8", home / "sub" / "c.yaml")
    assert not (home / "sub").exists()
