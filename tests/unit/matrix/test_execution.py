"""Commands in a room: what is believed of them, and that their logs are fit to be shown."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from rooms import ContainerRoom, LocalRoom

from envcheck.matrix.execution import Command, execute, execute_all, log_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from envcheck.matrix.execution import StepOutcome


@pytest.fixture
def room(tmp_path: Path) -> LocalRoom:
    return LocalRoom(tmp_path, sys.executable)


@pytest.fixture(scope="module")
def container() -> Iterator[ContainerRoom]:
    with ContainerRoom("envcheck-base:3.11-musl", memory="128m", processes=60) as room:
        yield room


def run(room: LocalRoom | ContainerRoom, text: str, seconds: float = 20) -> StepOutcome:
    words = [room.paths.base, "-I", "-S", "-c", textwrap.dedent(text)]
    return execute(room, words, name="smoke", who="package", seconds=seconds)


def test_a_step_that_ends_well(room: LocalRoom):
    outcome = run(room, "import os; print('hello', os.path.basename(os.getcwd()))")
    step = outcome.step
    assert outcome.ok
    assert (step.name, step.status, step.exit, step.signal) == ("smoke", "ok", 0, "")
    assert (step.detail, step.log, step.log_cut, step.oom) == ("", "", 0, False)
    assert step.peak_memory > 4 << 20
    assert outcome.text == "hello scratch"


def test_the_installer_does_not_run_where_a_package_writes(room: LocalRoom):
    words = [room.paths.base, "-c", "import os; print(os.getcwd())"]
    assert execute(room, words, name="install", who="installer", seconds=9).text == "/"


@pytest.mark.parametrize(
    ("text", "status", "end", "detail"),
    [
        ("raise SystemExit(3)", "failed", (3, ""), ""),
        ("import os; os.abort()", "failed", (None, "SIGABRT"), "it was ended by SIGABRT"),
        ("while True: pass", "timeout", (None, ""), "it was ended after 1 s"),
        (
            "import os; os.kill(os.getppid(), 9)",
            "failed",
            (None, "SIGKILL"),
            "its runner was killed",
        ),
    ],
)
def test_how_steps_end(
    room: LocalRoom, text: str, status: str, end: tuple[int | None, str], detail: str
):
    outcome = run(room, text, seconds=1)
    assert (outcome.step.status, (outcome.step.exit, outcome.step.signal)) == (status, end)
    assert outcome.step.detail.startswith(detail)
    assert outcome.answered is ("runner" not in detail)


def test_a_program_that_is_not_there(room: LocalRoom):
    outcome = execute(room, ["/no/such"], name="create", who="installer", seconds=5)
    assert outcome.step.detail == "it could not be started: No such file or directory"


def test_what_it_leaves_behind_is_said(room: LocalRoom):
    outcome = run(room, "import os, time\nif os.fork() == 0: time.sleep(60)")
    assert (outcome.ok, outcome.left) == (True, 1)
    assert outcome.step.detail == "it left 1 process behind, killed"


def test_files_and_what_it_says(room: LocalRoom, tmp_path: Path):
    made, absent = str(tmp_path / "made"), str(tmp_path / "absent")
    words = [sys.executable, "-c", f"import os; open({made!r}, 'w').write('x'); os.write(3, b'y')"]
    outcome = execute(
        room, words, name="resolve", who="package", seconds=9, read=[made, absent], says=True
    )
    assert (outcome.files, outcome.said) == ({made: b"x", absent: None}, b"y")


def test_a_request_that_is_too_long_for_an_argument(room: LocalRoom):
    words = [sys.executable, "-c", "import os; print(len(os.environ['LONG']))"]
    outcome = execute(
        room, words, name="create", who="package", seconds=9, env={"LONG": "x" * 110_000}
    )
    assert outcome.text == "110000"


def test_several_are_started_once(room: LocalRoom):
    words = [sys.executable, "-I", "-S", "-c"]
    commands = [
        Command([*words, "print(1)"], 9, group="a"),
        Command([*words, "raise SystemExit(1)"], 9, group="a"),
        Command([*words, "print(3)"], 9, group="a"),
        Command([*words, "print(4)"], 9, group="b"),
    ]
    outcomes = execute_all(room, commands, name="import", who="package", seconds=30)
    assert [outcome and outcome.text for outcome in outcomes] == ["1", "", None, "4"]
    assert len(room.ran) == 1


def test_logs_are_kept_once_they_are_harmless(room: LocalRoom):
    kept = {}

    def keep(name: str, text: str) -> str:
        kept[name] = text
        return f"logs/{name}.log"

    secret = "hf_" + "abcdefghijklmnopqrstuvwxyz0123456789"[:34]
    text = f"print('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07 {secret}\\r\\x1b[2Jgone')"
    words = [sys.executable, "-c", text]
    outcome = execute(room, words, name="smoke", who="package", seconds=9, keep_log=keep)
    assert outcome.step.log == "logs/smoke.log"
    assert kept == {"smoke": outcome.text}
    assert outcome.text.splitlines() == ["red \\x1b]0;title\\x07 <redacted>", "\\x1b[2Jgone"]


def test_the_middle_of_a_log_is_left_out_between_lines():
    head = b"first line\nsecond line\npart of hf_abcdefgh"
    tail = b"ijklmnopqrstuvwxyz\nlast but one\nlast\n"
    text, cut = log_text(head, tail, 1000)
    left_out = 1000 + len(b"part of hf_abcdefgh") + len(b"ijklmnopqrstuvwxyz\n")
    assert cut == left_out
    assert text.splitlines() == [
        "first line", "second line", f"… {left_out} bytes left out …", "last but one", "last",
    ]  # fmt: skip


def test_a_long_line_is_cut_where_it_must_be():
    text, cut = log_text(b"x" * 9000, b"y" * 9000, 5)
    assert (cut, len(text)) == (5, 18000 + len("\n… 5 bytes left out …\n"))


FAKE = json.dumps({"index": 0, "status": "exit", "exit": 0, "seconds": 0.1, "peak": 1})


@pytest.mark.docker
class TestHostile:
    """In a container, as a user who is the runner's own."""

    def test_fake_answers_are_part_of_the_log(self, container: ContainerRoom):
        outcome = run(container, f"print({FAKE!r}); raise SystemExit(4)")
        assert (outcome.step.exit, outcome.text) == (4, FAKE)

    @pytest.mark.parametrize("name", ["fd/1", "fd", "environ", "mem", "cwd/x", "root"])
    def test_its_runner_cannot_be_looked_into(self, container: ContainerRoom, name: str):
        text = f"""
            import os
            path = "/proc/%d/{name}" % os.getppid()
            for mode in ("r", "w"):
                try:
                    open(path, mode).write({FAKE!r} + "\\n")
                except OSError as error:
                    print(error.strerror)
            print(os.path.exists(path + "/."))
        """
        outcome = run(container, text)
        assert outcome.ok
        assert set(outcome.text.splitlines()) <= {"Permission denied", "Is a directory", "False"}

    def test_its_runner_cannot_be_traced(self, container: ContainerRoom):
        text = """
            import ctypes, os
            print(ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0))
        """
        assert run(container, text).text == "-1"

    def test_the_nonce_is_not_to_be_found(self, container: ContainerRoom):
        text = """
            import os
            name = "ENVCHECK_" + "NONCE"
            print(name in os.environ)
            for pid in os.listdir("/proc"):
                for file in ("environ", "cmdline"):
                    try:
                        print(name in open(f"/proc/{pid}/{file}").read())
                    except OSError:
                        pass
        """
        assert "True" not in run(container, text).text

    @pytest.mark.parametrize("more", ["", "os.setsid()", "signal.signal(15, signal.SIG_IGN)"])
    def test_forking_without_end(self, container: ContainerRoom, more: str):
        text = f"""
            import os, signal
            while True:
                try:
                    os.fork()
                    {more}
                except OSError:
                    pass
        """
        outcome = run(container, text, seconds=1)
        assert (outcome.step.status, outcome.answered) == ("timeout", True)
        assert container.processes() == []
        assert run(container, "print('well')").text == "well"

    def test_killing_all_that_it_may(self, container: ContainerRoom):
        outcome = run(container, "import os; os.kill(-1, 9)")
        assert (outcome.step.status, outcome.answered) == ("failed", False)
        assert outcome.step.detail.startswith("its runner was killed")
        assert container.processes() == []

    def test_more_memory_than_there_is(self, container: ContainerRoom):
        outcome = run(container, "print('begun', flush=True); x = b'x' * 10**9")
        step = outcome.step
        assert (step.status, step.signal, step.oom) == ("failed", "SIGKILL", True)
        assert outcome.text == "begun"
        assert step.peak_memory > 64 << 20
        assert not run(container, "pass").step.oom

    def test_a_child_that_took_too_much_memory(self, container: ContainerRoom):
        text = "import os\nif os.fork() == 0: x = b'x' * 10**9\nos.wait()"
        step = run(container, text).step
        assert (step.status, step.oom) == ("ok", True)
        assert step.detail == "the memory limit ended one of its processes"
