"""What starting costs, counted in modules and files, which is stable, not in milliseconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

#: Never on the way to ``--version``, ``--help`` or the default doctor with its output in a pipe.
HEAVY = {
    "torch", "numpy", "docker", "requests", "urllib3", "rich", "tabulate", "msgspec", "packaging",
    "jsonschema", "shtab", "tomllib", "tomli", "email", "importlib.metadata", "importlib.resources",
    "subprocess", "asyncio", "concurrent", "multiprocessing", "socket", "ssl", "http", "urllib",
    "logging", "pathlib", "tempfile", "shutil", "dataclasses", "inspect", "unittest", "pydoc",
    "ctypes", "decimal", "datetime", "traceback", "ast", "zipfile", "difflib",
}  # fmt: skip

#: Nor on the way of the default doctor: together they cost as much as starting Python.
COSTLY = {"argparse", "contextlib", "enum", "json", "re", "signal", "typing"}

#: Command -> how many modules it may load beyond bare Python's.
MOST = {"--version": 8, "--help": 40, "doctor --help": 75, "doctor": 140}

#: Runs envcheck and says what it loaded, wrote and connected to, on standard error.
WATCH = """
import sys
bare = set(sys.modules)
events = []
def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if flags is not None and flags & 0o3 and path not in ("/dev/null", 0, 1, 2):
            events.append(f"writes {path}")
    elif event in ("socket.connect", "os.fork", "subprocess.Popen", "os.system", "os.posix_spawn"):
        events.append(event)
sys.addaudithook(watch)
from envcheck.cli.main import main
try:
    status = main(sys.argv[1:])
except SystemExit as leave:
    status = leave.code
loaded = sorted(set(sys.modules) - bare)
import json
print(json.dumps({"loaded": loaded, "events": events, "status": status}), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """Runs a command with its output in a pipe; what it loaded, did, said."""
    seen = {}
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder = tmp_path_factory.mktemp("empty")

    def run(command):
        if command not in seen:
            # The second run counts: the first writes the agent to the cache.
            for _ in range(2):
                done = subprocess.run(
                    [sys.executable, "-c", WATCH, *command.split()],
                    capture_output=True,
                    text=True,
                    cwd=folder,
                    env={**os.environ, "PYTHONPATH": root},
                )
            seen[command] = {**json.loads(done.stderr.splitlines()[-1]), "said": done.stdout}
        return seen[command]

    return run


@pytest.mark.parametrize("command", MOST)
def test_loads_nothing_heavy(watched, command):
    seen = watched(command)
    tops = {name for name in seen["loaded"] if name in HEAVY or name.partition(".")[0] in HEAVY}
    assert not tops
    assert seen["status"] in (0, 1)
    assert seen["said"]


@pytest.mark.parametrize("command", MOST)
def test_loads_few_modules(watched, command):
    assert len(watched(command)["loaded"]) <= MOST[command], watched(command)["loaded"]


def test_the_default_doctor_does_without_what_is_costly(watched):
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True
    ).stdout.split()
    assert not COSTLY.intersection(watched("doctor")["loaded"]) - set(bare)


def test_the_default_doctor_starts_one_child_and_nothing_else(watched):
    assert watched("doctor")["events"] == ["os.posix_spawn"]


@pytest.mark.parametrize("command", ["--version", "--help", "doctor --help"])
def test_words_alone_do_nothing(watched, command):
    assert watched(command)["events"] == []
