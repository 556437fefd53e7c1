"""Files as the question of ``matrix predict``: one that is not there is no project of that name."""

from __future__ import annotations

import pytest

from envcheck.cli.main import main


@pytest.mark.parametrize(
    "word", ["Dockerfile", "Dockerfile.gpu", "uv.lock", "requirements-dev.txt", "pyproject.toml"]
)
def test_a_file_that_is_not_there(word, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["matrix", "predict", word, "--target", "3.12-slim", "--offline"]) == 2
    said = capsys.readouterr().err
    assert f"there is no file {word} here" in said
    assert "hint:" in said
