"""What all tests share: which means of this machine are there, and what may be skipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

#: Reasons for which a test may be skipped even under ``--no-skips``: it is for another platform.
PLATFORM = "only on "


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        help=f"a test that is skipped fails the run, unless its reason begins with {PLATFORM!r}",
    )
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden as the code renders now"
    )


def _docker() -> str:
    if shutil.which("docker") is None:
        return "there is no docker"
    done = subprocess.run(
        ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    if done.returncode:
        return "no Docker engine answers"
    return "" if "envcheck-base:3.11-slim" in done.stdout else "the stand-in images are not there"


def _ssh() -> str:
    return "" if shutil.which("ssh") and _sshd() else "there is no ssh and sshd"


def _sshd() -> str | None:
    return shutil.which("sshd", path=os.defpath + ":/usr/sbin:/usr/local/sbin")


def _browser() -> str:
    from webdriver import missing  # of this folder: `pythonpath` in pyproject.toml

    return missing()


def _has_torch() -> bool:
    return bool(find_spec("torch") or os.environ.get("ENVCHECK_TEST_TORCH_PYTHON"))


#: marker -> why its tests cannot run here, empty if they can
MEANS = {
    "docker": _docker,
    "ssh": _ssh,
    "torch": lambda: "" if _has_torch() else "no torch here nor in ENVCHECK_TEST_TORCH_PYTHON",
    "browser": _browser,
    "root": lambda: "" if os.geteuid() == 0 else "this user is not root",
    "interpreters": lambda: "" if len(_interpreters()) > 2 else "there are too few interpreters",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons: dict[str, str] = {}
    for item in items:
        for marker in item.iter_markers():
            if marker.name in MEANS:
                if marker.name not in reasons:
                    reasons[marker.name] = MEANS[marker.name]()
                if reasons[marker.name]:
                    item.add_marker(pytest.mark.skip(reason=reasons[marker.name]))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under ``--no-skips``, what was skipped fails the run."""
    if not session.config.getoption("--no-skips"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    reasons = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped}
    unfounded = sorted(reason for reason in reasons if not reason.startswith(PLATFORM))
    if unfounded and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("")
        for reason in unfounded:
            reporter.write_line(f"--no-skips: skipped because {reason}", red=True)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tests' agents are not kept in the user's cache, and no active environment is examined."""
    os.environ["ENVCHECK_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        os.environ.pop(name, None)


def _interpreters() -> dict[str, str]:
    """Version -> path of every interpreter of this machine that pyenv or PATH has."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = {}
    for file in root.glob("versions/*/bin/python"):
        if re.fullmatch(r"\d+\.\d+\.\d+", file.parts[-3]):
            found[file.parts[-3]] = str(file)
    found.setdefault(".".join(map(str, sys.version_info[:3])), sys.executable)
    return found


@pytest.fixture(scope="session")
def interpreters() -> dict[str, str]:
    """Version (``3.11.7``) -> path."""
    return _interpreters()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden("text/broken.txt", text)``: as in the file, which ``--update-golden`` writes."""

    def compare(name: str, text: str) -> None:
        file = Path(__file__).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        assert file.exists(), f"{file} is missing: run with --update-golden and read what it says"
        assert text.split("\n") == file.read_text(encoding="utf-8").split("\n")

    return compare


@pytest.fixture(scope="session")
def reports() -> ModuleType:
    """The module of literal reports, ``tests/reports.py``."""
    import reports as literal_reports  # of this folder: `pythonpath` in pyproject.toml

    return literal_reports


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument ``interpreter`` runs once for each of this machine, one with
    ``report_case`` once for each literal report."""
    if "report_case" in metafunc.fixturenames:
        import reports as literal_reports

        cases = literal_reports.cases()
        metafunc.parametrize("report_case", cases.values(), ids=cases.keys())
    if "interpreter" in metafunc.fixturenames:
        found = dict(sorted(_interpreters().items(), key=lambda pair: _key(pair[0])))
        metafunc.parametrize("interpreter", found.values(), ids=found.keys())


def _key(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
