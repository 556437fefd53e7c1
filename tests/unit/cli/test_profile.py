"""``envcheck profile``: what it prints, and what it refuses."""

import json
import sys

import pytest

from envcheck import profiles
from envcheck.cli.main import main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def envcheck(capsys, *words):
    code = main(["profile", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_list_names_every_shipped_profile(capsys):
    code, out, _ = envcheck(capsys, "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line[:1] != " "] == [*profiles.names()]


def test_show_prints_toml_with_what_is_extended(capsys):
    code, out, _ = envcheck(capsys, "show", "accelerate")
    assert code == 0
    assert {table.get("id") for table in tomllib.loads(out)["python"]} == {
        "python",
        "python-current",
    }


def test_show_of_a_profile_that_is_not_there(capsys):
    code, out, err = envcheck(capsys, "show", "acelerate")
    assert (code, out) == (2, "")
    assert "did you mean `accelerate`?" in err


def test_check_says_all_problems_of_all_files(capsys, tmp_path):
    (tmp_path / "good").write_text('[[waiver]]\ncode = "GPU"\nreason = "r"\nexpires = 2020-01-01\n')
    (tmp_path / "bad.toml").write_text('naem = "x"\n[[memory]]\n')
    code, out, err = envcheck(capsys, "check", "good", "bad.toml", "gone.toml")
    assert code == 2
    assert out == "good: valid, 0 requirements, 1 waiver (1 expired)\n"
    assert "2 of 3 profiles not valid" in err
    assert "bad.toml:1: key `naem`: not known (did you mean `name`?)" in err
    assert "bad.toml:2: [[memory]] number 1: must have the key `minimum_gib`" in err
    assert "cannot read gone.toml" in err


def test_new_writes_a_profile_of_this_environment_that_it_satisfies(capsys, tmp_path):
    assert envcheck(capsys, "new", "-o", "mine.toml") == (0, "", "")
    written = (tmp_path / "mine.toml").read_text()
    assert profiles.load(["mine.toml"]).names == ("mine",)
    assert any(line.startswith('requires = "pytest>=') for line in written.splitlines())
    code = main(["doctor", "--profile", "mine.toml", "--report", "json"])
    report = json.loads(capsys.readouterr().out)
    about = [finding for finding in report["findings"] if finding["anchor"]]
    assert {finding["status"] for finding in about} <= {"pass"}, about
    assert len(about) >= 5
    assert code in (0, 1), "something else may be wrong here"


def test_new_from_a_saved_sheet_and_not_over_a_file_that_exists(capsys, tmp_path):
    sheet = {
        "schema": "envcheck.facts/1",
        "agent": {"status": "ok"},
        "probes": {},
        "facts": {"host.os": {"status": "known", "value": "darwin"}},
    }
    (tmp_path / "facts.json").write_text(json.dumps(sheet))
    code, out, _ = envcheck(capsys, "new", "--from-facts", "facts.json")
    assert code == 0
    assert tomllib.loads(out)["os"][0]["any"] == ["darwin"]
    code, _, err = envcheck(capsys, "new", "--from-facts", "facts.json", "-o", "facts.json")
    assert code == 2
    assert "facts.json exists" in err


def test_new_refuses_a_name_that_is_none(capsys):
    code, _, err = envcheck(capsys, "new", "--name", "two words")
    assert code == 2
    assert "`two words` is no name" in err


def test_schema_is_a_json_schema(capsys):
    _, out, _ = envcheck(capsys, "schema")
    assert json.loads(out)["$schema"].endswith("2020-12/schema")


def test_an_action_is_needed(capsys):
    with pytest.raises(SystemExit) as left:
        main(["profile"])
    assert left.value.code == 2
    assert "ACTION" in capsys.readouterr().err
