"""No secret is ever in a fact sheet, wherever it was: the agent's own output, before redaction."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from envcheck.agent.probes import credentials
from envcheck.targets import bundle

SECRET = "CANARY7f3a9"
ADDRESS = f"https://user:{SECRET}@host.example/simple"
PROXY = f"http://user:{SECRET}@localhost:1"


@pytest.fixture
def home(tmp_path):
    files = {
        ".netrc": f"machine api.wandb.example login user password {SECRET}\n",
        ".config/pip/pip.conf": f"[global]\nindex-url = {ADDRESS}\nextra-index-url = {ADDRESS}\n",
        ".config/uv/uv.toml": f'index-url = "{ADDRESS}"\n[[index]]\nurl = "{ADDRESS}"\n',
        "hf/token": f"{SECRET}\n",
        "hf/accelerate/default_config.yaml": f"tpu_env:\n- TOKEN={SECRET}\n{SECRET}: {SECRET} x\n",
        "cwd/ds_config.json": json.dumps({"wandb": {"token": SECRET}, "x": SECRET}),
        "cwd/deepspeed.json": f'{{"{SECRET}": {SECRET}',
        "cwd/uv.toml": f'find-links = ["{ADDRESS}"]\n',
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def collected(home, *words, **variables):
    names = (*credentials.ALWAYS, *credentials.OTHERS, "MY_PASSWORD", "HF_TOKEN_PATH")
    environment = {name: variables.get("value", SECRET) for name in names if name != "HF_HOME"}
    environment.update(
        {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "PIP_INDEX_URL": ADDRESS,
            "PIP_EXTRA_INDEX_URL": f"{ADDRESS} {ADDRESS}",
            "UV_INDEX": f"name={ADDRESS}",
            "UV_DEFAULT_INDEX": ADDRESS,
            **dict.fromkeys(("HTTP_PROXY", "https_proxy", "ALL_PROXY"), PROXY),
            "MASTER_ADDR": SECRET,
            "WORLD_SIZE": SECRET,
            "ACCELERATE_MIXED_PRECISION": SECRET,
        }
    )
    environment.update({key: text for key, text in variables.items() if key != "value"})
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-B",
            bundle.path(sys.executable),
            "--variable",
            "MY_PASSWORD",
            *words,
        ],
        env=environment,
        cwd=home / "cwd",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {probe["status"] for probe in document["probes"].values()} == {"ok"}
    leaking = [key for key, entry in document["facts"].items() if SECRET in json.dumps(entry)]
    assert not leaking
    assert SECRET not in done.stdout
    return document["facts"]


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f'"{SECRET}"',
        f"{SECRET}\n",
        f"Bearer {SECRET}",
        f"https://x:{SECRET}@y",
        f" {SECRET}",
    ],
    ids=["plain", "quoted", "newline", "bearer", "address", "space"],
)
def test_variables_and_files(home, value):
    facts = collected(home, value=value)
    names = {item["name"]: item["status"] for item in facts["credentials.variables"]["value"]}
    assert "absent" not in {names[name] for name in ("HF_TOKEN", "WANDB_API_KEY", "MY_PASSWORD")}
    assert facts["network.index"]["value"]
    assert len(facts["network.proxies"]["value"]) == 3


def test_deep_and_online(home):
    """What the index and libraries say quotes no address with its password."""
    facts = collected(home, "--deep", "--online", "--timeout", "40")
    assert facts["network.index.answer"]["value"] == "proxy"  # nobody listens on port 1
