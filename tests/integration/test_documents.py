"""Every reporter over a real environment: valid documents, no secrets, the right exit status."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from lxml import etree

from envcheck import schemas
from envcheck.report import REPORTERS

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[1] / "data"
SECRETS = {
    "HF_TOKEN": "hf_" + "Zq8x" * 8,
    "WANDB_API_KEY": "0123456789abcdef0123456789abcdef01234567",
    "HUGGING_FACE_HUB_TOKEN": "hf_" + "Yw7v" * 8 + "\n",
    "OPENAI_API_KEY": "sk-proj-" + "Kd9f" * 8,
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIK7MDENGbPxRfiCY",
    "HTTPS_PROXY": "http://proxyuser:proxypass@127.0.0.1:9",
    "PIP_INDEX_URL": "https://indexuser:indexpass@index.invalid/simple",
    "UV_INDEX": "private=https://__token__:uvpass@index.invalid/simple",
}
LEAKS = ("Zq8xZq8x", "Yw7vYw7v", "0123456789abcdef", "Kd9fKd9f", "wJalrXUt", "proxypass",
         "proxyuser", "indexpass", "indexuser", "uvpass", "leonora")  # fmt: skip
EVIL = """\
Metadata-Version: 2.1
Name: evil\x1b]0;pwned\x07
Version: 1.0\x1b[31m
Requires-Dist: ::error::\u202emissing; python_version > "1"

"""
PROFILE = """\
[project]
name = "x"

[tool.envcheck.profile]
name = "example"

[[tool.envcheck.profile.distribution]]
requires = "no-such-distribution>=3"
reason = "for this test"

[[tool.envcheck.profile.python]]
requires = ">=3.99"
severity = "warning"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("top") / "home" / "leonora"
    home.mkdir(parents=True)
    return home


@pytest.fixture(scope="module")
def documents(
    envcheck: Callable[..., Any], venv: Callable[..., Path], home: Path
) -> dict[str, str]:
    """Format -> what it wrote about an environment in the home of somebody with secrets."""
    python = venv(home / "my project" / ".venv") / "bin" / "python"
    project = home / "my project"
    (site,) = (project / ".venv").glob("lib/python*/site-packages")
    (site / "evil-1.0.dist-info").mkdir()
    (site / "evil-1.0.dist-info" / "METADATA").write_text(EVIL)
    (project / "pyproject.toml").write_text(PROFILE)
    summary = project / "summary.md"
    words = ["doctor", "--python", str(python), "--profile", "pyproject.toml", "-vv"]
    files = {name: project / f"report.{name}" for name in REPORTERS}
    words += [word for name, file in files.items() for word in ("--report", f"{name}:{file}")]
    environment = {**SECRETS, "HOME": str(home), "USER": "leonora", "LC_ALL": "C.UTF-8"}
    environment["HF_HOME"] = "/scratch/leonora/hf"
    environment["GITHUB_STEP_SUMMARY"] = str(summary)
    done = envcheck(*words, "--report", "github", env=environment, cwd=project)
    assert done.returncode == 1, done.stderr
    written = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
    facts = envcheck("facts", "--python", str(python), env=environment, cwd=project)
    return written | {"stdout": done.stdout, "summary": summary.read_text(), "facts": facts.stdout}


def test_no_secret_leaves(documents: dict[str, str]) -> None:
    for name, text in documents.items():
        for leak in LEAKS:
            assert leak not in text, name
    assert "/scratch/<user>/hf" in documents["text"]
    assert "redacted: 1 value" in documents["text"]


def test_what_a_distribution_calls_itself_is_never_obeyed(documents: dict[str, str]) -> None:
    for name, text in documents.items():
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text), name
    assert not re.search(r"^\s*::error::", documents["stdout"], re.MULTILINE)


def test_what_is_set_is_still_known(documents: dict[str, str]) -> None:
    for name in ("HF_TOKEN", "WANDB_API_KEY"):
        assert name in documents["facts"]


def test_sarif(documents: dict[str, str]) -> None:
    schema = json.loads((DATA / "sarif-2.1.0-rtm.5.json").read_text())
    document = json.loads(documents["sarif"])
    jsonschema.Draft4Validator(schema).validate(document)
    (run,) = document["runs"]
    (result,) = [r for r in run["results"] if r["ruleId"] == "PKG201"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "pyproject.toml"
    line = PROFILE.splitlines()[place["region"]["startLine"] - 1]
    assert line == "[[tool.envcheck.profile.distribution]]" or "no-such-distribution" in line
    (rule,) = [r for r in run["tool"]["driver"]["rules"] if r["id"] == "PKG201"]
    assert "## Remedy" in rule["help"]["markdown"]


def test_junit(documents: dict[str, str]) -> None:
    schema = etree.XMLSchema(etree.parse(str(DATA / "junit-10.xsd")))
    schema.assertValid(etree.fromstring(documents["junit"].encode()))


def test_json(documents: dict[str, str]) -> None:
    document = json.loads(documents["json"])
    jsonschema.Draft202012Validator(json.loads(schemas.text("report"))).validate(document)
    assert document["verdict"] == "fail"
    assert document["facts"]["interpreter.prefix"]["value"] == "~/my project/.venv"
    sheet = json.loads(documents["facts"])
    jsonschema.Draft202012Validator(json.loads(schemas.text("facts"))).validate(sheet)


def test_markdown_is_short_enough_for_a_comment(documents: dict[str, str]) -> None:
    assert len(documents["markdown"].encode()) < 60_000
    assert "no-such-distribution" in documents["markdown"]
    assert documents["summary"].startswith("### envcheck: ")


def test_annotations_beside_the_text(documents: dict[str, str]) -> None:
    lines = documents["stdout"].splitlines()
    assert lines[0].startswith("Examined ~/my project/.venv (")
    (annotation,) = [line for line in lines if line.startswith("::error title=PKG201,")]
    assert re.search(r"file=pyproject\.toml,line=\d+::", annotation)
    assert any(line.startswith("::warning title=PY201,") for line in lines)


def test_a_sheet_is_judged_elsewhere_as_it_was_here(
    documents: dict[str, str], envcheck: Callable[..., Any], tmp_path: Path
) -> None:
    """Redaction takes nothing away that a check needs."""
    (tmp_path / "facts.json").write_text(documents["facts"])
    (tmp_path / "pyproject.toml").write_text(PROFILE)
    words = (
        "doctor",
        "--facts",
        "facts.json",
        "--profile",
        "pyproject.toml",
        "-vv",
        "--report",
        "json",
    )
    done = envcheck(*words, cwd=tmp_path)
    assert done.returncode == 1, done.stderr

    def judged(text: str) -> list[tuple[str, str, str]]:
        found = json.loads(text)["findings"]
        return sorted((f["code"], f["status"], f["subject"]) for f in found)

    assert judged(done.stdout) == judged(documents["json"])
