"""What integration tests share: running envcheck as a program, and reading what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: As ``python -m envcheck``, from any working directory, whether it is installed or not.
RUN = (
    "import sys; sys.path[:1] = [sys.argv.pop(1)]; "
    "from envcheck.cli.main import main; sys.exit(main())"
)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def envcheck() -> Run:
    """Runs ``envcheck WORDS…``; ``env`` adds variables, or removes those that are None."""

    def run(
        *words: str, env: dict[str, str | None] | None = None, **named: Any
    ) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ)
        environment.update(
            {name: value for name, value in (env or {}).items() if value is not None}
        )
        for name in [name for name, value in (env or {}).items() if value is None]:
            environment.pop(name, None)
        argv = [sys.executable, "-c", RUN, str(ROOT), *words]
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=300, env=environment, **named
        )

    return run


@pytest.fixture(scope="session")
def facts() -> Callable[..., dict[str, Any]]:
    """The fact sheet of a target, as a document; ``timeout`` as of the request."""
    from envcheck.targets import choose
    from envcheck.targets.base import AgentRequest

    def collect(*, timeout: float = 60.0, **named: str) -> dict[str, Any]:
        sheet = choose(**named).start(AgentRequest(timeout=timeout)).finish()
        document: dict[str, Any] = json.loads(json.dumps(sheet.document))
        return document

    return collect


@pytest.fixture(scope="session")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a virtual environment without pip, of this interpreter or of ``python``."""

    def make(folder: Path | None = None, python: str = sys.executable) -> Path:
        folder = folder or tmp_path_factory.mktemp("venv") / "env"
        subprocess.run([python, "-I", "-m", "venv", "--without-pip", str(folder)], check=True)
        return folder

    return make
