"""Children: output, deadlines, sessions, closed standard files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

import pytest
from endings import ends

from envcheck import process

KINDS = [process.Process, process.WindowsProcess]


@pytest.mark.parametrize("kind", KINDS)
def test_feeds_reads_and_tells_the_status(kind):
    data = os.urandom(1 << 20)
    done = kind(["sh", "-c", "cat; echo end >&2; exit 3"], timeout=20, stdin=data).wait()
    assert (done.status, done.code, done.stdout, done.text_err()) == ("exit", 3, data, "end")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_program_is_a_status(kind):
    done = kind(["no-such-program-of-envcheck"], timeout=5).wait()
    assert done.status == "missing"
    assert "could not be started: " in done.reason("it")


@pytest.mark.parametrize("kind", KINDS)
def test_tells_the_signal(kind):
    done = kind(["sh", "-c", "kill -SEGV $$"], timeout=5).wait()
    assert done.status == "signal"
    assert done.reason("python") == "python was killed by SIGSEGV"


@pytest.mark.parametrize("kind", KINDS)
def test_ends_at_the_deadline_and_keeps_what_was_said(kind):
    done = kind(["sh", "-c", "echo first; exec sleep 60"], timeout=0.3).wait()
    assert (done.status, done.stdout) == ("timeout", b"first\n")
    assert done.seconds < 30
    assert "did not answer within" in done.reason("it")


def test_a_child_that_does_not_read_its_input_does_no_harm():
    done = process.run(["true"], timeout=5, stdin=b"x" * (1 << 20))
    assert done.status == "ok"


def test_deadline_kills_grandchildren_of_the_session(tmp_path):
    pids = tmp_path / "pids"
    script = f"(sleep 60; :) & echo $! > {pids}; set -m; sleep 61 & echo $! >> {pids}; wait"
    done = process.run(["bash", "-c", script], timeout=0.5)
    assert done.status == "timeout"
    for pid in map(int, pids.read_text().split()):
        assert ends(pid), f"{pid} is still there"


@contextlib.contextmanager
def frozen(child):
    """In a frozen control group, as a process that is stuck in a driver: SIGKILL has to wait."""
    freezer = "/sys/fs/cgroup/freezer"
    if not os.path.isdir(freezer):
        pytest.skip("only on machines with a freezer of control groups, version 1")
    group = os.path.join(freezer, f"envcheck-test-{os.getpid()}")
    os.mkdir(group)
    try:
        write(f"{group}/tasks", str(child.pid))
        write(f"{group}/freezer.state", "FROZEN")
        yield
    finally:
        write(f"{group}/freezer.state", "THAWED")
        assert ends(child.pid)
        for _ in range(100):
            with contextlib.suppress(OSError):  # until the last one has left it
                os.rmdir(group)
                break
            time.sleep(0.05)


@pytest.mark.root
def test_a_child_that_cannot_be_killed_is_abandoned():
    child = process.Process(["sleep", "60"], timeout=0.3)
    with frozen(child):
        done = child.wait()
    os.waitpid(child.pid, 0)
    assert done.status == "abandoned"
    assert done.seconds < 20
    assert done.reason("it").endswith("and could not be killed")


@pytest.mark.root
def test_a_child_that_takes_its_time_to_die_is_reaped_later():
    child = process.Process(["sleep", "60"], timeout=30)
    with frozen(child):
        child.kill()
    assert child.wait().status == "signal"


def write(file, text):
    with open(file, "w") as stream:
        stream.write(text)


def test_what_a_grandchild_holds_open_is_not_waited_for():
    done = process.run(["sh", "-c", "sleep 60 & echo out"], timeout=30)
    assert (done.status, done.stdout) == ("ok", b"out\n")
    assert done.seconds < 20


def test_answers_within_sees_the_first_output_and_silence():
    silent = process.Process(["sleep", "60"], timeout=30)
    assert not silent.answers_within(0.1)
    silent.kill()
    assert silent.wait().status == "signal"
    speaking = process.Process(["sh", "-c", "echo; exec sleep 0.2"], timeout=30)
    assert speaking.answers_within(20)
    assert speaking.wait().status == "ok"
    assert process.Process(["no-such-program-of-envcheck"], timeout=5).answers_within(1)


def test_status_is_ok_where_sigchld_is_ignored():
    code = (
        "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "from envcheck.process import run; print(run(['echo', 'hi'], timeout=5)[:3])"
    )
    assert _python(code) == "('ok', 0, b'hi\\n')\n"


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1", "0 2", "1 2", "0 1 2"])
def test_closed_standard_files_do_not_mix_with_pipes(tmp_path, closed):
    """With 0, 1 or 2 closed, ``pipe()`` hands out these numbers."""
    result = tmp_path / "result"
    code = (
        "import sys; from envcheck.process import run\n"
        "done = run(['sh', '-c', 'cat; echo error >&2'], timeout=10, stdin=b'input')\n"
        f"open({str(result)!r}, 'w').write(repr(done[:4]))"
    )
    redirections = " ".join(f"{number}>&-" for number in closed.split())
    command = f'exec "$1" -c "$2" {redirections}'
    subprocess.run(["sh", "-c", command, "sh", sys.executable, code], timeout=60)
    assert result.read_text() == "('ok', 0, b'input', b'error\\n')"


def test_leaving_kills_what_was_started():
    code = (
        "from envcheck.process import Process\n"
        "print(Process(['sleep', '60'], timeout=60).pid)\n"
        "raise KeyboardInterrupt"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert ends(int(done.stdout))


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
