"""envcheck in an environment of its own and torch elsewhere: scenario 52."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


@pytest.fixture
def tool(tmp_path, venv):
    """An environment as pipx makes it, with envcheck in it (and what the tests run with)."""
    env = venv(tmp_path / "pipx" / "venvs" / "envcheck-ml")
    (env / "pipx_metadata.json").write_text("{}")
    beside = [path for path in sys.path if path.endswith("site-packages")]
    (env / SITE / "envcheck.pth").write_text("\n".join([ROOT, *beside]) + "\n")
    script = env / "bin" / "envcheck"
    script.write_text(
        f"#!{env / 'bin' / 'python'}\n"
        "import sys\nfrom envcheck.cli.main import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    return script


@pytest.fixture
def project(tmp_path, venv):
    """A project with an environment in which a torch is installed."""
    env = venv(tmp_path / "project" / ".venv")
    info = env / SITE / "torch-2.13.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n")
    return env


def doctor(script, *words, cwd, home, **variables):
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **variables}
    return subprocess.run(
        [str(script), "doctor", *words], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_finds_the_active_environment_and_names_it(tool, project, tmp_path):
    done = doctor(tool, cwd=tmp_path, home=tmp_path, VIRTUAL_ENV=str(project))
    first = done.stdout.splitlines()[0]
    assert str(project).replace(str(tmp_path), "~") in first
    assert "VIRTUAL_ENV" in first


def test_finds_the_projects_environment(tool, project, tmp_path):
    below = project.parent / "src" / "package"
    below.mkdir(parents=True)
    done = doctor(tool, cwd=below, home=tmp_path)
    assert ".venv" in done.stdout.splitlines()[0], done.stdout + done.stderr


def test_never_says_that_torch_is_missing_from_its_own_environment(tool, tmp_path):
    done = doctor(tool, "--profile", "torch", cwd=tmp_path, home=tmp_path, PATH="")
    said = " ".join(done.stdout.split())
    assert "no other was found than envcheck's own, made by pipx" in said, done.stderr
    assert "PY010" in said
    assert done.returncode == 3
    for wrong in ("is not installed", "not installed: "):
        assert wrong not in said
