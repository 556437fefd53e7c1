"""envcheck where nothing can be written, nobody is at home, or somebody presses Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from endings import ends

from envcheck.targets import bundle

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCTOR = [sys.executable, "-m", "envcheck", "doctor"]


def statuses(text):
    """The kinds of findings of a report: one of a crash must not be among them."""
    return {finding["status"] for finding in json.loads(text)["findings"]}


@pytest.mark.root
def test_everything_is_read_only(tmp_path):
    """A mount namespace with nothing to write to, /dev/shm and /tmp included."""
    script = (
        "mount --make-rprivate / && "
        "awk '{print $2}' /proc/self/mounts | sort -r | while read -r at; do "
        'mount -o remount,bind,ro "$at" 2>/dev/null; done; '
        "! touch /tmp/x 2>/dev/null && ! touch ~/x 2>/dev/null && ! touch /dev/shm/x 2>/dev/null"
        ' && exec "$@"'
    )
    environment = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *DOCTOR, "--report", "json"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert {"pass"} <= statuses(done.stdout) <= {"pass", "fail", "skip", "unknown"}


@pytest.mark.root
def test_a_user_without_name_home_and_rights():
    """The package alone, read-only, run by the system's Python as a user nobody has heard of."""
    python = "/usr/bin/python3"
    version = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 10))"]
    if not os.path.exists(python) or subprocess.run(version).returncode:
        pytest.skip("only on a system whose own Python is 3.10 or newer")
    nobody = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups"]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copytree(os.path.join(ROOT, "envcheck"), os.path.join(folder, "envcheck"))
        done = subprocess.run(
            [*nobody, python, *DOCTOR[1:], "--report", "json"],
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            cwd=folder,
        )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert {"pass"} <= statuses(done.stdout) <= {"pass", "fail", "skip", "unknown"}


@pytest.mark.parametrize(
    "variables",
    [
        {"HOME": None},
        {"HOME": "/nonexistent/home"},
        {"HOME": ""},
        {"PATH": ""},
        {"PATH": None},
        {"TMPDIR": "/nonexistent/tmp"},
        {"XDG_CACHE_HOME": "relative"},
        {"ENVCHECK_CACHE_DIR": "/proc/self/nothing"},
        {"LANG": "xx_YY", "LC_ALL": "xx_YY"},
        {"PYTHONHOME": "/nonexistent"},
        {"PYTHONPATH": "/nonexistent:\udcff"},
    ],
    ids=lambda variables: ",".join(f"{name}={value!r}" for name, value in variables.items()),
)
def test_odd_variables(tmp_path, variables):
    env = {**os.environ, "ENVCHECK_CACHE_DIR": str(tmp_path)}
    env.update({name: value for name, value in variables.items() if value is not None})
    for name in [name for name, value in variables.items() if value is None]:
        env.pop(name)
    argv = [sys.executable, "-I", *DOCTOR[1:]] if "PYTHONHOME" in variables else DOCTOR
    if argv is not DOCTOR:
        code = f"import runpy, sys; sys.path.insert(0, {ROOT!r}); sys.argv[1:] = ['doctor']"
        argv = [
            sys.executable,
            "-I",
            "-c",
            f"{code}; runpy.run_module('envcheck', None, '__main__')",
        ]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.stdout.startswith("Examined "), done.stdout + done.stderr
    assert done.returncode in (0, 1), done.stdout + done.stderr


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_closed_standard_files(closed):
    redirections = " ".join(f"{number}>&-" for number in closed.split())
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *DOCTOR], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Examined ") == ("1" not in closed)
    assert done.stderr == ""


def test_a_parent_that_ignores_the_end_of_children():
    code = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code, *DOCTOR], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


@pytest.mark.root
def test_no_process_may_be_started():
    """The agent itself, by a user whose processes have reached their number."""
    user = ["setpriv", "--reuid=64999", "--regid=64999", "--clear-groups", "prlimit", "--nproc=1:1"]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        agent = os.path.join(folder, "agent.pyz")
        with open(agent, "wb") as file:
            file.write(bundle.archive(bundle.read_sources()))
        argv = [*user, "/usr/bin/python3", "-I", "-B", agent]
        done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    known = json.loads(done.stdout)["facts"]
    assert known["limits.processes"]["value"] == 1
    assert known["interpreter.version"]["status"] == "known"
    assert known["distributions.installed"]["status"] == "known"


@pytest.mark.root
def test_no_devices_at_all():
    """A chroot without /dev: not even the null device."""
    script = 'mount -t tmpfs none /dev && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *DOCTOR],
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("Examined "), done.stdout + done.stderr
    assert done.returncode in (0, 1)


def test_first_runs_at_once(tmp_path):
    """Several write the agent to an empty cache at the same time."""
    env = {**os.environ, "ENVCHECK_CACHE_DIR": str(tmp_path / "cache")}
    runs = [
        subprocess.Popen(DOCTOR, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert out.startswith("Examined "), out + err
        assert err == ""
    assert len(os.listdir(tmp_path / "cache")) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_doctor_leaves_no_child(tmp_path, venv, number):
    """The interpreter that is examined hangs at its start and has a child of its own."""
    env = venv()
    python = env / "bin" / "python"
    python.unlink()
    pids = tmp_path / "pids"
    python.write_text(f"#!/bin/sh\necho $$ > {pids}\nsleep 600 & echo $! >> {pids}\nwait\n")
    python.chmod(0o755)
    doctor = subprocess.Popen(
        [*DOCTOR, "--venv", str(env)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and len(_words(pids)) < 2:
        time.sleep(0.02)
    doctor.send_signal(number)
    doctor.communicate(timeout=60)
    assert doctor.returncode == (130 if number == signal.SIGINT else 143)
    for pid in map(int, _words(pids)):
        assert ends(pid)


def _words(file):
    return file.read_text().split() if file.exists() else []
