"""Nothing of this machine or its user leaves with a run of a matrix."""

from __future__ import annotations

import pytest
import runs
from msgspec.structs import replace

from envcheck.model.matrix import Index
from envcheck.redact import redact_run
from envcheck.report.matrix import REPORTERS, View, load

TOKEN = "hf_" + "a1B2" * 8


@pytest.fixture
def somebody(monkeypatch):
    """This process is run by ann, at home in /home/ann."""
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("USER", "ann")


def secretive():
    cell = runs.cell(
        "3.12-slim",
        index=Index(
            url="https://ann:s3cret@index.example/simple",
            find_links=["/home/ann/wheels", "/home/bob/wheels"],
        ),
    )
    return runs.run(
        runs.failed(
            "3.12-slim",
            "download",
            cell=cell,
            sentence=f"no access to https://ann:s3cret@index.example/x?token={TOKEN}",
            evidence=["/home/ann/.netrc is read", f"HF_TOKEN={TOKEN}"],
            findings=[{"code": "CRED101", "title": f"token {TOKEN} in /home/ann/.cache"}],
            notes=["from /home/ann/project"],
        ),
        machine="Linux",
        notes=["the store is /home/ann/.local/share/envcheck"],
    )


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("name", REPORTERS)
def test_no_format_tells(name):
    text = load(name).render(redact_run(secretive()), View(width=200, verbose=2))
    for secret in ("s3cret", TOKEN, TOKEN[:10], "/home/ann", "/home/bob"):
        assert secret not in text


@pytest.mark.usefixtures("somebody")
def test_it_says_how_much_was_hidden_and_hides_nothing_else():
    hidden = redact_run(secretive())
    assert hidden.header.notes[-1].startswith("redacted: ")
    assert hidden.header.notes[0] == "the store is ~/.local/share/envcheck"
    assert hidden.results[0].cell.index.find_links[0] == "~/wheels"


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("case", ["seed", "causes", "blanks", "variants", "empty"])
def test_a_run_without_secrets_stays_as_it_is(case):
    assert redact_run(runs.cases()[case]) == runs.cases()[case]


@pytest.mark.parametrize("user", ["wheel", "pass", "torch"])
def test_a_user_may_be_called_like_a_word_of_the_document(user, monkeypatch):
    monkeypatch.setenv("USER", user)
    run = runs.run(runs.passed(notes=[f"/home/{user}/x"]))
    cell = replace(run.results[0].cell, test=replace(run.results[0].cell.test, extras=[user]))
    run = replace(run, results=[replace(run.results[0], cell=cell)])
    hidden = redact_run(run)
    assert hidden.results[0].wheel == "wheel"
    assert f"/home/{user}" not in hidden.results[0].notes[0]
