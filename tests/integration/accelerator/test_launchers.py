"""``notebook_launcher`` and ``debug_launcher``, called by a process as a notebook would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

ROOT = str(Path(__file__).resolve().parents[3])
DEADLINE = 120

START = """\
import os, signal, sys, tempfile, threading
import torch
from torch import distributed
from envcheck.accelerator.config import launched
from envcheck.accelerator.launchers import debug_launcher, notebook_launcher
from envcheck.accelerator import AcceleratorState, PartialState

def train(ending="", name=""):
    state = AcceleratorState()
    total = torch.ones(1)
    if state.num_processes > 1:
        distributed.all_reduce(total)
    if state.process_index == 1:
        exec(ending)
    if ending:
        distributed.all_reduce(total)
    rest = f"{state.mixed_precision} {state.device} {torch.get_num_threads()} {name}"
    line = f"{state.process_index} of {state.num_processes}: {int(total)} {rest}\\n"
    sys.stdout.write(line)  # at once: processes share it
    sys.stdout.flush()
    return lambda: "what cannot be pickled"
"""


@pytest.fixture
def notebook(tmp_path):
    """Runs code in a process of its own, and returns what it prints, in alphabetical order."""

    def run(code: str) -> list[str]:
        file = tmp_path / "notebook.py"
        file.write_text(START + code)
        done = subprocess.run(
            [sys.executable, str(file)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": ROOT, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return sorted(done.stdout.splitlines())

    return run


def test_processes_on_the_cpu(notebook):
    said = notebook("""
torch.set_num_threads(2)
big = torch.randn(1000, 1000, requires_grad=True)
(big @ big).sum().backward()  # threads and autograd of the parent are in use
debug_launcher(train)
""")
    assert said == ["0 of 2: 2 no cpu 1 ", "1 of 2: 2 no cpu 1 "]


def test_of_a_notebook(notebook):
    assert notebook("""
notebook_launcher(train, ("", "$x"), num_processes=2, mixed_precision="bf16")
""") == ["0 of 2: 2 bf16 cpu 1 $x", "1 of 2: 2 bf16 cpu 1 $x", "Launching 2 processes on cpu."]


def test_one_process_is_a_call(notebook):
    said = notebook("""
torch.set_num_threads(2)
here = []
notebook_launcher(lambda: here.append((os.getpid(), launched().mixed_precision)), (), 1, "bf16")
assert here == [(os.getpid(), "bf16")] and launched() is None
try:
    notebook_launcher(lambda: 1 / 0, num_processes=1)
except ZeroDivisionError:
    assert launched() is None
notebook_launcher(train)
""")
    assert said == ["0 of 1: 1 no cpu 2 "]


FAILURES = {
    "os.kill(os.getpid(), signal.SIGKILL)": "was killed by SIGKILL",
    "sys.exit(3)": "ended with status 3",
    "raise ValueError('boom')": "ended with status 1; all have ended:",
}


@pytest.mark.parametrize("launcher", ["debug_launcher", "notebook_launcher"])
def test_one_that_fails_is_named(notebook, launcher):
    said = notebook(f"""
before = [signal.getsignal(number) for number in range(1, 32)]
for ending in {[*FAILURES]}:
    try:
        {launcher}(train, (ending,), num_processes=3)
    except RuntimeError as error:
        print(error)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no process is left")
assert before == [signal.getsignal(number) for number in range(1, 32)]
print([name for name in os.listdir() if not name.startswith("pytorch-errorfile-")])
""")
    assert "no process is left" in said
    assert "['notebook.py']" in said
    assert "ValueError: boom" in said
    named = [line for line in said if line.startswith("rank ")]
    assert len(named) == len(FAILURES)
    for says in FAILURES.values():
        assert [line for line in named if line.startswith("rank 1 (") and says in line]


def test_no_fork_of_what_forks_cannot_share(notebook):
    said = notebook("""
PartialState()
for number in (0, 2):
    try:
        notebook_launcher(train, num_processes=number)
    except ValueError as error:
        print(error)
debug_launcher(train)  # on the CPU a fork can begin anew
distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
try:
    debug_launcher(train)
except RuntimeError as error:
    print(str(error).splitlines()[-1])
""")
    assert [line[:37] for line in said] == [
        "0 of 2: 2 no cpu 1 ",
        "1 of 2: 2 no cpu 1 ",
        "RuntimeError: the process that was fo",
        "This process already has an Accelerat",
        "num_processes is an integer of at lea",
    ]


def test_an_accelerator_of_the_parent_is_refused_in_its_forks(notebook):
    said = notebook("""
from envcheck.accelerator import Accelerator
inherited = Accelerator()
def use():
    inherited.prepare(torch.nn.Linear(1, 1))
try:
    debug_launcher(use)
except RuntimeError as error:
    print(str(error).splitlines()[-1])
""")
    assert said
    assert said[0].startswith("RuntimeError: ")
    assert "Accelerator" in said[0]


def test_outside_the_main_thread(notebook):
    assert notebook("""
thread = threading.Thread(target=debug_launcher, args=(train,))
thread.start()
thread.join()
""") == ["0 of 2: 2 no cpu 1 ", "1 of 2: 2 no cpu 1 "]
