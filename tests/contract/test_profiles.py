"""The shipped profiles, and the kinds of requirements: every one is judged by some check."""

import re

import pytest

from envcheck import checks, profiles
from envcheck.evaluate import evaluate, exit_code
from envcheck.model.condition import CONDITIONS
from envcheck.model.facts import FactSheet
from envcheck.model.profile import KINDS
from envcheck.targets.base import AgentRequest
from envcheck.targets.interpreter import this_interpreter

SHIPPED = ("accelerate", "build-extensions", "ci", "inference", "torch", "transformers-training")


def test_these_are_shipped():
    assert profiles.names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_requirement_says_why_and_where_that_is_written(name):
    profile = profiles.load([name])
    assert profile.names == (name,)
    assert profile.summary
    assert profile.requirements
    for placed in profile.requirements:
        assert placed.id, placed
        assert placed.reason, placed
        assert re.search(r"20\d\d-\d\d-\d\d", placed.source), f"{placed}: a source has a date"
        assert placed.anchor.path.startswith("envcheck/profiles/")


@pytest.mark.parametrize("name", SHIPPED)
def test_an_anchor_is_the_line_of_the_requirement_s_header(name):
    for placed in profiles.load([name]).requirements:
        file = placed.anchor.path.rpartition("/")[2]
        with open(f"{profiles.FOLDER}/{file}", encoding="utf-8") as text:
            line = text.read().split("\n")[placed.anchor.line - 1]
        assert line == f"[[{placed.kind}]]"


#: a line of the environment page "transformers training environment" of 2025-12-18
#: -> the requirement (kind, id) and what it has to say
SEED = {
    "OS: Linux (recommended), Windows, macOS": (
        ("os", "os"),
        {"any": ["linux", "darwin", "windows"], "recommended": ["linux"]},
    ),
    "OS: Linux for distributed training": (
        ("os", "os-distributed"),
        {"any": ["linux"], "when": ["distributed"]},
    ),
    "Python >= 3.10": (("python", "python"), {"requires": ">=3.10", "severity": "error"}),
    "Hardware: NVIDIA GPU": (("device", "gpu"), {"severity": "warning"}),
    "Device setup: cuda, xpu, npu, mps": (
        ("device", "gpu"),
        {"any": ["cuda", "rocm", "xpu", "npu", "mps"]},
    ),
    "16GB+ VRAM recommended for LLMs": (
        ("device", "vram"),
        {"memory_gib": 14.5, "severity": "warning", "when": ["cuda"]},
    ),
    "Memory: 16GB+ RAM": (("memory", "ram"), {"minimum_gib": 14.9}),
    "Disk: 50GB+ SSD for checkpoints": (
        ("disk", "disk-output"),
        {"path": "output", "minimum_gib": 46.5},
    ),
    "Disk: 50GB+ SSD for datasets": (
        ("disk", "disk-datasets"),
        {"path": "HF_HOME", "minimum_gib": 46.5},
    ),
    "cuda-toolkit >= 11.8 - For NVIDIA GPUs": (
        ("cuda_toolkit", "cuda-toolkit"),
        {"requires": ">=11.8", "when": ["cuda"]},
    ),
    "cudnn >= 8.6": (("cudnn", "cudnn"), {"requires": ">=8.6", "when": ["cuda"]}),
    "HF_TOKEN, optional": (
        ("variable", "HF_TOKEN"),
        {"name": "HF_TOKEN", "optional": True, "credential": True},
    ),
    "WANDB_API_KEY, optional": (
        ("variable", "WANDB_API_KEY"),
        {"name": "WANDB_API_KEY", "optional": True, "credential": True},
    ),
    "HF_HOME, optional": (("variable", "HF_HOME"), {"name": "HF_HOME", "optional": True}),
    "Single GPU: works out of the box with cuda": (
        ("device", "gpu-cuda"),
        {"any": ["cuda"], "when": ["cuda"], "severity": "error"},
    ),
    "Multi-GPU: accelerate launch": (("distribution", "accelerate"), {"severity": "error"}),
    "FSDP: requires PyTorch >= 2.2": (
        ("distribution", "torch-fsdp"),
        {"requires": "torch>=2.2", "when": ["fsdp"]},
    ),
    "FSDP: requires accelerate config": (
        ("file", "accelerate-config"),
        {"when": ["fsdp"], "optional": True},
    ),
    "DeepSpeed: wanted": (("distribution", "deepspeed-wanted"), {"when": ["deepspeed"]}),
    "DeepSpeed: requires a configuration file": (
        ("file", "deepspeed-config"),
        {"when": ["deepspeed"], "optional": True},
    ),
    "Apple Silicon: bf16 not available on MPS": (
        ("dtype", "bf16-mps"),
        {"name": "bf16", "when": ["mps", "bf16"]},
    ),
    "Mixed Precision: fp16 requires Tensor Cores": (
        ("dtype", "fp16"),
        {"name": "fp16", "when": ["cuda", "fp16"]},
    ),
    "Mixed Precision: bf16 requires Ampere+": (
        ("dtype", "bf16"),
        {"name": "bf16", "when": ["cuda", "bf16"]},
    ),
} | {
    requirement: (
        ("distribution", re.split(r"[>\[]", requirement)[0]),
        {"requires": requirement, "optional": optional, "when": []},
    )
    for requirement, optional in {
        "transformers": False,
        "torch>=2.2": False,
        "accelerate>=1.1.0": False,
        "datasets>=2.15.0": False,
        "safetensors>=0.4.3": False,
        "tokenizers>=0.22.0": False,
        "huggingface-hub>=1.2.1": False,
        "numpy>=1.17": False,
        "tqdm>=4.27": False,
        "evaluate>=0.4.6": True,
        "peft>=0.18.0": True,
        "deepspeed>=0.9.3": True,
        "wandb": True,
        "tensorboard": True,
        "optuna": True,
        "ray[tune]>=2.7.0": True,
        "bitsandbytes": True,
    }.items()
}


@pytest.mark.parametrize(("identity", "says"), SEED.values(), ids=SEED)
def test_every_line_of_the_environment_page_is_a_requirement(identity, says):
    profile = profiles.load(["transformers-training"])
    (placed,) = [p for p in profile.requirements if (p.kind, p.id) == identity]
    assert {name: getattr(placed, name) for name in says} == says
    assert "environment page" in placed.source


def test_nothing_is_in_the_profile_besides_the_page_and_dated_notes():
    known = {identity for identity, _ in SEED.values()}
    for placed in profiles.load(["transformers-training"]).requirements:
        if (placed.kind, placed.id) not in known:
            assert placed.severity != "error", placed


#: one requirement of each kind that this machine is asked to fulfil
ONE_EACH = {
    "python": 'requires = ">=3"',
    "os": 'any = ["linux", "darwin", "windows"]',
    "libc": 'family = "glibc"',
    "wheel_tag": 'any = ["manylinux_2_17_x86_64"]',
    "distribution": 'requires = "pytest"',
    "cuda_toolkit": 'requires = ">=11"',
    "cudnn": 'requires = ">=8"',
    "driver": 'requires = ">=450"',
    "device": 'any = ["cuda"]',
    "dtype": 'name = "bf16"',
    "memory": "minimum_gib = 0.001",
    "disk": 'path = "TMPDIR"\nminimum_gib = 0.001',
    "shared_memory": "minimum_gib = 0.001",
    "cpu": "minimum = 0.1",
    "compiler": 'tool = "c"',
    "variable": 'name = "PATH"',
    "file": 'path = "/"',
}


@pytest.fixture(scope="module")
def sheet():
    request = AgentRequest(versions=True, variables=("PATH",), paths=(("/", "/"),))
    return this_interpreter().start(request).finish()


def test_one_requirement_of_each_kind_is_below():
    assert ONE_EACH.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_requirement_of_every_kind_is_judged_at_its_line(kind, sheet):
    profile = profiles.loads(f"\n[[{kind}]]\n{ONE_EACH[kind]}\n")
    report = evaluate(sheet, checks.load(), profile=profile)
    about = [finding for finding in report.findings if finding.anchor == ("profile.toml", 2)]
    assert about, f"no check judges [[{kind}]]"
    for finding in about:
        assert finding.status in ("pass", "fail", "unknown", "skip"), finding
        assert finding.status != "fail" or finding.severity == "error"
        assert finding.status != "unknown" or finding.required


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("severity", ["error", "warning", "note"])
def test_where_nothing_is_known_no_requirement_passes(kind, severity):
    text = f'[[{kind}]]\n{ONE_EACH[kind]}\nseverity = "{severity}"\n'
    family = [check for check in checks.load() if check.code != "PY001"]  # which says so by itself
    report = evaluate(FactSheet({}), family, profile=profiles.loads(text))
    about = [finding for finding in report.findings if finding.anchor]
    assert {finding.status for finding in about} == {"unknown"}, about
    assert {finding.severity for finding in about} == {severity}
    wanted = ("inconclusive", 3) if severity == "error" else ("pass", 0)
    assert (report.verdict, exit_code(report)) == wanted


@pytest.mark.parametrize("name", SHIPPED)
def test_every_requirement_that_applies_is_judged(name, sheet):
    """With every condition wished for, so that all apply."""
    profile = profiles.load([name])
    report = evaluate(sheet, checks.load(), profile=profile, wants=frozenset(CONDITIONS))
    judged = {finding.anchor for finding in report.findings}
    missing = [placed for placed in profile.requirements if placed.anchor not in judged]
    assert missing == []
    assert not [finding for finding in report.findings if finding.status == "crash"]
