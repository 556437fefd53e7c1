"""Interpreters found by name and place, and asked what they are."""

from __future__ import annotations

import os
import sys

import pytest

from envcheck import process
from envcheck.targets import inventory
from envcheck.targets.inventory import Found, launcher_paths, serves


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose PATH is one empty folder and whose home has nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def program(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def posing_as(version, level="final", flags="", file=sys.executable):
    """A script that is this interpreter and says that it is another."""
    numbers = ", ".join(version.split("."))
    lie = (
        f"import sys\n"
        f"class Version(tuple): pass\n"
        f"sys.version_info = ({numbers}, \\'{level}\\', 0)\n"
        f"sys.abiflags = \\'{flags}\\'\n"
        f"sys.executable = sys.argv.pop(1)\n"
        f"sys.prefix = sys.base_prefix\n"
        f"exec(sys.argv.pop(1))\n"
    )
    return f'exec {file} -E -s -c $\'{lie}\' "$0" "$4"'.replace("$'", "'").replace("\\'", '"')


def one(version="3.12.1", *, level="final", implementation="CPython", threaded=False, debug=False):
    return Found(
        f"/p/{version}", version, level, implementation, threaded, debug, "glibc", "x86_64", "/p",
        True, True, "linux", "PATH",
    )  # fmt: skip


def test_this_machine_has_at_least_the_interpreter_that_runs_this():
    taken = inventory.take()
    mine = ".".join(map(str, sys.version_info[:3]))
    assert mine in {found.version for found in taken.found}
    for found in taken.found:
        done = process.run([found.executable, "-c", "import sys; print(sys.prefix)"], timeout=30)
        assert done.stdout.decode().strip() == found.prefix  # none is an environment's


@pytest.mark.interpreters
def test_all_of_pyenv_are_found_by_version(interpreters):
    taken = inventory.take()
    for version in interpreters:
        assert [found.version for found in taken.serving(version)][:1] == [version]


def test_an_environment_is_replaced_by_its_base(machine, tmp_path):
    made = process.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], timeout=60
    )
    assert made.status == "ok"
    os.symlink(tmp_path / "v" / "bin" / "python", machine / "python3")
    for found in inventory.take().found:
        assert (
            os.path.realpath(found.executable) == found.executable
            or found.prefix == sys.base_prefix
        )
        assert not found.executable.startswith(str(tmp_path))


def test_what_hangs_breaks_or_is_no_python_is_left_out_with_a_note(machine, monkeypatch):
    monkeypatch.setattr(inventory, "DEADLINE", 1.0)
    program(machine / "python3.7", "/bin/sleep 30 & /bin/sleep 30")
    program(machine / "python3.8", "echo no such thing >&2; exit 3")
    program(machine / "python3.9", "kill -SEGV $$")
    program(machine / "python3.10", "/usr/bin/yes | /usr/bin/head -c 3000000")
    program(machine / "python3.14", "")
    program(machine / "python3-config", "exit 1")  # not asked
    taken = inventory.take()
    notes = {note.split(" ")[0].rpartition("/")[2]: note for note in taken.notes}
    assert sorted(notes) == ["python3.10", "python3.14", "python3.7", "python3.8", "python3.9"]
    assert "did not answer within 1 s" in notes["python3.7"]
    assert "status 3: no such thing" in notes["python3.8"]
    assert "SIGSEGV" in notes["python3.9"]
    assert "is no Python" in notes["python3.10"]
    assert "is no Python" in notes["python3.14"]
    assert all(found.executable.startswith(sys.base_prefix) for found in taken.found)


def test_what_start_up_files_print_does_not_matter(machine):
    program(machine / "python3", f'echo hello; echo; {sys.executable} "$@"; echo bye')
    assert not inventory.take().notes


def test_of_one_version_a_final_release_wins_and_of_these_the_newest(machine):
    for name, version, level in (
        ("python3.20", "3.20.0", "candidate"),
        ("python3.21", "3.21.2", "final"),
        ("python3", "3.21.10", "final"),
        ("python", "3.21.11", "beta"),
    ):
        program(machine / name, posing_as(version, level))
    taken = inventory.take()
    assert [found.version for found in taken.serving("3.21")] == ["3.21.10", "3.21.2", "3.21.11"]
    assert [found.version for found in taken.serving("3.20")] == ["3.20.0"]
    assert "candidate" in taken.serving("3.20")[0].name


def test_free_threaded_ones_are_another_version(machine):
    program(machine / "python3.21", posing_as("3.21.0"))
    program(machine / "python3.21t", posing_as("3.21.1", flags="t"))
    taken = inventory.take()
    assert [found.word for found in taken.serving("3.21")] == ["3.21"]
    assert [found.word for found in taken.serving("3.21t")] == ["3.21t"]


@pytest.mark.parametrize(
    ("found", "python", "expected"),
    [
        (one("3.12.1"), "3.12", True),
        (one("3.12.1"), "3", True),
        (one("3.12.1"), "3.12.1", True),
        (one("3.12.10"), "3.12.1", False),
        (one("3.12.1"), "3.1", False),
        (one("3.13.0", threaded=True), "3.13", False),
        (one("3.13.0", threaded=True), "3.13t", True),
        (one("3.13.0"), "3.13t", False),
        (one("3.10.14", implementation="PyPy"), "3.10", False),
        (one("3.10.14", implementation="PyPy"), "pypy3.10", True),
        (one("3.10.14"), "pypy3.10", False),
        (one("3.12.1", debug=True), "3.12", False),
        (one("3.12.1"), "latest", False),
        (one("3.12.1"), "t", False),
    ],
)
def test_what_a_word_means(found, python, expected):
    assert serves(found, python) is expected


def test_where_uv_and_mise_keep_theirs(machine, tmp_path, monkeypatch):
    real = os.path.realpath(sys.executable)
    for place in (
        "data/uv/python/cpython-3.21.0-linux-x86_64-gnu",
        "data/mise/installs/python/3.22",
    ):
        version = place.rpartition("/")[2].removeprefix("cpython-").split("-")[0]
        version = version if version.count(".") == 2 else version + ".0"
        program(tmp_path / place / "bin" / "python", posing_as(version, file=real))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    taken = inventory.take()
    assert [found.source for found in taken.serving("3.21")] == ["uv"]
    assert [found.source for found in taken.serving("3.22")] == ["mise"]


def test_relative_folders_on_path_are_not_searched(machine, tmp_path, monkeypatch):
    program(tmp_path / "python3", "touch was-run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{machine}")
    inventory.take()
    assert not (tmp_path / "was-run").exists()


def test_what_the_launcher_of_windows_lists():
    text = (
        " -V:3.13 *        C:\\Users\\A B\\Python313\\python.exe\r\n"
        " -V:3.12          C:\\Python312\\python.exe\r\n"
        " -3.7-64        C:\\Python37\\python.exe *\r\n"
        "Installed Pythons found by py launcher\r\n"
    )
    assert launcher_paths(text)[:2] == [
        "C:\\Users\\A B\\Python313\\python.exe",
        "C:\\Python312\\python.exe",
    ]
