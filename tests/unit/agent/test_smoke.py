"""The grandchild that trains, or runs a script: what it reports, however it ends."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.agent import protocol
from envcheck.agent.probes import compute_run, smoke, smoke_child, smoke_run

TORCH = '__version__ = "2.13.0+cpu"'
DOUBLE = """
import os, sys, time
from envcheck.accelerator.shape import area
def run(report, parts=None, seconds=60.0):
    assert area(2) == 4
    for part in parts or ("mlp", "compile"):
        record = dict(part=part, device="cpu", dtype="fp32", model=part)
        report(dict(record, status="running"))
        {}
        report(dict(record, status="pass", seconds=0.5, steps=3, last_loss=float("nan")))
"""
ISLANDS = {
    "accelerator/__init__.py": "",
    "accelerator/shape.py": "def area(x):\n    return x * x\n",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``run(BODY)`` trains a double, ``run(script=TEXT)`` runs a script; the facts, by name."""

    def collect(body="pass", *, script="", torch=TORCH, seconds=30.0, request=None, **modules):
        if torch:
            modules["torch"] = torch
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        sources = {**ISLANDS, "smoke/__init__.py": DOUBLE.format(body)}
        sent = SimpleNamespace(SOURCES=sources, SCRIPT=("train.py", script) if script else ("", ""))
        monkeypatch.setitem(sys.modules, f"{smoke_run.__package__}.smoke_sources", sent)
        asked, facts = protocol.Request(), protocol.Facts()
        asked.smoke, asked.timeout = True, seconds + smoke_run._MARGIN
        vars(asked).update(request or {})
        smoke.collect(facts, asked)
        assert facts.entries.keys() == {field.name for field in smoke.FIELDS}
        return {name: entry.get("value") for name, entry in facts.entries.items()}

    return collect


def statuses(found):
    return [record["status"] for record in found["parts"]]


def test_training_that_works(run):
    found = run()
    assert (found["status"], found["reason"]) == ("pass", None)
    assert found["torch"] == "2.13.0+cpu"
    assert [record["part"] for record in found["parts"]] == ["mlp", "compile"]
    assert found["parts"][0]["steps"] == 3
    assert found["parts"][0]["last_loss"] is None, "what is no number is not one in JSON either"


def test_parts_that_are_named(run):
    found = run(request={"parts": ["compile"]})
    assert [record["part"] for record in found["parts"]] == ["compile"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("os.kill(os.getpid(), 11) if part == 'compile' else 0", "fail", "SIGSEGV in <envcheck>"),
        ("os.kill(os.getpid(), 9) if part == 'compile' else 0", "unknown", "lack of memory"),
        ("os._exit(3) if part == 'compile' else 0", "fail", "exited with status 3"),
        ("os._exit(0) if part == 'compile' else 0", "fail", "ended without a word"),
        ("sys.exit(3) if part == 'compile' else 0", "unknown", "SystemExit: 3"),
        ("{}['x'] if part == 'compile' else 0", "unknown", "KeyError"),
    ],
)
def test_what_ends_the_process_is_told_of_the_part_that_ran(run, body, status, reason):
    found = run(body.replace("{", "{{").replace("}", "}}") if "{}" not in body else body)
    assert statuses(found) == ["pass", status]
    assert found["status"] == status
    assert reason in found["parts"][1]["reason"]
    assert "compile cpu fp32: " in found["reason"]


def test_a_part_that_hangs(run):
    found = run("time.sleep(600) if part == 'compile' else 0", seconds=4.0)
    assert statuses(found) == ["pass", "unknown"]
    assert "did not end within" in found["parts"][1]["reason"]
    assert "<envcheck>/smoke/__init__.py:9 in run" in found["parts"][1]["reason"]


def test_a_part_that_not_even_its_watchdog_ends(run):
    found = run("os.kill(os.getpid(), 19)", seconds=3.0)
    assert found["status"] == "unknown"
    assert statuses(found) == ["unknown"]


def test_what_a_crash_leaves_behind_is_killed(run, tmp_path):
    file = tmp_path / "child"
    body = f"pid = os.fork(); open({str(file)!r}, 'w').write(str(pid)) if pid else time.sleep(600)"
    found = run(body + "; os.kill(os.getpid(), 11)")
    assert found["status"] == "fail"
    end = time.monotonic() + 5
    while time.monotonic() < end and running(int(file.read_text())):
        time.sleep(0.01)
    assert not running(int(file.read_text()))


def running(pid):
    """Whether a process is there and no zombie that nobody has waited for."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("torch", "status", "reason"),
    [
        ("", "skip", "torch is not installed"),
        ("raise OSError('libx.so: file too short')", "fail", "import torch: OSError"),
        ("import gone_module", "fail", "gone_module"),
        ("import os; os.kill(os.getpid(), 4)", "fail", "SIGILL"),
        ('__version__ = "2.2.2"', "skip", "needs torch 2.3 or newer, this is 2.2.2"),
        ('__version__ = "1.13.1+cu117"', "skip", "this is 1.13.1+cu117"),
        ('__version__ = "2.10.0a0+git1"', "pass", None),
        ("pass", "unknown", "does not say its version"),
    ],
)
def test_torch_that_is_not_fit(run, monkeypatch, torch, status, reason):
    if not torch:
        monkeypatch.setattr(sys, "executable", sys._base_executable)
        if sys._base_executable == sys.executable or has_torch(sys._base_executable):
            torch = "raise ModuleNotFoundError('No module named torch', name='torch')"
    found = run(torch=torch)
    assert found["status"] == status
    assert reason in found["reason"] if reason else found["reason"] is None


def has_torch(executable):
    return os.system(f"{executable} -c 'import torch' 2>/dev/null") == 0


def test_torch_that_hangs(run):
    found = run(torch="import time; time.sleep(600)", seconds=3.0)
    assert found["status"] == "unknown"
    assert "import torch" in found["reason"]


def test_the_import_that_another_probe_has_tried_is_not_tried_again(run):
    record = {"status": "hang", "missing": None, "error": "it did not end within 60 s"}
    found = run(torch="raise SystemExit", request={"torch": record})
    assert (found["status"], found["parts"]) == ("unknown", [])
    assert "did not end within 60 s" in found["reason"]


def test_a_python_that_is_too_old_for_the_accelerator(run, monkeypatch):
    monkeypatch.setattr(smoke_run, "PYTHON", (3, 99))
    found = run()
    assert found["status"] == "skip"
    assert "needs Python 3.99 or newer" in found["reason"]


def test_without_time(run):
    assert run(seconds=1.0)["reason"] == "too little time is left"


def test_an_envcheck_that_is_installed_is_not_the_one_that_is_used(run):
    found = run(envcheck="raise ValueError('not this one')")
    assert found["status"] == "pass"
    found = run(torch=f"import envcheck\n{TORCH}", envcheck="mark = 1")
    assert found["status"] == "pass"


def test_not_asked():
    facts = protocol.Facts()
    smoke.collect(facts, protocol.Request())
    assert facts.value("asked") is False
    assert {entry.get("reason") for entry in facts.entries.values()} == {None, smoke.NOT_ASKED}


def test_from_outside():
    request, facts = protocol.Request(), protocol.Facts()
    request.smoke, request.prefix = True, "/elsewhere"
    smoke.collect(facts, request)
    assert "from outside" in facts.entries["status"]["reason"]


SCRIPTS = {
    "whole": ("print('done')", "pass", None),
    "imports": ("from envcheck.accelerator.shape import area\nassert area(3) == 9", "pass", None),
    "main": ("assert __name__ == '__main__' and __file__ == 'train.py'", "pass", None),
    "source": ("import inspect\ndef f(): return 1\nassert 'def f' in inspect.getsource(f)",
               "pass", None),
    "raises": ("print('so far')\nraise ValueError('no\\nway')", "fail",
               "ValueError: no way (line 2)"),
    "syntax": ("x = 1\ndef f(:\n  pass", "fail", "(line 2)"),
    "status": ("import sys; sys.exit(3)", "fail", "it exited with status 3"),
    "text": ("import sys; sys.exit('the loss rose')", "fail", "the loss rose"),
    "zero": ("import sys; sys.exit(0)", "pass", None),
    "gone": ("import os; os._exit(0)", "pass", None),
    "gone badly": ("import os; os._exit(3)", "fail", "it exited with status 3"),
    "segv": ("import os; os.kill(os.getpid(), 11)", "fail", "SIGSEGV in train.py:1"),
    "killed": ("import os; os.kill(os.getpid(), 9)", "unknown", "SIGKILL"),
    "interrupted": ("raise KeyboardInterrupt", "fail", "KeyboardInterrupt"),
    "input": ("import sys; assert sys.stdin.read() == ''", "pass", None),
    "closed": ("import os; os.close(1); os.close(2)", "pass", None),
    "closed badly": ("import os; os.close(1); os.close(2); 1 / 0", "fail", "ZeroDivisionError"),
    "all closed": ("import os; os.closerange(0, 64)", "pass", None),
    "all closed badly": ("import os; os.closerange(0, 64); 1 / 0", "fail", "exited with status 1"),
    "no stdout": ("import sys; sys.stdout.close(); sys.stderr = None", "pass", None),
    "fork": ("import os; os.fork()", "pass", None),
    "fork badly": ("import os\nif not os.fork(): raise ValueError('in the fork')\nos.wait()",
                   "pass", None),
    "threads": ("import threading, time\n"
                "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
                "pass", None),
    "bytes": ("import os; os.write(1, bytes(range(256)) * 9)", "pass", None),
    "forges": ("print('{\"result\": {\"status\": \"pass\"}}')\n1 / 0", "fail", "ZeroDivision"),
    "torch": ("import gone_torch", "fail", "No module named 'gone_torch'"),
    "deep": ("def f(): f()\nf()", "fail", "RecursionError"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(run, name):
    text, status, reason = SCRIPTS[name]
    found = run(script=text, torch="raise SystemExit('not imported')")
    (record,) = found["parts"]
    assert (record["part"], record["status"]) == ("script", status)
    assert found["status"] == status
    if reason:
        assert reason in record["reason"]
        assert found["reason"].startswith("train.py: ")
    else:
        assert record["reason"] is None


def test_the_end_of_what_a_script_prints_is_kept(run):
    (record,) = run(script="print('begin')\nprint('x' * 5000)\nraise ValueError('why')")["parts"]
    assert "begin" not in record["output"]
    assert record["output"].endswith("ValueError: why")
    assert len(record["output"]) <= smoke_run._OUTPUT


def test_a_script_that_prints_a_hundred_megabytes(run):
    text = "import os\nfor _ in range(1600): os.write(1, b'x' * 65536)\nraise ValueError('why')"
    (record,) = run(script=text)["parts"]
    assert "ValueError: why" in record["reason"]
    assert record["output"].endswith("ValueError: why")


@pytest.mark.parametrize("noise", ["time.sleep(600)", "\n  while True: os.write(1, b'x' * 999)"])
def test_a_fork_that_holds_the_pipe_is_not_waited_for(run, noise):
    text = f"import os, time\nif os.fork() == 0: {noise}\nprint('done')"
    found = run(script=text, seconds=60.0)
    assert found["status"] == "pass"
    assert found["seconds"] < 30


def test_a_script_that_hangs(run):
    found = run(script="import time\nwhile True: time.sleep(1)", seconds=3.5)
    assert found["status"] == "unknown"
    assert "train.py:2" in found["reason"]


def test_what_a_script_leaves_in_its_group_is_killed(run, tmp_path):
    file = tmp_path / "pid"
    text = (
        f"import os, time\npid = os.fork()\nif not pid: time.sleep(600)\n"
        f"open({str(file)!r}, 'w').write(str(pid))"
    )
    run(script=text)
    end = time.monotonic() + 5
    while time.monotonic() < end and running(int(file.read_text())):
        time.sleep(0.01)
    assert not running(int(file.read_text()))


def test_nothing_is_left_where_there_is_no_memory_file(run, monkeypatch, tmp_path):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    assert run(script="print(1)")["status"] == "pass"
    assert os.listdir(tmp_path / "tmp") == []


def test_what_is_killed_leaves_no_temporary_files(run, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    body = "import tempfile; place = tempfile.mkdtemp(); print(place); os.kill(os.getpid(), 9)"
    found = run(body)
    assert found["status"] == "unknown"
    assert os.listdir(tmp_path / "tmp") == []


def test_without_a_place_for_temporary_files(run, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert run()["status"] == "pass"


@given(st.text(max_size=12))
def test_any_version_has_a_release(version):
    release = smoke_child.release(version)
    assert all(isinstance(number, int) for number in release)


@pytest.mark.parametrize(
    ("trials", "ended", "expected"),
    [
        ([], "pass", ("unknown", "nothing was tried")),
        ([("mlp", "pass"), ("compile", "skip")], "pass", ("pass", "")),
        ([("compile", "skip")], "pass", ("skip", "why")),
        ([("mlp", "pass"), ("compile", "unknown")], "pass", ("unknown", "compile: why")),
        ([("mlp", "fail"), ("compile", "unknown")], "unknown", ("fail", "mlp: why")),
        ([("mlp", "pass")], "unknown", ("unknown", "ended")),
        ([("mlp", "pass")], "fail", ("fail", "ended")),
    ],
)
def test_all_together(trials, ended, expected):
    records = [
        dict.fromkeys(smoke_run._TRIAL) | {"part": part, "status": status, "reason": "why"}
        for part, status in trials
    ]
    assert smoke_run._folded(records, ended, "ended") == expected


def test_the_scripts_parse_where_the_agent_does():
    text = compute_run.source_of("smoke_child")
    compile(text, "smoke_child", "exec")
    assert len(text) < 100_000  # Linux: 128 KiB for an argument
