"""Importing in fresh processes: what is timed, what is believed, why it failed."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from rooms import ContainerRoom, LocalRoom

from envcheck.matrix import disk
from envcheck.matrix.import_trace import slowest
from envcheck.matrix.importing import time_imports

if TYPE_CHECKING:
    from pathlib import Path

    from envcheck.matrix.importing import Imports


def environment(folder: Path, base: str = sys.executable) -> Path:
    """An empty environment; returns its site-packages."""
    subprocess.run([base, "-I", "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    (site,) = folder.glob("lib/python*/site-packages")
    return site


@pytest.fixture
def room(tmp_path: Path) -> LocalRoom:
    room = LocalRoom(tmp_path, sys.executable)
    room.site = environment(tmp_path / "env")
    return room


def module(room: LocalRoom, name: str, text: str) -> None:
    (room.site / f"{name}.py").write_text(textwrap.dedent(text))


def time(room: LocalRoom, *names: str, settled: int = 2, seconds: float = 30) -> Imports:
    return time_imports(room, names, settled=settled, seconds=seconds)


def files(folder: Path) -> set[Path]:
    return {file.relative_to(folder) for file in folder.rglob("*")}


def test_first_and_settled(room: LocalRoom):
    module(room, "slow", "import time; print('loading'); time.sleep(0.2)")
    before = files(room.site)
    done = time(room, "slow")
    (one,) = done.imports
    assert (one.module, one.error, done.error, done.outcome.step.status) == ("slow", "", {}, "ok")
    assert 0.2 <= one.first < 5
    assert len(one.settled) == 2
    assert all(0.2 <= seconds < 5 for seconds in one.settled)
    assert one.threads >= 1
    assert one.page_cache == "as installation left it"
    found = slowest(room, "slow", seconds=30, env={})
    assert found[0].name == "slow"
    assert 0.2 <= found[0].seconds <= found[0].cumulative
    assert done.outcome.text == "$ import slow  # first\nloading"
    assert done.outcome.step.seconds > 0.6
    assert files(room.site) == before  # nothing is written into the environment
    assert len(room.ran) == 2


def test_the_state_of_the_bytecode(room: LocalRoom):
    module(room, "one", "import two")
    module(room, "two", "")
    assert time(room, "one").imports[0].bytecode == "none"
    subprocess.run([sys.executable, "-m", "compileall", "-q", room.site / "two.py"], check=True)
    assert time(room, "one").imports[0].bytecode == "partly"
    subprocess.run([sys.executable, "-m", "compileall", "-q", room.site], check=True)
    assert time(room, "one").imports[0].bytecode == "compiled"
    assert time(room, "sys").imports[0].bytecode == ""


def test_settled_imports_find_bytecode(room: LocalRoom):
    module(room, "big", "\n".join(f"def f{n}(a, b=[{n}]): return a + b * {n}" for n in range(9000)))
    (one,) = time(room, "big").imports
    assert max(one.settled) < one.first


def test_a_later_module_finds_what_an_earlier_one_has_read(room: LocalRoom):
    module(room, "a", "")
    module(room, "b", "")
    assert [one.page_cache for one in time(room, "a", "b").imports] == [
        "as installation left it", "after importing a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error", "type_", "more"),
    [
        ("import absent_one", "ModuleNotFoundError: No module named 'absent_one'",
         "ModuleNotFoundError", {"module": "absent_one"}),
        ("raise ImportError('libGL.so.1: cannot open shared object file: No such file')",
         "ImportError: libGL.so.1: cannot open shared object file: No such file",
         "ImportError", {"library": "libGL.so.1"}),
        ("raise OSError('Error loading shared library libX.so: No such file (needed by x)')",
         "OSError: Error loading shared library libX.so: No such file (needed by x)",
         "OSError", {"library": "libX.so"}),
        ("try:\n import absent\nexcept ImportError as e:\n raise RuntimeError('lazy') from e",
         "ModuleNotFoundError: No module named 'absent'",
         "ModuleNotFoundError", {"outer": "RuntimeError: lazy"}),
        ("try:\n 1/0\nexcept Exception as e:\n raise ImportError(f'so: {e}')",
         "ZeroDivisionError: division by zero",
         "ZeroDivisionError", {"outer": "ImportError: so: division by zero"}),
        ("try:\n import optional\nexcept ImportError:\n raise ValueError('another thing')",
         "ValueError: another thing", "ValueError", {"outer": ""}),
        ("raise SystemExit(0)", "SystemExit: 0", "SystemExit", {}),
        ("class E(Exception):\n def __str__(self): raise KeyError\nraise E",
         "E: its message raised KeyError", "E", {}),
    ],
)  # fmt: skip
def test_why_it_failed(room: LocalRoom, text: str, error: str, type_: str, more: dict[str, str]):
    module(room, "broken", text)
    done = time(room, "broken")
    (one,) = done.imports
    assert (one.first, one.settled, slowest(room, one.module, seconds=30, env={})) == (None, [], [])
    assert one.error == error
    assert (done.outcome.step.status, done.outcome.step.exit) == ("failed", 1)
    assert done.outcome.step.detail == error
    assert (done.error["type"], done.error["import"]) == (type_, "broken")
    assert {name: done.error[name] for name in more} == more
    assert "importing.py" not in done.error["traceback"]


def test_one_that_fails_does_not_hide_the_others(room: LocalRoom):
    module(room, "good", "")
    done = time(room, "absent", "good")
    assert [one.first is None for one in done.imports] == [True, False]
    assert (done.outcome.step.status, done.error["import"]) == ("failed", "absent")


@pytest.mark.parametrize(
    ("text", "error", "status"),
    [
        ("import os; os._exit(0)", "the process ended with status 0 while it was importing",
         ("failed", 0, "")),
        ("import os; os._exit(3)", "the process ended with status 3 while it was importing",
         ("failed", 3, "")),
        ("import os; os.abort()", "it was ended by SIGABRT", ("failed", None, "SIGABRT")),
        ("import os; os.kill(os.getppid(), 9)",
         "its runner was killed: it was killed by SIGKILL", ("failed", None, "SIGKILL")),
        ("import atexit, os; atexit.register(os.abort)", "it was ended by SIGABRT",
         ("failed", None, "SIGABRT")),
        ("while True: pass", "it was ended after 1 s", ("timeout", None, "")),
    ],
)  # fmt: skip
def test_processes_that_end_otherwise(
    room: LocalRoom, text: str, error: str, status: tuple[str, int | None, str]
):
    module(room, "broken", text)
    done = time(room, "broken", seconds=1)
    step = done.outcome.step
    assert done.imports[0].error == error
    assert (step.status, step.exit, step.signal) == status


def test_claims_that_cannot_be_are_not_believed(room: LocalRoom):
    module(
        room,
        "liar",
        """
        import json, os
        for fd in os.listdir("/proc/self/fd"):
            try:
                if os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:") and int(fd) > 2:
                    os.write(int(fd), json.dumps({"seconds": 1000}).encode())
            except OSError:
                pass
        os._exit(0)
        """,
    )
    (one,) = time(room, "liar").imports
    assert (one.first, one.error) == (None, "the process claims what cannot be")


def test_a_module_that_changes_the_clock(room: LocalRoom):
    module(room, "clock", "import time; time.sleep(0.2); time.perf_counter = lambda: 0.0")
    assert time(room, "clock").imports[0].first >= 0.2


def test_time_that_goes_elsewhere_is_said(room: LocalRoom):
    module(room, "late", "import atexit, time; atexit.register(time.sleep, 1.3)")
    done = time(room, "late", settled=1)
    assert done.imports[0].first < 1
    assert done.outcome.step.detail.startswith("importing late is said to have taken 0.0")


def test_time_over_before_the_last_import_is_no_failure(room: LocalRoom):
    module(room, "slow", "import time; time.sleep(0.6)")
    done = time(room, "slow", settled=5, seconds=2)
    (one,) = done.imports
    assert (done.outcome.step.status, one.error) == ("ok", "")
    assert 0 < len(one.settled) < 5


def test_one_that_sometimes_fails_has_failed(room: LocalRoom):
    flag = room.folder / "flag"
    text = f"import pathlib\nif pathlib.Path({str(flag)!r}).exists(): raise ValueError('again')"
    module(room, "moody", f"{text}\npathlib.Path({str(flag)!r}).touch()")
    done = time(room, "moody")
    assert done.imports[0].first is not None
    assert done.imports[0].error == "ValueError: again"
    assert done.outcome.step.status == "failed"


def test_nothing_is_loaded_before_the_statement(room: LocalRoom):
    module(room, "spy", "import sys, this; print(sorted(sys.modules))")
    done = time(room, "spy", settled=1)
    loaded = ast.literal_eval(done.outcome.text.splitlines()[-1])
    bare = subprocess.run(
        [room.paths.python, "-I", "-c", "import sys; print(sorted(sys.modules))"],
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    assert {slow.name for slow in slowest(room, "spy", seconds=30, env={})} == {"spy", "this"}
    assert set(loaded) - set(ast.literal_eval(bare.stdout)) <= {"spy", "this", "time", "pwd"}


def test_scratch_space_is_not_imported_from(room: LocalRoom):
    (room.folder / "scratch" / "json.py").write_text("raise ValueError")
    (room.folder / "inputs" / "numpy.py").write_text("")
    done = time(room, "numpy")
    assert done.imports[0].error == "ModuleNotFoundError: No module named 'numpy'"


def test_escapes_in_what_it_raises_are_harmless(room: LocalRoom):
    module(room, "evil", "raise ImportError('\\x1b]0;title\\x07::error::\\u202e' + 'x' * 9999)")
    done = time(room, "evil")
    assert "\x1b" not in done.outcome.text + done.error["message"] + done.imports[0].error
    assert len(done.error["message"]) < 6000


def test_modules_of_what_is_required(room: LocalRoom):
    info = room.site / "Some_Thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: Some.Thing\nVersion: 1.0\n")
    (info / "RECORD").write_text("some_thing/__init__.py,,\nother.py,,\ntests/__init__.py,,\n")
    (room.site / "some_thing").mkdir()
    (room.site / "some_thing" / "__init__.py").write_text("")
    measured = disk.measure(room, seconds=30)
    assert disk.import_names(measured, ["some-thing", "absent"]) == ["some_thing"]
    nothing = time_imports(room, disk.import_names(measured, ["absent"]), seconds=30)
    assert (nothing.imports, nothing.error, nothing.outcome.step.status) == ([], {}, "skipped")


@pytest.mark.interpreters
def test_on_every_interpreter(tmp_path: Path, interpreters: dict[str, str]):
    seen = []
    for version, interpreter in interpreters.items():
        if tuple(map(int, version.split(".")[:2])) < (3, 8):
            continue
        (tmp_path / version).mkdir()
        room = LocalRoom(tmp_path / version, interpreter)
        room.site = environment(tmp_path / version / "env", interpreter)
        module(room, "some", "import decimal")
        done = time(room, "some", settled=1)
        (one,) = done.imports
        assert (one.error, one.bytecode, len(one.settled)) == ("", "none", 1), version
        found = slowest(room, "some", seconds=30, env={})
        assert "some" in [slow.name for slow in found], version
        seen.append(version)
    assert len(seen) > 2


@pytest.mark.docker
def test_in_a_container_where_nothing_can_be_written():
    with ContainerRoom("envcheck-base:3.11-musl") as room:
        room.put("some.py", b"")
        room._exec(["python3", "-m", "venv", "--without-pip", "/cell/env"])
        room._exec(
            ["sh", "-c", "echo import xml.dom.minidom >/cell/env/lib/python3.11/site-packages/x.py"]
        )
        room._exec(["chmod", "-R", "a-w", "/cell/env"])
        done = time_imports(room, ["x"], settled=1, seconds=30)
        assert (done.outcome.step.status, done.imports[0].bytecode) == ("ok", "none")
