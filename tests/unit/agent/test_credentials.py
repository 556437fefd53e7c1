"""Credentials: present, absent or malformed, and never a piece of one."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.agent.probes import credentials
from envcheck.agent.probes.credentials import problems
from envcheck.agent.protocol import Facts, Request

TOKEN = "hf_CANARYcanary"


@pytest.fixture
def collected(monkeypatch, tmp_path):
    names = (*credentials.ALWAYS, *credentials.OTHERS, "HF_TOKEN_PATH", "NETRC", "XDG_CACHE_HOME")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def collect(*asked, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        request, facts = Request(), Facts()
        request.variables = list(asked)
        credentials.collect(facts, request)
        assert "CANARY" not in json.dumps(facts.entries)
        return facts

    return collect


def status(facts, name):
    return next(item["status"] for item in facts.value("variables") if item["name"] == name)


def file(facts, name="token"):
    return next(item for item in facts.value("files") if item["name"] == name)


def test_nothing_is_set(collected, tmp_path):
    facts = collected()
    assert {item["status"] for item in facts.value("variables")} == {"absent"}
    assert facts.value("home") == str(tmp_path / ".cache" / "huggingface")
    assert facts.entries["hub.source"]["status"] == "absent"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_setting_with_the_end_of_its_line(collected, end):
    """From an ``.env`` file with the line ends of Windows: another directory is made."""
    assert status(collected(HF_HOME="/data/hf" + end), "HF_HOME") == "malformed"
    assert status(collected(HF_HOME="/data/my hf"), "HF_HOME") == "present"


@pytest.mark.parametrize("name", ["HF_TOKEN", "WANDB_API_KEY", "HUGGING_FACE_HUB_TOKEN"])
def test_a_good_token(collected, name):
    assert status(collected(**{name: TOKEN}), name) == "present"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("", "empty"),
        ("  ", "white space"),
        (TOKEN + "\n", "newline"),
        (" " + TOKEN, "white space"),
        (f'"{TOKEN}"', "quotation"),
        (f"'{TOKEN}'", "quotation"),
        (f"Bearer {TOKEN}", "Bearer"),
        ("${{ secrets.CANARY }}", "not expanded"),
        ("${CANARY}", "not expanded"),
        (f"{TOKEN} {TOKEN}", "white space"),
        (f"{TOKEN}é", "header"),
        (f"{TOKEN}\x1b[31m", "header"),
        ("<your CANARY>", "placeholder"),
        ("xxxxxxxx", "placeholder"),
    ],
    ids=lambda value: "" if "CANARY" in value else None,  # ids are in the names of directories
)
def test_malformed_tokens(collected, value, word):
    facts = collected(HF_TOKEN=value)
    (item,) = [item for item in facts.value("variables") if item["name"] == "HF_TOKEN"]
    assert item["status"] == "malformed"
    assert any(word in problem for problem in item["problems"]), item


@given(st.text())
def test_problems_do_not_quote_the_value(value):
    """What is said about a value is chosen from a fixed list of sentences."""
    told = set(problems(value)) - set(problems(value + "CANARY"))
    assert all("CANARY" not in text for text in problems(value + "CANARY"))
    assert all(value not in text for text in told if len(value) > 12)


@given(st.from_regex(r"[A-Za-z0-9_-]{8,60}", fullmatch=True))
def test_plain_tokens_are_never_malformed(value):
    if value.lower().strip("x*.") and value.lower() not in credentials._PLACEHOLDERS:
        assert problems(value) == []


def test_asked_for_and_others(collected):
    facts = collected("MY_TOKEN", "UNSET", OPENAI_API_KEY=f'"{TOKEN}"', MY_TOKEN=TOKEN)
    names = [item["name"] for item in facts.value("variables")]
    assert "COMET_API_KEY" not in names
    assert status(facts, "OPENAI_API_KEY") == "malformed"
    assert status(facts, "MY_TOKEN") == "present"
    assert status(facts, "UNSET") == "absent"


@pytest.mark.parametrize(
    ("content", "expected"),
    [(TOKEN, "present"), (TOKEN + "\n", "present"), ("", "malformed"), (f'"{TOKEN}"', "malformed")],
    ids=["bare", "line", "empty", "quoted"],
)
def test_the_token_file(collected, tmp_path, content, expected):
    path = tmp_path / "home" / "token"
    path.parent.mkdir()
    path.write_text(content)
    path.chmod(0o600)
    facts = collected(HF_HOME=str(path.parent))
    assert (file(facts)["status"], file(facts)["path"]) == (expected, str(path))
    assert facts.value("home.source") == "HF_HOME"
    assert facts.value("hub.source") == "the token file"


def test_a_token_file_that_others_may_read(collected, tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o644)
    found = file(collected(HF_TOKEN_PATH=str(path)))
    assert (found["status"], found["problems"]) == ("present", ["other users may read it"])


def test_a_token_file_that_is_no_file(collected, tmp_path):
    assert file(collected(HF_TOKEN_PATH=str(tmp_path)))["status"] == "malformed"
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe")
    assert file(collected(HF_TOKEN_PATH=str(path)))["status"] == "malformed"


def test_a_token_in_place_of_its_path(collected):
    found = file(collected(HF_TOKEN_PATH=TOKEN))
    assert (found["status"], found["path"]) == ("malformed", "HF_TOKEN_PATH")


@pytest.mark.skipif(os.geteuid() == 0, reason="only on accounts without root's rights")
def test_a_token_file_that_cannot_be_read(collected, tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0)
    assert file(collected(HF_TOKEN_PATH=str(path)))["status"] == "unreadable"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"machine api.wandb.example\n  login user\n  password {TOKEN}\n", "present"),
        ("machine api.wandb.example login user\n", "malformed"),
        (f"machine other.example login user password {TOKEN}\n", "absent"),
    ],
)
def test_netrc(collected, tmp_path, content, expected):
    path = tmp_path / ".netrc"
    path.write_text(content)
    path.chmod(0o600)
    assert file(collected(), "netrc")["status"] == expected


def test_the_variable_wins_over_the_file(collected, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    facts = collected(HF_HOME=str(tmp_path), HUGGING_FACE_HUB_TOKEN=TOKEN)
    assert facts.value("hub.source") == "HUGGING_FACE_HUB_TOKEN"
    assert collected(HF_TOKEN=TOKEN).value("hub.source") == "HF_TOKEN"
