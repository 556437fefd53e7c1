"""What is imported instead of what is meant, in real environments, and the negative controls."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from envcheck import checks
from envcheck.evaluate import evaluate
from envcheck.model.facts import FactSheet

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def failing(facts, tmp_path, monkeypatch):
    """The findings of PY that fail in ``python``, started in an empty directory unless told."""

    def run(python, env=None, cwd=None):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with monkeypatch.context() as patch:
            for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE"):
                patch.delenv(name, raising=False)
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.chdir(cwd or tmp_path / "empty")
            document = facts(python=str(python))
        report = evaluate(FactSheet(document), checks.load(("PY",)))
        assert not report.counts.crash
        return {f.code: f for f in report.findings if f.status == "fail"}

    return run


@pytest.fixture
def user_base(tmp_path):
    """A user's site directory with numpy in it."""
    site = tmp_path / f"base/lib/python{VERSION}/site-packages"
    info = site / "numpy-1.26.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.0\n")
    (site / "numpy").mkdir()
    (site / "numpy/__init__.py").write_text("")
    return tmp_path / "base"


def base_python():
    """The installation that this interpreter's environment was made from."""
    return sys._base_executable


def test_user_site_is_named_in_an_interpreter_that_searches_it(failing, user_base):
    """Scenario 28."""
    env = {"PYTHONUSERBASE": str(user_base)}
    finding = failing(base_python(), env)["PY102"]
    assert "numpy==1.26.0" in finding.detail
    assert str(user_base) in finding.detail
    assert finding.remedy.commands == ("export PYTHONNOUSERSITE=1",)


def test_user_site_in_a_conda_environment_is_a_warning(failing, user_base, venv, tmp_path):
    env = venv(tmp_path / "conda")
    (env / "pyvenv.cfg").write_text(
        (env / "pyvenv.cfg").read_text().replace("site-packages = false", "site-packages = true")
    )
    (env / "conda-meta").mkdir()
    finding = failing(env / "bin/python", {"PYTHONUSERBASE": str(user_base)})["PY102"]
    assert finding.severity == "warning"


def test_user_site_does_not_reach_a_virtual_environment(failing, user_base, venv):
    """Negative control of scenario 28."""
    found = failing(venv() / "bin/python", {"PYTHONUSERBASE": str(user_base)})
    assert found == {}


def test_user_site_that_is_switched_off(failing, user_base):
    env = {"PYTHONUSERBASE": str(user_base), "PYTHONNOUSERSITE": "1"}
    assert "PY102" not in failing(base_python(), env)


def test_a_module_of_the_standard_library_is_hidden(failing, venv, tmp_path):
    """Scenario 27."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "random.py").write_text("raise SystemExit('the wrong one')\n")
    finding = failing(venv() / "bin/python", cwd=work)["PY101"]
    assert finding.subject == str(work / "random.py")
    assert "random" in finding.title
    path = failing(venv() / "bin/python", {"PYTHONPATH": str(work)})["PY101"]
    assert "PYTHONPATH" in path.detail


def test_safe_path_leaves_the_working_directory_out(failing, venv, tmp_path):
    if sys.version_info < (3, 11):
        pytest.skip("only on Python 3.11 and newer is there PYTHONSAFEPATH")
    (tmp_path / "random.py").write_text("")
    python = venv() / "bin/python"
    assert "PY101" in failing(python, cwd=tmp_path)
    assert failing(python, {"PYTHONSAFEPATH": "1"}, cwd=tmp_path) == {}


def test_pythonhome(failing, venv, tmp_path):
    found = failing(venv() / "bin/python", {"PYTHONHOME": str(tmp_path)})
    assert found["PY103"].severity == "error"


def test_pythonpath_of_another_python(failing, venv, tmp_path):
    other = tmp_path / "lib/python3.6/site-packages"
    other.mkdir(parents=True)
    assert "3.6" in failing(venv() / "bin/python", {"PYTHONPATH": str(other)})["PY104"].title


def test_an_environment_that_was_moved(failing, venv, tmp_path):
    env = venv(tmp_path / "before")
    assert failing(env / "bin/python") == {}
    shutil.move(env, tmp_path / "after")
    finding = failing(tmp_path / "after/bin/python")["PY005"]
    assert str(tmp_path / "before") in finding.detail
    (tmp_path / "before").symlink_to("after")  # reached by another name, not moved
    assert failing(tmp_path / "after/bin/python") == {}


def test_an_environment_whose_base_was_replaced(failing, venv, tmp_path):
    env = venv(tmp_path / "env")
    config = env / "pyvenv.cfg"
    config.write_text(config.read_text().replace("version = 3.", "version = 3.1"))
    assert VERSION in failing(env / "bin/python")["PY004"].title


def test_an_empty_environment_is_healthy(failing, venv):
    assert failing(venv() / "bin/python") == {}


@pytest.mark.interpreters
def test_search_path_is_the_one_of_a_plain_start(facts, interpreter, tmp_path, monkeypatch):
    """What is rebuilt under -I, compared with what a script sees."""
    (tmp_path / "script.py").write_text("import json, sys\nprint(json.dumps(sys.path))\n")
    (tmp_path / "extra").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "extra"))
    out = subprocess.check_output([interpreter, "script.py"])
    document = facts(python=interpreter)
    if document["agent"]["status"] != "ok":
        pytest.skip("only on Python 3.7 and newer does the agent look at anything")
    records = document["facts"]["interpreter.path"]["value"]
    assert [record["entry"] for record in records] == json.loads(out)
    assert [record["origin"] for record in records][:3] == ["cwd", "PYTHONPATH", "stdlib"]


def test_start_up_files_that_fail_and_let_python_go_on(failing, venv):
    env = venv()
    site = env / f"lib/python{VERSION}/site-packages"
    (site / "gone.pth").write_text("import __editable___of_something_removed\n")
    finding = failing(env / "bin/python")["PY011"]
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert finding.subject == str(site / "gone.pth")
    assert "__editable___of_something_removed" in finding.detail
    (site / "gone.pth").unlink()
    (site / "sitecustomize.py").write_text("raise RuntimeError('odd')\n")
    assert "RuntimeError: odd" in failing(env / "bin/python")["PY011"].title


def test_a_library_that_cannot_be_preloaded(failing, venv):
    found = failing(venv() / "bin/python", {"LD_PRELOAD": "/gone/libjemalloc.so"})
    assert "/gone/libjemalloc.so" in found["PY011"].title
