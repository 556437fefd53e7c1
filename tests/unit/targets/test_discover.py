"""Which environment is examined when none is named."""

from __future__ import annotations

import os
import sys

import pytest

from envcheck.targets import discover
from envcheck.targets.discover import default, tool_environment


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """No environment is active, nothing is on PATH, envcheck was started as ``envcheck doctor``."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "/x/bin/envcheck", "doctor"])
    project = tmp_path / "home" / "project" / "src"
    project.mkdir(parents=True)
    monkeypatch.chdir(project)
    return tmp_path


@pytest.fixture
def tool(machine, monkeypatch):
    """As ``machine``, and envcheck runs in an environment that pipx made for it."""
    prefix = make_venv(machine / "pipx" / "venvs" / "envcheck-ml")
    (prefix / "pipx_metadata.json").write_text("{}")
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setattr(sys, "executable", str(prefix / "bin" / "python"))
    monkeypatch.setenv("PATH", str(prefix / "bin"))
    return prefix


def make_venv(folder, broken=False):
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /gone\n")
    target = "/gone/python" if broken else sys.executable
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(target)
    return folder


def test_an_ordinary_environment_examines_itself(machine):
    found = default()
    assert (found.executable, found.chosen_by) == (sys.executable, "envcheck runs in it")
    assert "own_tool_environment" not in found.describe()


def test_another_active_environment_is_meant(machine, monkeypatch):
    other = make_venv(machine / "other")
    monkeypatch.setenv("VIRTUAL_ENV", str(other))
    assert default().describe() == {
        "kind": "venv",
        "name": str(other),
        "chosen_by": "VIRTUAL_ENV",
    }


def test_uv_run_with_means_the_projects_environment(machine, monkeypatch):
    """uv puts envcheck into a temporary environment that extends the project's."""
    project = make_venv(machine / "home" / "project" / ".venv")
    temporary = make_venv(machine / "cache" / "builds-v0" / ".tmpab")
    (temporary / "pyvenv.cfg").write_text(f"home = /x\nextends-environment = {project}\n")
    monkeypatch.setattr(sys, "prefix", str(temporary))
    monkeypatch.setenv("VIRTUAL_ENV", str(temporary))
    assert default().environment == str(project)
    assert default().chosen_by == "uv run"


@pytest.mark.parametrize("words", [["-m", "envcheck"], ["-X", "utf8", "-m", "envcheck", "doctor"]])
def test_python_m_means_that_python(machine, monkeypatch, words):
    monkeypatch.setenv("VIRTUAL_ENV", str(make_venv(machine / "other")))
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, *words])
    assert default().executable == sys.executable


def test_conda_base_is_not_taken_for_the_environment_of_an_ordinary_one(machine, monkeypatch):
    conda = machine / "conda"
    (conda / "conda-meta").mkdir(parents=True)
    monkeypatch.setenv("CONDA_PREFIX", str(conda))
    assert default().executable == sys.executable


def test_tool_order_virtual_env_conda_project_path(tool, machine, monkeypatch):
    active = make_venv(machine / "active")
    conda = machine / "conda"
    (conda / "conda-meta").mkdir(parents=True)
    project = make_venv(machine / "home" / "project" / ".venv")
    programs = make_venv(machine / "programs")
    (programs / "pyvenv.cfg").unlink()
    monkeypatch.setenv("VIRTUAL_ENV", str(active))
    monkeypatch.setenv("CONDA_PREFIX", str(conda))
    monkeypatch.setenv("PATH", f"{tool / 'bin'}:{programs / 'bin'}")
    seen = []
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", None):
        seen.append(default().describe())
        if name:
            monkeypatch.delenv(name)
    (project / "pyvenv.cfg").unlink()
    seen.append(default().describe())
    assert seen == [
        {"kind": "venv", "name": str(active), "chosen_by": "VIRTUAL_ENV"},
        {"kind": "conda", "name": str(conda), "chosen_by": "CONDA_PREFIX"},
        {
            "kind": "venv",
            "name": str(project),
            "chosen_by": "./.venv, in or above this directory",
        },
        {
            "kind": "python",
            "name": str(programs / "bin" / "python3"),
            "chosen_by": "python3 on PATH",
        },
    ]


def test_a_tool_looks_at_itself_only_when_there_is_nothing_else_and_says_so(tool):
    found = default().describe()
    assert found["own_tool_environment"] is True
    assert "no other was found than envcheck's own, made by pipx" in found["chosen_by"]


def test_the_tools_own_variable_does_not_count(tool, monkeypatch):
    """pre-commit sets VIRTUAL_ENV to the environment that it made for the hook."""
    monkeypatch.setenv("VIRTUAL_ENV", str(tool))
    assert default().own_tool


def test_an_environment_that_is_gone_is_named(tool, machine, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", str(machine / "deleted"))
    project = make_venv(machine / "home" / "project" / ".venv")
    found = default()
    assert found.environment == str(project)
    assert f"VIRTUAL_ENV names {machine / 'deleted'}, where there is none" in found.chosen_by


def test_a_broken_environment_is_still_the_one_that_is_meant(tool, machine, monkeypatch):
    broken = make_venv(machine / "broken", broken=True)
    monkeypatch.setenv("VIRTUAL_ENV", str(broken))
    assert default().environment == str(broken)


def test_does_not_leave_the_project(tool, machine):
    make_venv(machine / "home" / ".venv")
    (machine / "home" / "project" / ".git").mkdir()
    assert default().own_tool


def test_does_not_run_somebody_elses_environment(tool, machine, monkeypatch):
    folder = make_venv(machine / "home" / "project" / ".venv")
    assert default().environment == str(folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(folder).st_uid + 1)
    if os.stat(folder).st_uid == 0:
        os.chown(folder, 4711, 4711)
    assert default().own_tool


def test_a_directory_that_was_removed(tool, machine):
    gone = machine / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert default().own_tool


def test_windows_layout(tool, machine, monkeypatch):
    folder = machine / "windows"
    (folder / "Scripts").mkdir(parents=True)
    (folder / "Scripts" / "python.exe").write_text("")
    (folder / "pyvenv.cfg").write_text("")
    monkeypatch.setenv("VIRTUAL_ENV", str(folder))
    assert default().executable == str(folder / "Scripts" / "python.exe")


@pytest.mark.parametrize(
    ("path", "mark", "tool"),
    [
        ("/home/u/.local/pipx/venvs/envcheck-ml", "", "pipx"),
        ("/home/u/.local/share/pipx/venvs/envcheck-ml", "", "pipx"),
        ("/home/u/.cache/pipx/d5a1f9", "", "pipx run"),
        ("/home/u/.local/pipx/.cache/d5a1f9", "", "pipx run"),
        ("/home/u/.cache/uv/archive-v0/K3xQ", "", "uvx"),
        ("/home/u/.cache/pre-commit/repoab12/py_env-python3.11", "", "pre-commit"),
        ("tools/envcheck-ml", "uv-receipt.toml", "uv tool"),
        ("elsewhere/envcheck-ml", "pipx_metadata.json", "pipx"),
        ("/home/u/project/.venv", "", ""),
        ("/usr", "", ""),
        ("/opt/conda/envs/ml", "", ""),
        ("/home/u/pipx-experiments/.venv", "", ""),
    ],
)
def test_tool_environments_are_known_by_their_marks(tmp_path, path, mark, tool):
    if mark:
        path = tmp_path / path
        path.mkdir(parents=True)
        (path / mark).write_text("")
    assert tool_environment(str(path)) == tool


def test_no_child_process_is_started(tool, monkeypatch):
    def forbidden(*_arguments, **_named):
        raise AssertionError("a child process")

    for name in ("fork", "posix_spawn", "posix_spawnp"):
        monkeypatch.setattr(os, name, forbidden)
    assert discover.default()
