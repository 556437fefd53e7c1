"""The commands that are shown do mend what they are shown for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envcheck import checks
from envcheck.evaluate import evaluate
from envcheck.model.facts import FactSheet

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def python_on_path(folder):
    """A PATH with ``pythonX.Y`` of the installation below this environment, and uv."""
    names = [folder, Path(sys.executable).parent]
    (folder / f"python{VERSION}").symlink_to(sys._base_executable)
    return os.pathsep.join([*map(str, names), os.environ["PATH"]])


def by_venv(env):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)


def by_uv(env):
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert uv, "the test extra has uv"
    command = [uv, "venv", "--offline", "-q", "--python", sys._base_executable, str(env)]
    subprocess.run(command, check=True)


@pytest.mark.parametrize("make", [by_venv, by_uv])
def test_a_base_that_is_gone(facts, tmp_path, make):
    """Scenario 29: the interpreter starts again, and the packages are still there."""
    env = tmp_path / "env"
    make(env)
    kept = env / f"lib/python{VERSION}/site-packages/kept.py"
    kept.write_text("")
    for name in ("python", "python3", f"python{VERSION}"):
        link = env / "bin" / name
        if os.readlink(link).startswith("/"):
            link.unlink()
            link.symlink_to(f"/gone/python{VERSION}")
    python = env / "bin/python"
    assert not python.exists()
    report = evaluate(FactSheet(facts(venv=str(env))), checks.load(("PY",)))
    (finding,) = [f for f in report.findings if f.status == "fail"]
    assert finding.code == "PY002"
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    environment = {
        **os.environ,
        "PATH": python_on_path(bin_folder),
        "UV_OFFLINE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    for command in finding.remedy.commands:
        subprocess.run(command, shell=True, check=True, env=environment, capture_output=True)
    code = "import json, kept, sys; print(json.dumps(sys.prefix))"
    assert json.loads(subprocess.check_output([python, "-I", "-c", code])) == str(env)
    healthy = evaluate(FactSheet(facts(venv=str(env))), checks.load(("PY",)))
    assert healthy.verdict == "pass"


def test_threads(tmp_path):
    """Scenario 35: with what is proposed the finding is gone."""
    argv = ["taskset", "-c", "0", sys.executable, "-m", "envcheck", "doctor", "--report", "json"]

    def finding(threads):
        environment = {**os.environ, "OMP_NUM_THREADS": threads}
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=120)
        found = json.loads(done.stdout)["findings"]
        return [f for f in found if f["code"] == "RES003" and f["status"] == "fail"]

    (command,) = finding("64")[0]["remedy"]["commands"]
    name, _, value = command.removeprefix("export ").partition("=")
    assert name == "OMP_NUM_THREADS"
    assert finding(value) == []
