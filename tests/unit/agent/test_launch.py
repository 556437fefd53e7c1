"""Configuration of Accelerate and DeepSpeed: which file, whether it parses, what it says."""

from __future__ import annotations

import json

import pytest

from envcheck.agent.probes import launch
from envcheck.agent.protocol import Facts, Request


@pytest.fixture
def collected(monkeypatch, tmp_path):
    for name in (*launch._VARIABLES, "XDG_CACHE_HOME", "ACCELERATE_DEEPSPEED_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.chdir(tmp_path)

    def collect(config=None, **variables):
        if config is not None:
            file = tmp_path / "hf" / "accelerate" / "default_config.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(config)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        facts = Facts()
        launch.collect(facts, Request())
        return facts

    return collect


def test_nothing_is_configured(collected):
    facts = collected()
    assert facts.entries["accelerate.config"]["status"] == "absent"
    assert facts.entries["accelerate.config.values"]["status"] == "absent"
    assert facts.value("deepspeed.configs") == []
    assert facts.value("variables") == {}


YAML = """\
compute_environment: LOCAL_MACHINE
distributed_type: 'NO'
mixed_precision: 'no'
num_processes: 2
tpu_env:
- SECRET=CANARY
main_process_ip: CANARY
fsdp_config:
  fsdp_version: 2
"""


@pytest.mark.parametrize("text", [YAML, json.dumps({
    "compute_environment": "LOCAL_MACHINE", "distributed_type": "NO", "mixed_precision": "no",
    "num_processes": 2, "tpu_env": ["CANARY"], "main_process_ip": "CANARY",
    "fsdp_config": {"fsdp_version": 2},
})], ids=["yaml", "json"])  # fmt: skip
def test_what_it_says(collected, text):
    facts = collected(text)
    assert facts.value("accelerate.config.status") == "ok"
    assert facts.value("accelerate.config.values") == {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "NO",
        "mixed_precision": "no",
        "num_processes": 2,
        "fsdp_config.fsdp_version": 2,
    }
    assert "tpu_env" in facts.value("accelerate.config.keys")
    assert "CANARY" not in json.dumps(facts.entries)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("a: 1\nb:2\n", "malformed"),
        ("a: 1\n\tb: 2\n", "malformed"),
        ("<html>", "malformed"),
    ],
)
def test_what_cannot_be_used(collected, text, status):
    facts = collected(text)
    assert facts.value("accelerate.config.status") == status
    assert facts.value("accelerate.config.error")
    assert facts.entries["accelerate.config.values"]["status"] == "unknown"


def test_more_yaml_than_is_read_here_is_not_called_broken(collected):
    facts = collected("a: &x 1\nb: *x\n")
    assert facts.value("accelerate.config.status") in ("unknown", "ok")  # ok where PyYAML is there


def test_a_directory_in_place_of_the_file_is_no_configuration(collected, tmp_path):
    (tmp_path / "hf" / "accelerate" / "default_config.yaml").mkdir(parents=True)
    assert collected().entries["accelerate.config"]["status"] == "absent"


SOURCE = """\
@dataclass
class BaseConfig:
    compute_environment: ComputeEnvironment
    distributed_type: Union[A, B]

    def to_dict(self):
        result: dict = {}

@dataclass
class ClusterConfig(BaseConfig):
    num_processes: int = -1  # comment
    # comment: not a field
    fsdp_config: Optional[dict] = None

class SageMakerConfig(BaseConfig):
    region: str = "x"
"""


def test_keys_that_the_installed_one_accepts():
    fields = launch._class_fields(SOURCE, ("BaseConfig", "ClusterConfig"))
    assert fields == ["compute_environment", "distributed_type", "num_processes", "fsdp_config"]


def test_deepspeed(collected, tmp_path):
    good = {
        "bf16": {"enabled": True},
        "zero_optimization": {"stage": 3},
        "wandb": {"key": "CANARY"},
    }
    (tmp_path / "ds_config.json").write_text(json.dumps(good))
    (tmp_path / "deepspeed_zero2.json").write_text("{broken")
    (tmp_path / "other.json").write_text("{broken")
    facts = collected(
        "distributed_type: DEEPSPEED\ndeepspeed_config:\n  deepspeed_config_file: gone.json\n"
    )
    found = {item["path"]: item for item in facts.value("deepspeed.configs")}
    assert found["gone.json"]["status"] == "missing"
    assert found["deepspeed_zero2.json"]["status"] == "malformed"
    assert found["ds_config.json"]["values"] == {"bf16.enabled": True, "zero_optimization.stage": 3}
    assert "other.json" not in found
    assert "CANARY" not in json.dumps(facts.entries)


def test_variables(collected):
    facts = collected(
        WORLD_SIZE="2", MASTER_ADDR="CANARY", ACCELERATE_USE_CPU="true", RANK="CANARY"
    )
    assert facts.value("variables") == {
        "RANK": "set",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "set",
        "ACCELERATE_USE_CPU": "true",
    }


def test_numbers_that_json_does_not_have(collected):
    facts = collected(
        '{"num_processes": NaN, "mixed_precision": Infinity, "distributed_type": "NO"}'
    )
    assert facts.value("accelerate.config.values") == {"distributed_type": "NO"}
