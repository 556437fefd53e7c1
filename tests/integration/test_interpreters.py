"""The agent on every interpreter of this machine, from a file and from memory."""

from __future__ import annotations

import json
import subprocess

import pytest

from envcheck.targets import remote
from envcheck.targets.base import AgentRequest, find_sheet

pytestmark = pytest.mark.interpreters


def version_of(interpreter):
    code = "import platform; print(platform.python_version())"
    return subprocess.check_output([interpreter, "-E", "-c", code], text=True).strip()


def expect(document, version):
    assert document["facts"]["interpreter.version"]["value"] == version
    if tuple(map(int, version.split(".")[:2])) < (3, 7):
        assert document["agent"]["status"] == "unsupported"
        return
    assert document["agent"]["status"] == "ok"
    bad = {name: probe for name, probe in document["probes"].items() if probe["status"] != "ok"}
    assert not bad


def test_gives_a_complete_sheet(facts, interpreter):
    document = facts(python=interpreter)
    expect(document, version_of(interpreter))
    assert document["target"]["name"] == interpreter
    assert "startup" not in document["target"]


def test_gives_the_same_from_memory(facts, interpreter, monkeypatch):
    """Where nothing can be written the agent comes by standard input."""
    cached = facts(python=interpreter)
    monkeypatch.setenv("ENVCHECK_CACHE_DIR", "/proc/envcheck")
    document = facts(python=interpreter)
    expect(document, version_of(interpreter))
    assert set(document["facts"]) == set(cached["facts"])


def test_gives_the_same_from_arguments(interpreter):
    """As in a container: the whole agent in the arguments, no file and no standard input."""
    ancient = version_of(interpreter).startswith("2.")
    flags = remote.ANCIENT if ancient else remote.NORMAL
    words = remote.words(AgentRequest(), flags, remote.payload())
    done = subprocess.run(
        [interpreter, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    document = find_sheet(done.stdout)
    assert document is not None
    expect(document, version_of(interpreter))


def test_prints_one_json_object_and_nothing_else(interpreter):
    from envcheck.targets import bundle

    flags = ["-E", "-s"] if version_of(interpreter).startswith("2.") else ["-I"]
    done = subprocess.run(
        [interpreter, *flags, "-B", bundle.path(interpreter)], capture_output=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["schema"] == "envcheck.facts/1"


def test_the_command_line_takes_it(envcheck, interpreter):
    done = envcheck("doctor", "--python", interpreter, "-v")
    version = version_of(interpreter)
    assert version in done.stdout
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert ("is too old" in done.stdout) == version.startswith(("2.", "3.6."))
    assert "Traceback" not in done.stderr
