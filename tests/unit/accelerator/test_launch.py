"""The launcher's command line: what is its own, what the script's, and what it says."""

from __future__ import annotations

import shlex

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from envcheck.accelerator import config, launch  # noqa: E402 -- what follows needs torch

WORKER = "envcheck.accelerator.worker"


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """A folder with a script, no configuration file, and no variable that changes anything."""
    monkeypatch.setenv("ACCELERATE_CONFIG_FILE", "")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("print()\n")


@pytest.fixture
def started(capsys):
    """``started("--cpu train.py")``: the configuration, what is run, and what is said."""

    def start(line: str) -> tuple[config.Config, list[str], str]:
        status = launch.main(["launch", "--dry-run", *shlex.split(line)])
        said = capsys.readouterr()
        assert status == 0, said.err
        times, _, command = said.out.partition(" times: ")
        words = shlex.split(command)
        at = words.index(WORKER) + 1
        made = config._config(launch.json.loads(words[at]))
        assert int(times) == made.num_processes
        return made, words[at + 1 :], said.err

    return start


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("train.py", ["train.py"]),
        ("train.py --lr 0.1 -m", ["train.py", "--lr", "0.1", "-m"]),
        ("--cpu train.py --cpu", ["train.py", "--cpu"]),
        ("--num_processes 3 train.py 4", ["train.py", "4"]),
        ("--num-processes=3 train.py -- --cpu", ["train.py", "--", "--cpu"]),
        ("--cpu -- train.py -- --", ["train.py", "--", "--"]),
        ("-m json.tool --help", ["-m", "json.tool", "--help"]),
        ("--mixed-precision bf16 train.py '' ' '", ["train.py", "", " "]),
    ],
)
def test_the_script_gets_exactly_what_stands_after_it(started, line, script):
    assert started(line)[1] == script


def test_flags_both_ways():
    words = shlex.split("--max-restarts 2 --max_restarts=3 --use_cpu -m --num-processes 1 x")
    flags = launch._take_flags(words)
    assert flags == {"max_restarts": 3, "use_cpu": True, "module": True, "num_processes": 1}
    assert words == ["x"]


def test_flag_before_file_before_default(started, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("mixed_precision: bf16\nnum_processes: 2\ndistributed_type: MULTI_CPU\n")
    made, _, said = started(f"--config_file {file} --mixed_precision fp16 train.py")
    assert (made.mixed_precision, made.num_processes, made.use_cpu) == ("fp16", 2, True)
    assert said == ""
    made = started(f"--config_file {file} --num_processes 3 train.py")[0]
    assert (made.mixed_precision, made.num_processes) == ("bf16", 3)


def test_what_nobody_gave_is_said(started):
    made, _, said = started("--cpu train.py")
    assert made == config.Config(num_processes=1, use_cpu=True)
    assert said == "launch: not given, so taken: --mixed_precision no, --num_processes 1 (1 cpu)\n"
    assert started("--cpu --num_processes 1 --mixed_precision no train.py")[2] == ""


def test_processes_share_the_cores(started, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    said = started("--cpu --num_processes 2 train.py")[2]
    assert "OMP_NUM_THREADS=4" in said
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP" not in started("--cpu --num_processes 2 train.py")[2]


def test_flags_that_look_misplaced_are_pointed_out(started):
    said = started("--num_processes 1 train.py --lr 1 --num-processes 2 -- --cpu")[2]
    assert "--num-processes goes to train.py: what is for launch stands before the script" in said
    assert "--cpu goes" not in said
    assert "--lr" not in said


def test_several_devices_without_a_file(started, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    made, _, said = started("train.py")
    assert made.num_processes == 4
    assert "--num_processes 4 (4 cuda)" in said
    assert f"4 devices, but no configuration file: nothing is at {config.location()}" in said
    assert "no configuration" not in started("--cpu train.py")[2]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "which SCRIPT?"),
        ("--cpu", "which SCRIPT?"),
        ("none.py", "none.py is no file here"),
        (".", ". is no file here"),
        ("-m no.such.module", "no.such.module is no module here"),
        ("--lr 0.1 train.py", "a script's stand after it"),
        ("-xcpu train.py", "-xcpu is no flag of launch"),
        ("--cpu=1 train.py", "--cpu=1 is no flag of launch"),
        ("--num train.py", "--num is no flag of launch"),
        ("--num_processes", "--num_processes is no flag of launch"),
        ("--num_processes 0 train.py", "num_processes is an integer of at least 1, not 0"),
        ("--num_processes two train.py", "num_processes is an integer of at least 1, not 'two'"),
        ("--max_restarts -1 train.py", "max_restarts"),
        ("--mixed_precision fp8 train.py", "fp8"),
        ("--config_file none.yaml train.py", "none.yaml"),
        ("--num_machines 2 train.py", "--num_machines is no flag of launch"),
    ],
)
def test_what_cannot_be_started(capsys, line, says):
    assert launch.main(["launch", *shlex.split(line)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("launch: error: ")
    assert says in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("words", "status"),
    [(["launch", "--help"], 0), (["launch", "--cpu", "-h"], 0), (["-h"], 0), ([], 2), (["do"], 2)],
)
def test_help(capsys, words, status):
    assert launch.main(words) == status
    text = capsys.readouterr().out
    assert "Examples:" in text
    assert max(map(len, text.splitlines())) <= 80
    for name in (*launch._VALUES, "cpu", "module", "dry_run"):
        assert f"--{name}" in text
