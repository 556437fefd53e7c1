"""``python -m envcheck.accelerator launch`` with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

ROOT = str(Path(__file__).resolve().parents[3])
DEADLINE = 120

REPORT = """\
from __future__ import annotations
import atexit, json, multiprocessing, os, pickle, sys
from envcheck.accelerator.config import launched

class Mine:
    pass

def double(number):
    return 2 * number

def at_exit():
    facts["pickled_at_exit"] = type(pickle.loads(pickle.dumps(Mine()))) is Mine
    with open(f"rank{os.environ['RANK']}.json", "w") as file:
        json.dump(facts, file)

if __name__ == "__main__":
    early = "torch" in sys.modules
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        doubled = pool.apply(double, (21,))
    facts = {
        "argv": sys.argv, "path": sys.path[0], "file": __file__, "early": early,
        "doubled": doubled, "config": vars(launched()), "world": os.environ["WORLD_SIZE"],
        "package": __package__, "annotations": isinstance(double.__annotations__, dict),
        "main": sys.modules["__main__"].__dict__ is globals(),
    }
    atexit.register(at_exit)
"""

FAILING = """\
import os, signal, sys, time
rank = os.environ["RANK"]
open(f"pid{rank}.new", "w").write(str(os.getpid()))
os.rename(f"pid{rank}.new", f"pid{rank}")
while not all(os.path.exists(f"pid{other}") for other in range(3)):
    time.sleep(0.01)
if rank == "1":
    ENDING
time.sleep(600)
"""

COLLECTIVE = """\
import os, signal, torch
from torch import distributed
distributed.init_process_group("gloo")
distributed.all_reduce(torch.ones(1))
if distributed.get_rank() == 1:
    os.kill(os.getpid(), signal.SIGKILL)
distributed.all_reduce(torch.ones(1))
"""


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "envcheck.accelerator", "launch", *words]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1", **more}


@pytest.fixture
def launch(tmp_path):
    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words),
            cwd=tmp_path,
            env=environment(HF_HOME=str(tmp_path), **more),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )

    return run


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_script_finds_itself_as_python_would_start_it(tmp_path, launch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "report.py").write_text(REPORT)
    words = ["sub/report.py", "$$x", "${local_rank}", "--", "--cpu", ""]
    done = launch("--num_processes", "2", "--mixed_precision=bf16", "--cpu", *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for rank in (0, 1):
        facts = json.loads((tmp_path / f"rank{rank}.json").read_text())
        assert facts["argv"] == words
        assert facts["path"] == str(tmp_path / "sub")
        assert facts["file"] == str(tmp_path / "sub" / "report.py")
        assert facts["config"]["mixed_precision"] == "bf16"
        assert facts["config"]["num_processes"] == 2
        assert facts["config"]["use_cpu"] is True
        assert (facts["world"], facts["doubled"], facts["package"]) == ("2", 42, None)
        assert not facts["early"], "torch was imported before the script could set it up"
        assert facts["pickled_at_exit"]
        assert facts["main"]


def test_a_module(tmp_path, launch):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "report.py").write_text(REPORT)
    done = launch("-m", "package.report", "--lr", "1")
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "rank0.json").read_text())
    assert facts["argv"] == [str(tmp_path / "package" / "report.py"), "--lr", "1"]
    assert facts["package"] == "package"
    assert facts["doubled"] == 42


@pytest.mark.parametrize(
    ("ending", "status", "says"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", 128 + 9, "was killed by SIGKILL"),
        ("sys.exit(3)", 3, "ended with status 3"),
        ("raise ValueError('boom')", 1, "ended with status 1"),
    ],
)
def test_one_that_fails_is_named_and_ends_the_others(tmp_path, launch, ending, status, says):
    (tmp_path / "fail.py").write_text(FAILING.replace("ENDING", ending))
    done = launch("--num_processes", "3", "--mixed_precision", "no", "--cpu", "fail.py")
    assert done.returncode == status, done.stderr
    pids = [int((tmp_path / f"pid{rank}").read_text()) for rank in range(3)]
    last = done.stderr.splitlines()[-1]
    assert last == f"launch: rank 1 (process {pids[1]}) {says}; all have ended"
    assert ("boom" in done.stderr) == ("boom" in ending)
    assert not [pid for pid in pids if alive(pid)]


def test_not_the_one_that_failed_because_of_it_is_named(tmp_path, launch):
    (tmp_path / "train.py").write_text(COLLECTIVE)
    done = launch("--num_processes", "2", "--cpu", "train.py")
    assert done.returncode == 128 + 9, done.stderr
    assert "launch: rank 1 (process " in done.stderr
    assert "rank 0" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_with_the_launcher(tmp_path, number):
    (tmp_path / "wait.py").write_text(FAILING.replace("ENDING", "pass"))
    launcher = subprocess.Popen(
        command("--num_processes", "3", "--cpu", "wait.py"),
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + DEADLINE
    while len(list(tmp_path.glob("pid?"))) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    launcher.send_signal(number)
    said = launcher.communicate(timeout=DEADLINE)[1]
    assert launcher.returncode == 128 + number, said
    assert f"{signal.Signals(number).name}; all have ended" in said
    assert not [file for file in tmp_path.glob("pid?") if alive(int(file.read_text()))]


def test_all_start_again_as_often_as_allowed(tmp_path, launch):
    (tmp_path / "twice.py").write_text(
        "import os, sys\n"
        "again = int(os.environ['TORCHELASTIC_RESTART_COUNT'])\n"
        "sys.exit(int(again < 1 and os.environ['RANK'] == '1'))\n"
    )
    assert launch("--num_processes", "2", "--max_restarts", "1", "twice.py").returncode == 0
    assert launch("--num_processes", "2", "twice.py").returncode == 1


@pytest.mark.parametrize("end", ["", "import sys; sys.exit(0)", "sys = 1 / 0"])
def test_a_group_that_is_left_to_the_end(tmp_path, launch, end):
    """Torch aborts some of such processes; files and exit handlers are not lost over it."""
    (tmp_path / "train.py").write_text(
        "import atexit, os, torch\n"
        "from torch import distributed\n"
        "distributed.init_process_group('gloo')\n"
        "distributed.all_reduce(torch.ones(1))\n"
        "file = open('rank' + os.environ['RANK'], 'w')\n"
        "file.write('written')\n"
        "atexit.register(file.write, ', and more')\n"
        f"{end}\n"
    )
    done = launch("--num_processes", "3", "--cpu", "train.py")
    assert done.returncode == (1 if "/" in end else 0), done.stderr
    if not done.returncode:
        assert [file.read_text() for file in sorted(tmp_path.glob("rank?"))] == [
            "written, and more"
        ] * 3


def test_an_accelerator_takes_what_it_was_launched_with(tmp_path, launch):
    (tmp_path / "c.yaml").write_text("mixed_precision: bf16\ngradient_accumulation_steps: 3\n")
    (tmp_path / "train.py").write_text(
        "import json\n"
        "from envcheck.accelerator import Accelerator\n"
        "a = Accelerator()\n"
        "a.print(a.mixed_precision, a.gradient_accumulation_steps, a.num_processes, a.device)\n"
    )
    done = launch("--num_processes=2", "--cpu", "train.py", ACCELERATE_CONFIG_FILE="c.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "bf16 3 2 cpu\n"
