"""What the README says is so: its commands exist, its codes and exit statuses are real."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from envcheck import checks, config, profiles
from envcheck.cli import COMMANDS
from envcheck.cli.main import EPILOG, build_parser
from envcheck.model.prediction import CLASSES
from envcheck.report import REPORTERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LINES = [
    shlex.split(line[2:].replace("…", ""), comments=True)
    for block in BLOCKS
    for line in block.splitlines()
    if line.startswith("$ ")
]


def test_the_first_block_installs_and_runs_the_doctor_then_the_tests():
    install, test = LINES[:2]
    assert install[-2:] == ["envcheck", "doctor"]
    assert test[-3:] == ["python", "-m", "pytest"]
    assert len([line for line in BLOCKS[0].splitlines() if line.startswith("$ ")]) == 2


@pytest.mark.parametrize(
    "words", [words for words in LINES if words[0] == "envcheck"], ids=" ".join
)
def test_commands_of_the_readme_are_commands(words):
    command, *arguments = (words[: words.index(">")] if ">" in words else words)[1:]
    build_parser(command).parse_args(arguments)


DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
SHOWN = [
    shlex.split(line[2:].replace("…", ""), comments=True)
    for path in DOCUMENTS
    for block in re.findall(
        r"^```console\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    for line in block.splitlines()
    if line.startswith("$ envcheck ")
]


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_commands_of_the_documents_are_commands(words):
    build_parser(words[1]).parse_args(words[2:])


def test_the_example_for_ci_runs_commands():
    text = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    folded = re.search(r"- run: >\n((?: {10}.*\n)+)", text)
    assert folded
    words = shlex.split(folded.group(1))
    assert words[0] == "envcheck"
    build_parser(words[1]).parse_args(words[2:])


def test_every_class_of_predictions_is_documented():
    text = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)[: len(CLASSES)] == list(CLASSES)


@pytest.mark.parametrize("path", [ROOT / "README.md", *DOCUMENTS], ids=lambda path: path.name)
def test_links_lead_to_files(path):
    for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert "://" in link or (path.parent / link).exists(), link


def test_every_command_and_reporter_is_in_the_readme():
    for name in COMMANDS:
        assert f"`envcheck {name}" in README
    for name in REPORTERS:
        assert f"`{name}`" in README


def test_codes_in_the_readme_and_the_changelog_exist():
    known = {check.code for check in checks.load()}
    said = set(re.findall(rf"\b(?:{'|'.join(checks.FAMILIES)})\d{{3}}\b", README))
    assert said
    assert said <= known


@pytest.mark.parametrize("block", re.findall(r"^```toml\n(.*?)^```", README, re.M | re.S))
def test_settings_in_the_readme_are_settings(block, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(block, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = config.resolve({}, str(tmp_path))
    profile = profiles.load(settings.profile)
    assert profile.requirements
    assert {rule.code for rule in profile.waivers} <= {check.code for check in checks.load()}


def test_exit_statuses_are_those_of_help():
    table = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", README, re.MULTILINE))
    assert set(table) == set(re.findall(r"(?<!\S)(\d+) (?=[a-z])", EPILOG))


def test_nobody_is_told_to_install_somebody_elses_package():
    texts = [README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")]
    texts += [path.read_text(encoding="utf-8") for path in (ROOT / "envcheck").rglob("*.py")]
    for text in texts:
        assert not re.search(r"(?:install|uvx|pipx run|tool run) +['\"]?envcheck(?!-ml)\b", text)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_fits_a_terminal(name):
    done = subprocess.run(
        [sys.executable, "-m", "envcheck", name, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"COLUMNS": "80", "PATH": "", "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.startswith(f"usage: envcheck {name}")
    assert max(map(len, done.stdout.splitlines())) <= 110
