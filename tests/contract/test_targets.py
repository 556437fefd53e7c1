"""Every target of the table can be loaded, and its option is on the command line."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from envcheck.targets import PLACES, TARGETS


@pytest.mark.parametrize("option", TARGETS)
def test_has_a_module_with_a_target(option):
    module = import_module(f"envcheck.targets.{TARGETS[option][0]}")
    assert callable(module.target)
    assert module.__doc__


def test_every_option_is_offered():
    done = subprocess.run(
        [sys.executable, "-m", "envcheck", "doctor", "--help"], capture_output=True, text=True
    )
    for option in TARGETS:
        assert f"--{option}" in done.stdout
    assert set(PLACES) <= set(TARGETS)
