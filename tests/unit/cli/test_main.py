"""The command line as a process: streams, usage, exit status."""

import os
import subprocess
import sys

import pytest

ENVCHECK = [sys.executable, "-m", "envcheck"]


def run(*words, **options):
    options.setdefault("capture_output", True)
    return subprocess.run([*ENVCHECK, *words], timeout=60, check=False, **options)


def test_version():
    import envcheck

    assert run("--version").stdout.decode() == f"envcheck {envcheck.__version__}\n"


def test_a_command_that_is_not_there_names_the_similar_one():
    done = run("doctr")
    assert done.returncode == 2
    assert b"did you mean `doctor`?" in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["doctor", "--report", "pdf"], b"no report format `pdf`"),
        (["doctor", "--report", "json", "--report", "sarif"], b"two reports for standard output"),
        (["doctor", "--select", "NOPE"], b"no check is called `NOPE`"),
        (["doctor", "--path", "nowhere"], b"not LABEL=PATH"),
        (["doctor", "--fail-on", "everything"], b"invalid choice"),
    ],
)
def test_wrong_usage_exits_2_says_why_and_prints_no_document(words, says):
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="shell redirections")
@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(redirection):
    command = f"{sys.executable} -m envcheck doctor {redirection}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1)
    assert b"Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_said():
    with open("/dev/full", "wb") as full:
        done = run("doctor", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert b"cannot write the output" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes")
def test_a_reader_that_left_is_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = run("doctor", capture_output=False, stdout=closed, stderr=subprocess.PIPE)
    assert done.returncode == 141
    assert done.stderr == b""


def test_an_interpreter_that_is_not_there_is_inconclusive():
    done = run("doctor", "--python", "/nonexistent/python")
    assert done.returncode == 3
    assert b"/nonexistent/python" in done.stderr
    assert b"hint:" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["\x1b[31mx"],
        ["doctor", "--\x1b[31m"],
        ["doctor", "--facts", "/x\x1b[31m"],
        ["doctor", "--python", "/x\x1b[31m"],
        ["doctor", "--select", "\x1b[31m"],
        ["doctor", "--report", "\x1b[31m"],
        ["explain", "\x1b[31m"],
    ],
)
def test_names_in_errors_reach_no_terminal(words):
    done = run(*words)
    assert done.returncode in (2, 3)
    assert b"\x1b" not in done.stderr + done.stdout
    assert b"31m" in done.stderr


def test_passwords_in_addresses_reach_no_terminal():
    pytest.importorskip("docker")
    environment = {**os.environ, "DOCKER_HOST": "tcp://ann:hunter2@127.0.0.1:1"}
    done = run("doctor", "--image", "x", env=environment)
    assert done.returncode == 3
    assert b"hunter2" not in done.stderr
    assert b"127.0.0.1:1" in done.stderr
