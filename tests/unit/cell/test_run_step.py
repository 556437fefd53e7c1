"""What the runner says of commands, and that nothing of them is left."""

from __future__ import annotations

import base64
import json
import os
import sys
import textwrap
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from envcheck import process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SCRIPT = Path(process.__file__).parent / "cell" / "run_step.py"
NONCE = "0123456789abcdef"


def command(words: Sequence[str], **more: Any) -> dict[str, Any]:
    usual = {
        "cwd": "/", "env": {}, "seconds": 20, "log_bytes": 65536, "read": [], "says": False,
        "group": "",
    }  # fmt: skip
    return {**usual, "words": list(words), **more}


def python(text: str, **more: Any) -> dict[str, Any]:
    return command([sys.executable, "-I", "-S", "-c", textwrap.dedent(text)], **more)


def answers(
    *commands: dict[str, Any], seconds: float = 30, interpreter: str = sys.executable
) -> list[dict[str, Any]]:
    request = json.dumps({"commands": commands, "seconds": seconds})
    done = process.run(
        [interpreter, "-I", "-S", "-B", str(SCRIPT), request],
        timeout=seconds + 10,
        env={"PATH": os.defpath, "ENVCHECK_NONCE": NONCE},
    )
    assert (done.status, done.stderr) == ("ok", b"")
    lines = done.stdout.decode().splitlines()
    assert all(line.startswith(NONCE + "{") for line in lines)
    return [json.loads(line[len(NONCE) :]) for line in lines]


def answer(one: dict[str, Any], **more: Any) -> dict[str, Any]:
    (only,) = answers(one, **more)
    return only


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def log(one: dict[str, Any]) -> str:
    return (unpacked(one["head"]) + unpacked(one["tail"])).decode()


def running(mark: str) -> bool:
    """Whether a process has ``mark`` among its arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in words and state != b"Z":
            found.append(folder.name)
    return bool(found)


def sooner_or_later(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_a_command_that_ends_well():
    text = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    one = answer(python(text))
    assert (one["status"], one["exit"], one["signal"], one["error"]) == ("exit", 0, "", "")
    assert log(one) == "out\nerr\n"
    assert (one["cut"], one["left"], one["escaped"], one["index"]) == (0, 0, False, 0)
    assert 0 < one["seconds"] < 20


def test_exit_status_signal_and_missing_program():
    bomb = "import os; os.kill(os.getpid(), 11)"
    three = answers(
        python("raise SystemExit(7)", group="a"),
        python(bomb, group="b"),
        command(["/there/is/no/such"], group="c"),
        command(["true"], cwd="/there/is/no/such", group="d"),
    )
    assert [(one["status"], one["exit"], one["signal"]) for one in three] == [
        ("exit", 7, ""),
        ("signal", None, "SIGSEGV"),
        ("missing", None, ""),
        ("missing", None, ""),
    ]
    assert three[2]["error"] == "No such file or directory"


def test_the_peak_is_that_of_the_largest_process():
    text = """
        import os
        if os.fork() == 0:
            x = b"x" * (64 << 20)
            os._exit(0)
        os.wait()
    """
    small, large = answers(python("pass"), python(text))
    assert 4 << 20 < small["peak"] < 40 << 20
    assert 64 << 20 < large["peak"] < 120 << 20


def test_nothing_of_a_group_is_run_after_a_failure():
    ran = answers(
        python("pass", group="a"),
        python("raise SystemExit(1)", group="a"),
        python("pass", group="a"),
        python("pass", group="b"),
    )
    assert [(one["index"], one["exit"]) for one in ran] == [(0, 0), (1, 1), (3, 0)]


def test_all_of_them_have_an_end():
    sleep = python("import time; time.sleep(30)", group="a")
    ran = answers(sleep, python("pass", group="b"), seconds=0.5)
    assert [(one["index"], one["status"]) for one in ran] == [(0, "timeout")]


def test_its_environment_and_place(tmp_path: Path):
    text = "import os, json; print(json.dumps([dict(os.environ), os.getcwd()]))"
    one = answer(python(text, env={"ADDED": "1", "PATH": None}, cwd=str(tmp_path)))
    environment, place = json.loads(log(one))
    assert environment.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own
    assert (environment, place) == ({"ADDED": "1"}, str(tmp_path))


def test_standard_input_is_empty_and_no_other_file_is_open():
    text = "import os, sys; print(sys.stdin.read() == '', sorted(os.listdir('/proc/self/fd')))"
    assert log(answer(python(text))).strip() == "True ['0', '1', '2', '3']"  # 3: the listing's


def test_the_log_keeps_the_beginning_and_the_end():
    text = "print('begin'); print('x' * 10**6); print('end')"
    one = answer(python(text, log_bytes=2000))
    head, tail = unpacked(one["head"]), unpacked(one["tail"])
    assert (len(head), len(tail), one["cut"]) == (1000, 1000, 10**6 + 11 - 2000)
    assert head.startswith(b"begin\nxxx")
    assert tail.endswith(b"xxx\nend\n")


def test_output_without_end_is_bounded():
    text = "import os\nwhile True: os.write(1, b'x' * 65536)"
    one = answer(python(text, log_bytes=4096, seconds=1))
    assert one["status"] == "timeout"
    assert one["cut"] > 1 << 20
    assert one["peak"] < 60 << 20


def test_files_are_read_afterwards(tmp_path: Path):
    (tmp_path / "large").write_bytes(b"x" * ((8 << 20) + 1))
    os.symlink("/etc/passwd", tmp_path / "link")
    os.mkfifo(tmp_path / "fifo")
    names = ["made", "large", "link", "fifo", "absent", "."]
    paths = [str(tmp_path / name) for name in names]
    one = answer(python("open('made', 'w').write('text')", cwd=str(tmp_path), read=paths))
    made, *others = one["files"]
    assert unpacked(made) == b"text"
    assert others == [None] * 5


def test_what_it_says_is_apart_from_its_log():
    text = "import os; os.write(3, b'said'); print('printed')"
    one = answer(python(text, says=True))
    assert (unpacked(one["said"]), log(one)) == (b"said", "printed\n")


def test_a_request_may_be_a_file(tmp_path: Path):
    request = {"commands": [python("print('x' * 3)")], "seconds": 9}
    (tmp_path / "request.json").write_text(json.dumps(request))
    words = [sys.executable, "-I", "-S", "-B", str(SCRIPT), str(tmp_path / "request.json")]
    done = process.run(words, timeout=20, env={"ENVCHECK_NONCE": NONCE})
    assert log(json.loads(done.stdout[len(NONCE) :])) == "xxx\n"


HELD = "import time, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def test_one_that_ignores_sigterm_is_killed():
    one = answer(python("print('begun', flush=True)\n" + HELD, seconds=0.5))
    assert (one["status"], one["signal"]) == ("timeout", "SIGKILL")
    assert log(one) == "begun\n"
    assert 2 < one["seconds"] < 5


def test_one_that_obeys_sigterm_may_say_good_bye():
    text = """
        import signal, sys, time
        def leave(*_): print("good bye"); sys.exit(3)
        signal.signal(signal.SIGTERM, leave)
        time.sleep(60)
    """
    one = answer(python(text, seconds=1))
    assert (one["status"], one["exit"]) == ("timeout", 3)
    assert log(one) == "good bye\n"


@pytest.mark.parametrize(
    "leave",
    [
        "pass",
        "os.setsid()",
        "os.setpgid(0, 0)",
        "os.setsid(); pid = os.fork(); pid and os._exit(0)",  # a daemon as books say
    ],
)
def test_daemons_that_hold_the_output_are_ended(leave: str):
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    text = f"""
        import os, sys
        if os.fork() == 0:
            {leave}
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", {HELD!r}, {mark!r}])
        print("the command has ended", flush=True)
    """
    one = answer(python(text))
    assert (one["status"], one["exit"], log(one)) == ("exit", 0, "the command has ended\n")
    assert (one["left"], one["escaped"]) == (1, False)
    assert one["seconds"] < 3
    assert not running(mark)


def test_closing_its_output_does_not_end_it():
    text = "import os, time; os.close(1); os.close(2); time.sleep(0.3); raise SystemExit(5)"
    one = answer(python(text))
    assert (one["exit"], one["seconds"] > 0.3) == (5, True)


def test_nothing_is_left_when_its_parent_goes_away():
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    text = f"""
        import os, sys
        os.fork() and os.setsid()
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", {HELD!r}, {mark!r}])
    """
    request = json.dumps({"commands": [python(text, seconds=60)], "seconds": 60})
    words = [sys.executable, "-I", "-S", "-B", str(SCRIPT), request]
    parent = f"import subprocess; subprocess.run({words!r}, start_new_session=True)"
    waiting = process.start([sys.executable, "-c", parent], timeout=60)
    assert sooner_or_later(lambda: running(mark))
    waiting.kill()
    assert sooner_or_later(lambda: not running(mark))


@pytest.mark.interpreters
def test_on_every_interpreter(interpreters: dict[str, str]):
    seen = []
    for version, interpreter in interpreters.items():
        if tuple(map(int, version.split(".")[:2])) < (3, 7):
            continue
        text = "import os\nif os.fork() == 0:\n os.setsid()\n while 1: pass\nprint('x')"
        first, second = answers(
            python(text), python("while 1: pass", seconds=0.2), interpreter=interpreter
        )
        assert (log(first), first["left"], first["guarded"]) == ("x\n", 1, True), version
        assert (second["status"], second["signal"]) == ("timeout", "SIGTERM"), version
        seen.append(version)
    assert len(seen) > 2
