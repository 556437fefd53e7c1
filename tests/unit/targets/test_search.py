"""Interpreters by name, version and through shims."""

from __future__ import annotations

import os
import sys

import pytest

from envcheck.errors import TargetError
from envcheck.targets import choose, search


@pytest.fixture
def pyenv(tmp_path, monkeypatch):
    """A pyenv root with three versions, shims for all of them first on PATH, 3.11.7 global."""
    root = tmp_path / "pyenv"
    for version in ("3.9.18", "3.11.7", "3.12.1", "3.12.10"):
        program(root / "versions" / version / "bin" / "python")
        program(root / "versions" / version / "bin" / f"python{version.rpartition('.')[0]}")
    for name in ("python", "python3.9", "python3.11", "python3.12"):
        program(root / "shims" / name)
    (root / "version").write_text("3.11.7\n")
    system = tmp_path / "system"
    program(system / "python")
    here = tmp_path / "home" / "project"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", f"{root / 'shims'}:{system}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PYENV_VERSION", "PYENV_ROOT", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    return root


def program(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def version_of(path):
    return path.split("/versions/")[1].split("/")[0]


def test_a_shim_is_what_pyenv_would_run_here(pyenv, monkeypatch):
    assert version_of(search.interpreter("python")) == "3.11.7"
    (pyenv.parent / "home" / ".python-version").write_text("# ours\n3.9\n")
    assert version_of(search.interpreter("python")) == "3.9.18"
    monkeypatch.setenv("PYENV_VERSION", "3.12")
    assert version_of(search.interpreter("python")) == "3.12.10"
    monkeypatch.setenv("PYENV_VERSION", "3.12.1:3.11.7")
    assert version_of(search.interpreter("python")) == "3.12.1"


def test_the_system_version_is_the_next_on_path(pyenv, monkeypatch):
    monkeypatch.setenv("PYENV_VERSION", "system")
    assert search.interpreter("python") == str(pyenv.parent / "system" / "python")


def test_a_shim_by_its_path_is_resolved_too(pyenv):
    assert version_of(search.interpreter(str(pyenv / "shims" / "python"))) == "3.11.7"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("3.9", "3.9.18"),
        ("3.12", "3.12.10"),
        ("3.12.1", "3.12.1"),
        ("python3.12", "3.12.10"),
        ("3.11", "3.11.7"),
    ],
)
def test_a_version_is_found_though_pyenv_has_not_chosen_it(pyenv, said, found):
    assert version_of(search.interpreter(said)) == found


def test_a_version_that_uv_installed(pyenv, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    name = "cpython-3.14.0-linux-x86_64-gnu"
    file = program(tmp_path / "data" / "uv" / "python" / name / "bin" / "python")
    assert search.interpreter("3.14") == str(file)


def test_what_is_not_there_is_an_error_that_names_what_is(pyenv):
    with pytest.raises(TargetError, match=r"there is no interpreter `3\.7`") as caught:
        search.interpreter("3.7")
    assert any("3.11.7" in line for line in caught.value.context)
    with pytest.raises(TargetError, match="no such file"):
        search.interpreter("./nothing")


def test_the_path_of_a_venvs_interpreter_knows_its_environment(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text("")
    (tmp_path / "bin" / "python").symlink_to("/gone/python")
    target = choose(python=str(tmp_path / "bin" / "python"))
    assert target.environment == str(tmp_path)
    assert choose(python=str(tmp_path)).environment == str(tmp_path)
    assert choose(python=sys.executable).executable == sys.executable


def test_a_directory_that_is_no_environment(tmp_path):
    with pytest.raises(TargetError, match="no Python environment"):
        choose(venv=str(tmp_path))
    with pytest.raises(TargetError, match="no such directory"):
        choose(venv=str(tmp_path / "none"))
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("")
    with pytest.raises(TargetError) as caught:
        choose(venv=str(tmp_path))
    assert os.path.join(str(tmp_path), ".venv") in caught.value.hint
