"""An agent that ends, or does not, before its sheet is written: the rest of the sheet survives."""

import subprocess
import sys

import pytest

from envcheck.agent.registry import PROBES
from envcheck.targets.base import AgentRequest
from envcheck.targets.interpreter import around

BREAKS = """
import os, signal, sys, time
def breaks(event, arguments):
    if event in ("os.listdir", "os.scandir") and str(arguments[0]).endswith("site-packages"):
        {}
sys.addaudithook(breaks)
"""


@pytest.fixture
def broken(tmp_path):
    """A virtual environment in which looking at what is installed has an effect."""

    def make(effect):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
        (site,) = (tmp_path / "v").glob("lib/python*/site-packages")
        (site / "sitecustomize.py").write_text(BREAKS.format(effect))
        return around(str(tmp_path / "v" / "bin" / "python"), chosen_by="test")

    return make


@pytest.mark.parametrize(
    ("effect", "seconds"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", 30.0),
        ("os._exit(3)", 30.0),
        ("time.sleep(60)", 4.0),
    ],
)
def test_the_probes_that_cannot_end_are_lost_and_the_others_are_not(broken, effect, seconds):
    sheet = broken(effect).start(AgentRequest(timeout=seconds)).finish()
    probes = sheet.document["probes"]
    assert list(probes) == [name for name, _, _ in PROBES]
    assert probes["distributions"]["status"] == "lost"
    assert sheet.fact("distributions.installed").status == "unknown"
    assert "startup" not in sheet.target
    if seconds > 10:
        assert probes["host"]["status"] == "ok"
        assert probes["network"]["status"] == "ok"
