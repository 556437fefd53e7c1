"""``--no-skips``: what this machine can run may not be left out quietly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("reason", "words", "status"),
    [
        ("there is no docker", ["--no-skips"], 1),
        ("only on Windows", ["--no-skips"], 0),
        ("there is no docker", [], 0),
    ],
)
def test_skipped_tests_fail_the_run_unless_they_are_for_another_platform(
    tmp_path, reason, words, status
):
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\n\ndef test_passes():\n    pass\n\n\n"
        f"def test_skips():\n    pytest.skip({reason!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout
    assert (f"--no-skips: skipped because {reason}" in done.stdout) == bool(status)
