"""``envcheck smoke`` through each kind of target, with torch and without."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from envcheck import schemas
from envcheck.model.smoke import PARTS

#: An interpreter whose environment has torch; by default the one that runs the tests.
TORCH = os.environ.get("ENVCHECK_TEST_TORCH_PYTHON", sys.executable)
BASE = "envcheck-base"
SCRIPT = """
import platform, sys
import envcheck
assert not hasattr(envcheck, "__version__"), "the installed one"
print("ran with", platform.python_version())
"""


@pytest.fixture
def script(tmp_path):
    """``script(TEXT)``: a file with it."""

    def write(text=SCRIPT):
        file = tmp_path / "mine.py"
        file.write_text(text)
        return str(file)

    return write


@pytest.fixture
def bare(venv):
    """An environment without torch."""
    return str(venv() / "bin" / "python")


def document(done):
    """The valid document that a run with ``--json`` prints."""
    found = json.loads(done.stdout)
    validator = Draft202012Validator(json.loads(schemas.text("smoke")))
    assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(found)] == []
    return found


def test_without_torch(envcheck, bare):
    done = envcheck("smoke", "--python", bare)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1].startswith("Inconclusive: torch is not installed")


@pytest.mark.parametrize("word", ["--python", "--venv"])
def test_a_script(envcheck, script, venv, word):
    folder = venv()
    target = str(folder / "bin" / "python") if word == "--python" else str(folder)
    done = envcheck("smoke", word, target, "--script", script(), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = document(done)
    assert (found["verdict"], found["status"], found["torch"]) == ("pass", "pass", None)
    (part,) = found["parts"]
    assert part["output"].startswith("ran with 3.")


def test_a_script_from_standard_input(envcheck, bare):
    done = envcheck("smoke", "--python", bare, "--script", "-", input="raise ValueError('no')")
    assert done.returncode == 1
    assert "script failed: <stdin>: ValueError: no (line 1)" in done.stdout


def test_a_script_that_fails_shows_what_it_said(envcheck, bare, script):
    text = "print('a' * 70)\nfor _ in range(30): print('more')\nraise OSError('broken')"
    done = envcheck("smoke", "--python", bare, "--script", script(text), env={"COLUMNS": "80"})
    assert done.returncode == 1
    assert "[✗] script" in done.stdout
    assert "    | OSError: broken" in done.stdout
    assert "aaa" not in done.stdout
    assert "hint" not in done.stderr
    whole = envcheck("smoke", "--python", bare, "--script", script(text), "-v")
    assert "    | aaa" in whole.stdout


def test_a_script_leaves_nothing_in_the_cache(envcheck, bare, script, tmp_path):
    cache = tmp_path / "cache"
    env = {"ENVCHECK_CACHE_DIR": str(cache)}
    done = envcheck("smoke", "--python", bare, "--script", script("SECRET = 1"), env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not cache.exists() or os.listdir(cache) == []


def test_a_script_that_hangs(envcheck, bare, script):
    done = envcheck(
        "smoke", "--python", bare, "--timeout", "6", "--script", script("while True: pass")
    )
    assert done.returncode == 3
    assert "did not end within" in done.stdout


def test_what_leaves_is_redacted(envcheck, bare, script, tmp_path):
    home = tmp_path / "home" / "leonora"
    home.mkdir(parents=True)
    token = "hf_" + "Zq8x" * 8
    text = f"import os\nprint({token!r}, os.environ['HOME'])\nraise ValueError({token!r})"
    env = {"HOME": str(home), "USER": "leonora"}
    words = ("smoke", "--python", bare, "--script", script(text))
    for done in (envcheck(*words, env=env), envcheck(*words, "--json", env=env)):
        assert done.returncode == 1
        assert "Zq8x" not in done.stdout
        assert "leonora" not in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--script", "/nonexistent/x.py"], "cannot read the script"),
        (["--script", os.devnull + "/x"], "cannot read the script"),
        (["--script", "/"], "cannot read the script"),
        (["--script", "-", "--part", "mlp"], "not allowed with"),
        (["--part", "nothing"], "invalid choice"),
        (["--facts", "x.json", "--part", "mlp"], "nothing can be run"),
    ],
)
def test_wrong_usage(envcheck, bare, words, said):
    target = [] if "--facts" in words else ["--python", bare]
    done = envcheck("smoke", *target, *words, input="")
    assert done.returncode == 2
    assert said in done.stderr


def test_a_script_that_is_no_text_or_too_large(envcheck, bare, tmp_path):
    file = tmp_path / "x.py"
    for data in (b"\xff\xfe\x00", b"#" * (1 << 20)):
        file.write_bytes(data)
        done = envcheck("smoke", "--python", bare, "--script", str(file))
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_a_saved_sheet_is_shown(envcheck, bare, tmp_path):
    saved = str(tmp_path / "facts.json")
    assert envcheck("facts", "--python", bare, "-o", saved).returncode == 0
    done = envcheck("smoke", "--facts", saved)
    assert done.returncode == 3
    assert "not asked for" in done.stdout
    assert envcheck("facts", "--python", bare, "--deep", "-o", saved).returncode == 0
    done = envcheck("smoke", "--facts", saved, "--json")
    assert document(done)["status"] == "skip"


def test_the_document_in_a_file_and_the_lines_beside_it(envcheck, bare, script, tmp_path):
    file = tmp_path / "out" / "smoke.json"
    done = envcheck("smoke", "--python", bare, "--script", script(), "-o", str(file))
    assert done.returncode == 0
    assert "The script passed" in done.stdout
    assert json.loads(file.read_text())["verdict"] == "pass"


@pytest.mark.docker
@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("3.12-slim", "torch is not installed"),
        ("3.9-slim", "torch has no wheel for Python 3.9 after"),
        ("3.13-musl", "no release of torch has a wheel for musl"),
    ],
)
def test_images_without_torch(envcheck, tag, why):
    done = envcheck("smoke", "--image", f"{BASE}:{tag}", "--json")
    assert done.returncode == 3
    assert why in document(done)["reason"]


@pytest.mark.docker
@pytest.mark.parametrize("tag", ["3.9-slim", "3.13-musl"])
def test_a_script_in_an_image(envcheck, script, tag):
    done = envcheck("smoke", "--image", f"{BASE}:{tag}", "--script", script(), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ran with {tag.partition('-')[0]}." in document(done)["parts"][0]["output"]


@pytest.mark.docker
def test_a_script_in_a_container_that_cannot_be_written_to(envcheck, script):
    words = ["docker", "run", "-d", "--read-only", "--user", "4711", f"{BASE}:3.11-musl"]
    name = subprocess.check_output([*words, "sleep", "600"], text=True).strip()
    try:
        done = envcheck("smoke", "--container", name, "--script", script(), "--json")
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document(done)["verdict"] == "pass"


@pytest.mark.interpreters
def test_an_interpreter_that_is_too_old(envcheck, interpreters):
    old = next((path for name, path in interpreters.items() if name.startswith("3.8.")), None)
    if old is None:
        pytest.skip("only on a machine with Python 3.8")
    done = envcheck("smoke", "--python", old, "--json")
    assert done.returncode == 3
    reason = document(done)["reason"]
    assert "needs Python 3.9 or newer, this is 3.8" in reason
    assert "no wheel for Python 3.8 after 2.4.1" in reason


@pytest.mark.torch
def test_training(envcheck, tmp_path):
    done = envcheck("smoke", "--python", TORCH, "--json", cwd=tmp_path)
    found = document(done)
    assert done.returncode == 0, found["reason"]
    assert found["verdict"] == "pass"
    assert {part["part"] for part in found["parts"]} == set(PARTS)
    for part in found["parts"]:
        assert part["status"] in ("pass", "skip"), part
        assert part["seconds"] is not None
    mlp = next(part for part in found["parts"] if part["part"] == "mlp")
    assert mlp["last_loss"] < mlp["first_loss"]
    assert os.listdir(tmp_path) == []


@pytest.mark.torch
def test_one_part_with_an_envcheck_in_the_way(envcheck, tmp_path):
    (tmp_path / "envcheck.py").write_text("raise ValueError('not this one')")
    env = {"PYTHONPATH": str(tmp_path)}
    done = envcheck("smoke", "--python", TORCH, "--part", "mlp", "--json", env=env)
    found = document(done)
    assert done.returncode == 0, found["reason"]
    assert {part["part"] for part in found["parts"]} == {"mlp"}


@pytest.mark.torch
def test_a_script_on_the_accelerator(envcheck, script):
    text = """
import torch
from envcheck.accelerator import Accelerator
accelerator = Accelerator(cpu=True)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model, optimizer = accelerator.prepare(model, optimizer)
for _ in range(3):
    loss = model(torch.ones(2, 4)).square().mean()
    accelerator.backward(loss)
    optimizer.step()
    optimizer.zero_grad()
print("loss", loss.item())
"""
    done = envcheck("smoke", "--python", TORCH, "--script", script(text), "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| loss " in done.stdout
