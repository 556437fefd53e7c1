"""Environments whose interpreter does not start, or does not start as it should."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def dangling(env):
    """Its base was uninstalled: scenario 29."""
    for name in ("python", "python3"):
        (env / "bin" / name).unlink()
        (env / "bin" / name).symlink_to("/gone/bin/python3")


def no_interpreter(env):
    shutil.rmtree(env / "bin")


def other_format(env):
    """Made on another kind of machine."""
    replace(env, b"\x7fELF not really")


def no_loader(env):
    """A musl program on glibc and the like: there, executable, and 'No such file'."""
    with open(sys.executable, "rb") as file:
        data = file.read()
    at = data.find(b"/lib64/ld-linux")
    if at < 0:
        pytest.skip("only on glibc for x86-64")
    replace(env, data[:at] + b"/lib64/ld-GONE-" + data[at + 15 :])


def not_executable(env):
    replace(env, b"#!/bin/sh\n", mode=0o644)


def no_library(env):
    """What a missing libpython does: the loader ends it with 127."""
    replace(
        env, b"#!/bin/sh\necho 'error while loading shared libraries: libpython' >&2; exit 127\n"
    )


def crashes(env):
    replace(env, b"#!/bin/sh\nkill -SEGV $$\n")


def replace(env, data, mode=0o755):
    for name in ("python", "python3"):
        (env / "bin" / name).unlink()
    (env / "bin" / "python").write_bytes(data)
    (env / "bin" / "python").chmod(mode)


@pytest.mark.parametrize(
    "damage",
    [dangling, no_interpreter, other_format, no_loader, not_executable, no_library, crashes],
)
def test_is_examined_from_outside(facts, venv, damage):
    env = venv()
    (env / SITE / "left_behind-1.2.dist-info").mkdir()
    (env / SITE / "left_behind-1.2.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: left-behind\nVersion: 1.2\n"
    )
    damage(env)
    document = facts(venv=str(env))
    target = document["target"]
    assert (target["kind"], target["name"]) == ("venv", str(env))
    assert target["startup"]
    assert target["outside"] == sys.executable
    known = document["facts"]
    assert known["interpreter.prefix"]["value"] == str(env)
    version = ".".join(map(str, sys.version_info[:3]))
    assert known["interpreter.version"]["value"] == version
    installed = known["distributions.installed"]["value"]
    assert [(each["name"], each["version"]) for each in installed] == [("left-behind", "1.2")]


@pytest.mark.parametrize("damage", [dangling, no_library, other_format])
def test_doctor_finds_it_through_virtual_env(envcheck, venv, damage):
    env = venv()
    damage(env)
    code = "import sys; from envcheck.cli.main import main; sys.exit(main(['doctor']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "VIRTUAL_ENV": str(env)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "PY002" in done.stdout
    assert str(env) in done.stdout.splitlines()[0]


def test_a_start_up_file_that_ends_the_interpreter(facts, venv):
    env = venv()
    (env / SITE / "sitecustomize.py").write_text("raise SystemExit('a start-up file says no')")
    target = facts(venv=str(env))["target"]
    assert "a start-up file says no" in target["startup"]
    assert "outside" not in target


@pytest.mark.parametrize("file", ["sitecustomize.py", "quiet.pth"])
def test_a_start_up_file_that_ends_every_program_with_success(envcheck, venv, file):
    env = venv()
    (env / SITE / file).write_text("import os; os._exit(0)\n")
    done = envcheck("doctor", "--venv", str(env))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "PY003" in done.stdout
    assert "ended with status 0 before it ran anything" in done.stdout


def test_a_start_up_file_that_prints_does_no_harm(facts, venv):
    env = venv()
    noise = 'import sys; print("{noise}"); sys.stdout.flush()\n'
    (env / SITE / "noise.pth").write_text(noise)
    document = facts(venv=str(env))
    assert "startup" not in document["target"]
    assert document["agent"]["status"] == "ok"


def test_a_start_up_file_that_hangs(facts, venv):
    env = venv()
    (env / SITE / "hang.pth").write_text("import time; time.sleep(600)\n")
    document = facts(venv=str(env), timeout=4.0)
    assert "did not answer within" in document["target"]["startup"]
    assert document["agent"]["status"] == "ok"
    assert document["facts"]["interpreter.prefix"]["value"] == str(env)


def test_a_start_up_file_that_hangs_where_nothing_can_be_written(facts, venv, monkeypatch):
    monkeypatch.setenv("ENVCHECK_CACHE_DIR", "/proc/envcheck")
    env = venv()
    (env / SITE / "hang.pth").write_text("import time; time.sleep(600)\n")
    document = facts(venv=str(env), timeout=4.0)
    assert document["target"]["startup"]
    assert "outside" not in document["target"]
    assert document["agent"]["status"] == "ok"


def test_a_start_up_that_crashes(facts, venv):
    env = venv()
    (env / SITE / "crash.pth").write_text(
        "import os, signal; os.kill(os.getpid(), signal.SIGABRT)\n"
    )
    document = facts(venv=str(env))
    assert "SIGABRT" in document["target"]["startup"]
    assert document["agent"]["status"] == "ok"


def test_what_is_killed_unasked_has_met_a_memory_limit(envcheck, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -KILL $$\n")
    program.chmod(0o755)
    done = envcheck("doctor", "--python", str(program))
    assert done.returncode == 3
    assert f"{program} was killed by SIGKILL" in done.stderr
    assert "memory limit" in done.stderr


def test_what_is_no_python_is_an_error(envcheck, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    done = envcheck("doctor", "--python", str(program))
    assert done.returncode == 3
    assert f"cannot examine {program}: {program} printed no fact sheet" in done.stderr


def test_a_healthy_environment_has_no_note(facts, venv):
    target = facts(venv=str(venv()))["target"]
    assert set(target) == {"kind", "name", "chosen_by"}


def test_an_environment_that_lost_its_configuration(envcheck, venv):
    """What is in its site-packages is not imported, though its own ``bin/python`` runs."""
    env = venv()
    (env / "pyvenv.cfg").unlink()
    done = envcheck("doctor", "--venv", str(env), "--report", "json")
    findings = json.loads(done.stdout)["findings"]
    (lost,) = [finding for finding in findings if finding["code"] == "PY012"]
    assert (lost["status"], lost["subject"]) == ("fail", str(env))
    assert done.returncode == 1
    for command in lost["remedy"]["commands"]:
        subprocess.run(command, shell=True, check=True, timeout=120)
    code = "import sys; print(sys.prefix)"
    done = subprocess.run([env / "bin/python", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(env)


def test_the_users_packages_come_after_a_virtual_environments_own(facts, venv, tmp_path):
    """With the system's packages, as Python's own ``site`` orders them."""
    env = venv()
    config = env / "pyvenv.cfg"
    config.write_text(config.read_text().replace("packages = false", "packages = true"))
    folders = [env / SITE, tmp_path / SITE]
    for folder, version in zip(folders, ("2.0", "1.0"), strict=True):
        info = folder / f"left_behind-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: left-behind\nVersion: {version}\n\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONUSERBASE", str(tmp_path))
        known = facts(python=str(env / "bin/python"))["facts"]
        code = "import sys; print(*sys.path, sep='\\n')"
        done = subprocess.run([env / "bin/python", "-c", code], capture_output=True, text=True)
    real = [entry for entry in done.stdout.splitlines() if "-packages" in entry]
    assert real[:2] == [str(folder) for folder in folders]
    searched = [entry["entry"] for entry in known["interpreter.path"]["value"]]
    assert [entry for entry in searched if entry in real] == real
    installed = known["distributions.installed"]["value"]
    versions = [each["version"] for each in installed if each["name"] == "left-behind"]
    assert versions == ["2.0", "1.0"]
