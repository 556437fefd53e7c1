"""The agent's sheet is complete whatever a probe does, on every interpreter of this machine.

A faulty probe is put into a bundle of its own; nothing inside the agent is patched.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from envcheck.targets import bundle

pytestmark = pytest.mark.interpreters

FAULTY = """
from ..protocol import Field

FIELDS = (Field("first", "string", "Seen before it happens"), Field("second", "string", "Never"))


def collect(facts, request):
    facts.known("first", "seen")
    {}
"""
REGISTRY = """

PROBES = PROBES[:1] + (("faulty", "faulty", {deadline}),) + PROBES[1:]
"""
#: what a probe does -> (status of the probe, words in the reason of its facts)
FAULTS = {
    "raise ValueError('odd')": ("crash", "odd"),
    "raise SystemExit(3)": ("lost", ""),
    "__import__('os')._exit(0)": ("lost", "without an answer"),
    "__import__('os').kill(__import__('os').getpid(), 11)": ("lost", "SIGSEGV"),
    "__import__('time').sleep(600)": ("lost", "in time"),
    "print('noise on standard output')": ("ok", "did not report"),
    "facts.known('second', {1, 2})": ("lost", "without an answer"),
}


def supported(interpreter):
    code = "import sys; print(sys.version_info[:2] >= (3, 7))"
    return subprocess.check_output([interpreter, "-E", "-c", code], text=True).strip() == "True"


def agent(folder, fault, deadline):
    """A zipapp with one more probe, second in order."""
    sources = bundle.read_sources()
    sources["probes/faulty.py"] = FAULTY.format(fault).encode()
    sources["registry.py"] += REGISTRY.format(deadline=deadline).encode()
    file = folder / "agent.pyz"
    file.write_bytes(bundle.archive(sources))
    return file


def sheet(interpreter, file, *words):
    argv = [interpreter, "-I", "-B", str(file), *words]
    done = subprocess.run(argv, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def declared():
    from envcheck.agent.registry import PROBES

    return {name for name, _, _ in PROBES}


@pytest.mark.parametrize(
    "fault", FAULTS, ids=["raise", "exit", "gone", "segv", "hang", "noise", "set"]
)
def test_a_faulty_probe_costs_its_own_facts_only(tmp_path, fault):
    status, words = FAULTS[fault]
    document = sheet(sys.executable, agent(tmp_path, fault, 0.5))
    assert document["probes"]["faulty"]["status"] == status
    assert set(document["probes"]) == declared() | {"faulty"}
    others = {name: p["status"] for name, p in document["probes"].items() if name != "faulty"}
    assert set(others.values()) == {"ok"}, others
    second = document["facts"]["faulty.second"]
    assert second["status"] == "unknown"
    assert words in second["reason"]


def test_hang_and_crash_on_every_interpreter(tmp_path, interpreter):
    if not supported(interpreter):
        pytest.skip("only on Python 3.7 and newer does the agent look at anything")
    document = sheet(interpreter, agent(tmp_path, "__import__('time').sleep(600)", 0.5))
    assert document["probes"]["faulty"]["status"] == "lost"
    assert document["probes"]["limits"]["status"] == "ok"
    assert document["facts"]["limits.memory.total"]["status"] == "known"


def test_every_declared_fact_is_there(tmp_path, interpreter, facts):
    """Known, absent or unknown: no fact that a probe declares is missing from a sheet."""
    if not supported(interpreter):
        pytest.skip("only on Python 3.7 and newer does the agent look at anything")
    from importlib import import_module

    from envcheck.agent.registry import PROBES

    document = facts(python=interpreter)
    for name, module, _ in PROBES:
        for field in import_module(f"envcheck.agent.probes.{module}").FIELDS:
            entry = document["facts"][f"{name}.{field.name}"]
            assert entry["status"] in ("known", "absent", "unknown")
            if entry["status"] == "unknown":
                assert entry["reason"]


def test_when_the_time_for_everything_is_over(tmp_path):
    file = agent(tmp_path, "__import__('time').sleep(600)", 60)
    document = sheet(sys.executable, file, "--timeout", "0.5")
    assert document["probes"]["faulty"]["status"] == "lost"
    assert document["probes"]["interpreter"]["status"] == "ok"
    assert "time for the whole sheet" in document["facts"]["limits.disks"]["reason"]


def test_a_child_that_the_hanging_probe_started_is_gone(tmp_path):
    mark = tmp_path / "pid"
    fault = (
        "child = __import__('subprocess').Popen(['sleep', '600']); "
        f"open({str(mark)!r}, 'w').write(str(child.pid)); child.wait()"
    )
    sheet(sys.executable, agent(tmp_path, fault, 1.0))
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", mark.read_text()], capture_output=True, text=True
    )
    assert state.stdout.strip() in ("", "Z")
