"""The Python interface."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

import envcheck

if TYPE_CHECKING:
    from pathlib import Path

PROFILE = """
name = "mine"
[[variable]]
name = "SOME_SETTING"
[[file]]
path = "~/no/such/file"
"""


def test_the_public_names_are_there() -> None:
    for name in envcheck.__all__:
        assert getattr(envcheck, name) is not None
    assert set(envcheck.__all__) <= set(dir(envcheck))
    with pytest.raises(AttributeError, match="nothing"):
        _ = envcheck.nothing


def test_examine_and_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text(PROFILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOME_SETTING", "1")
    sheet = envcheck.examine(profiles=["./mine.toml"], paths={"data": str(tmp_path)})
    assert isinstance(sheet, envcheck.FactSheet)
    assert str(tmp_path) in [disk["path"] for disk in sheet["limits.disks"]]
    report = envcheck.judge(sheet, profiles=["./mine.toml"])
    found = {finding.code: finding.status for finding in report.findings if finding.anchor}
    assert found == {"CRED201": "pass", "RES205": "fail"}
    assert report.verdict == "fail"
    assert envcheck.judge(sheet, profiles=["./mine.toml"], fail_on="never").verdict != "fail"


def test_a_saved_sheet(tmp_path: Path) -> None:
    file = tmp_path / "sheet.json"
    entry = {"status": "known", "value": "3.12.1"}
    document = {"schema": "envcheck.facts/1", "facts": {"interpreter.version": entry}}
    file.write_text(json.dumps(document))
    sheet = envcheck.examine(facts=str(file))
    assert sheet["interpreter.version"] == "3.12.1"
    assert envcheck.judge(sheet).version == envcheck.__version__


def test_what_cannot_be_used_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(envcheck.EnvcheckError, match="more than one target"):
        envcheck.examine(image="a", ssh="b")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(envcheck.EnvcheckError, match="cannot read"):
        envcheck.judge(envcheck.FactSheet({}), profiles=["./none.toml"])
    os.chdir(tmp_path)
