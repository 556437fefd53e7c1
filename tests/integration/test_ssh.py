"""Another machine, played by an sshd on loopback with keys of its own."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.ssh


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """An sshd that lets this user in by key; ``ssh`` on PATH that knows it as ``box``."""
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "key", "stranger"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    (folder / "authorized_keys").write_text((folder / "key.pub").read_text())
    port = free_port()
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitUserEnvironment yes\n"
        f"SetEnv PATH={folder}/path:/usr/bin:/bin\n"
    )
    (folder / "path").mkdir()
    (folder / "path" / "python3").symlink_to(sys.executable)
    known = f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}"
    (folder / "known_hosts").write_text(known)
    (folder / "nobody_known").write_text("")
    common = f"HostName 127.0.0.1\nPort {port}\nUser {getpass.getuser()}\nIdentitiesOnly yes\n"
    (folder / "config").write_text(
        f"Host box\n{common}IdentityFile {folder}/key\nUserKnownHostsFile {folder}/known_hosts\n"
        f"Host refused\n{common}IdentityFile {folder}/stranger\n"
        f"UserKnownHostsFile {folder}/known_hosts\n"
        f"Host unknown\n{common}IdentityFile {folder}/key\n"
        f"UserKnownHostsFile {folder}/nobody_known\n"
        f"Host closed\nHostName 127.0.0.1\nPort {free_port()}\n"
    )
    (folder / "bin").mkdir()
    wrapper = folder / "bin" / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n')
    wrapper.chmod(0o755)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    sshd = shutil.which("sshd", path=os.defpath + ":/usr/sbin:/usr/local/sbin")
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([sshd, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
    wait_for(port)
    yield folder
    server.terminate()
    server.wait()


@pytest.fixture(autouse=True)
def on_path(machine, monkeypatch):
    monkeypatch.setenv("PATH", f"{machine / 'bin'}:{os.environ['PATH']}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("sshd does not listen")


@pytest.fixture
def python(machine):
    """Makes ``python3`` there what ``text`` says, or nothing; put back afterwards."""
    file = machine / "path" / "python3"

    def make(text):
        file.unlink()
        if text:
            file.write_text(text)
            file.chmod(0o755)

    yield make
    file.unlink(missing_ok=True)
    file.symlink_to(sys.executable)


def test_is_examined_and_nothing_is_written_there(facts):
    document = facts(ssh="box")
    assert document["target"] == {"kind": "ssh", "name": "box", "chosen_by": "--ssh"}
    assert document["agent"]["status"] == "ok"
    bad = {name: probe for name, probe in document["probes"].items() if probe["status"] != "ok"}
    assert not bad


def test_doctor(envcheck):
    done = envcheck("doctor", "--ssh", "box")
    assert done.stdout.startswith("Examined ssh "), done.stdout + done.stderr
    assert done.returncode in (0, 1)


def test_python_names_the_interpreter_there(facts, venv):
    env = venv()
    document = facts(ssh="box", python=str(env / "bin" / "python"))
    assert document["facts"]["interpreter.prefix"]["value"] == str(env)


def test_what_a_start_up_file_of_the_shell_prints_does_no_harm(facts, python):
    python(f"#!/bin/sh\necho 'Welcome! {{'; {sys.executable} \"$@\"; echo bye\n")
    assert facts(ssh="box")["agent"]["status"] == "ok"


def test_an_interpreter_that_does_not_start_there_is_not_chosen(facts, python):
    python("#!/bin/sh\necho 'pyenv: python3: command not found' >&2; exit 127\n")
    assert facts(ssh="box")["agent"]["status"] in ("ok", "unsupported")


def test_start_up_that_hangs_there_is_ended(facts, venv):
    env = venv()
    site = next((env / "lib").glob("python*/site-packages"))
    (site / "hang.pth").write_text("import time; time.sleep(600)\n")
    document = facts(ssh="box", python=str(env / "bin" / "python"), timeout=4.0)
    assert "start-up did not end within" in document["target"]["startup"]


@pytest.mark.parametrize(
    ("host", "said", "hint"),
    [
        ("refused", "cannot reach refused: it refuses the login", "load a key"),
        ("unknown", "cannot reach unknown: its host key is not known", "ssh unknown"),
        ("closed", "cannot reach closed: nothing listens there", "is sshd running"),
        ("host.invalid", "cannot reach host.invalid: its name is not known", "check the name"),
    ],
)
def test_failures_are_told_apart(envcheck, host, said, hint):
    done = envcheck("doctor", "--ssh", host)
    assert done.returncode == 3
    assert said in done.stderr
    assert hint in done.stderr


def test_a_machine_without_python(envcheck):
    done = envcheck("doctor", "--ssh", "box", "--python", "/nonexistent/python")
    assert done.returncode == 3
    assert "no interpreter starts there as /nonexistent/python" in done.stderr


def test_a_host_is_never_an_option(envcheck, tmp_path):
    done = envcheck("doctor", f"--ssh=-oProxyCommand=touch {tmp_path}/owned")
    assert done.returncode == 3
    assert not (tmp_path / "owned").exists()


def test_no_ssh_on_path(envcheck):
    done = envcheck("doctor", "--ssh", "box", env={"PATH": "/nonexistent"})
    assert done.returncode == 3
    assert "there is no ssh on PATH" in done.stderr


def test_a_script_runs_there(envcheck, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("import os, sys\nprint('by ssh' if 'SSH_CONNECTION' in os.environ else 'no')")
    done = envcheck("smoke", "--ssh", "box", "--script", str(script), "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| by ssh" in done.stdout


@pytest.mark.torch
def test_it_trains_there(envcheck):
    torch = os.environ.get("ENVCHECK_TEST_TORCH_PYTHON", sys.executable)
    done = envcheck("smoke", "--ssh", "box", "--python", torch, "--part", "mlp", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["target"]["kind"] == "ssh"
    parts = document["parts"]
    assert {part["dtype"] for part in parts} == {"fp32", "bf16", "fp16"}
    assert all(part["last_loss"] <= part["wanted"] for part in parts)
