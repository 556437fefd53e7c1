"""The module search path of a plain start, and what hides the standard library."""

from __future__ import annotations

import os
import sys

import pytest

from envcheck.agent import searchpath
from envcheck.agent.probes import interpreter_outside
from envcheck.agent.probes.interpreter_shadows import shadows, standard_modules

STDLIB = os.path.dirname(os.__file__)


def test_pyvenv_cfg(tmp_path):
    text = "Home = /usr/bin\ninclude-system-site-packages=false\nversion = 3.11.2\nnonsense\n"
    (tmp_path / "pyvenv.cfg").write_text(text)
    assert searchpath.venv_config(str(tmp_path)) == {
        "home": "/usr/bin",
        "include-system-site-packages": "false",
        "version": "3.11.2",
    }
    assert searchpath.venv_config(str(tmp_path / "none")) is None


def test_pth_files_add_directories_and_run_nothing(tmp_path):
    (tmp_path / "there").mkdir()
    text = f"# comment\nimport os; os.mkdir({str(tmp_path / 'ran')!r})\nthere\ngone\n\n"
    (tmp_path / "a.pth").write_text(text)
    assert searchpath.pth_entries(str(tmp_path)) == [str(tmp_path / "there")]
    assert not (tmp_path / "ran").exists()


def test_pythonpath_entries(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/a", "", "rel"]))
    assert searchpath.pythonpath() == ["/a", str(tmp_path), str(tmp_path / "rel")]
    monkeypatch.setenv("PYTHONPATH", "")
    assert searchpath.pythonpath() == []


@pytest.mark.parametrize(
    ("variables", "config", "enabled"),
    [
        ({}, None, True),
        ({"PYTHONNOUSERSITE": "1"}, None, False),
        ({}, {"include-system-site-packages": "false"}, False),
        ({}, {}, False),
        ({}, {"include-system-site-packages": "true"}, True),
    ],
)
def test_when_the_user_site_is_searched(monkeypatch, variables, config, enabled):
    monkeypatch.delenv("PYTHONNOUSERSITE", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert searchpath._uses_user_site(config) is enabled


def path(*folders, origin="cwd"):
    records = [{"entry": str(folder), "origin": origin, "exists": True} for folder in folders]
    return [*records, {"entry": STDLIB, "origin": "stdlib", "exists": True}]


def test_a_file_and_a_package_hide_standard_modules(tmp_path):
    (tmp_path / "random.py").write_text("")
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue/__init__.py").write_text("")
    (tmp_path / f"csv.cpython-{sys.version_info[0]}{sys.version_info[1]}-x.so").write_text("")
    found = shadows(path(tmp_path), STDLIB)
    assert {record["module"] for record in found} == {"random", "queue", "csv"}
    assert {record["origin"] for record in found} == {"cwd"}


def test_what_hides_nothing(tmp_path):
    (tmp_path / "email").mkdir()  # a namespace package comes last
    (tmp_path / "sys.py").write_text("")  # built in
    (tmp_path / "io.py").write_text("")  # imported before the script's directory is searched
    (tmp_path / "test").mkdir()
    (tmp_path / "test/__init__.py").write_text("")
    (tmp_path / "train.py").write_text("")
    (tmp_path / "random.txt").write_text("")
    assert shadows(path(tmp_path), STDLIB) == []


def test_pythonpath_is_searched_before_python_starts(tmp_path):
    (tmp_path / "stat.py").write_text("")
    hidden = "stat" in standard_modules(STDLIB)  # from 3.11 on it is frozen and cannot be hidden
    assert bool(shadows(path(tmp_path, origin="PYTHONPATH"), STDLIB)) is hidden
    assert shadows(path(tmp_path), STDLIB) == []


def test_what_comes_after_the_standard_library_hides_nothing(tmp_path):
    (tmp_path / "random.py").write_text("")
    late = {"entry": str(tmp_path), "origin": "site", "exists": True}
    assert shadows([*path(), late], STDLIB) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('VIRTUAL_ENV="/srv/env"\nexport VIRTUAL_ENV\n', "/srv/env"),
        ("    export VIRTUAL_ENV=/srv/env\n", "/srv/env"),
        ("VIRTUAL_ENV='/srv/env'\n", "/srv/env"),
        ('VIRTUAL_ENV="$(cd "$(dirname "$0")" && pwd)"\n', None),
        ("", None),
    ],
)
def test_where_an_activate_script_points(tmp_path, text, named):
    (tmp_path / "activate").write_text(text)
    assert searchpath.activated(str(tmp_path / "activate")) == named


def test_why_an_interpreter_does_not_start(tmp_path):
    prefix = str(tmp_path)
    assert "no interpreter" in interpreter_outside.why_not(None, {}, prefix)
    (tmp_path / "python").symlink_to("python3")
    (tmp_path / "python3").symlink_to("/gone/python3.11")
    config = {"home": "/gone"}
    reason = interpreter_outside.why_not(str(tmp_path / "python"), config, prefix)
    assert "/gone/python3.11" in reason
    assert "home in pyvenv.cfg" in reason
    assert interpreter_outside.why_not(sys.executable, {}, prefix) == ""


def test_links_in_a_circle_end(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert interpreter_outside.why_not(str(tmp_path / "a"), {}, str(tmp_path))
