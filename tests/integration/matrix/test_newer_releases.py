"""``matrix show --check``: a table is stale when the index has something newer than it saw."""

from __future__ import annotations

import pytest
import runs
from index_server import IndexServer
from wheels import wheel

from envcheck.model.matrix import Index, Subject
from envcheck.report.matrix import View, load


@pytest.fixture
def show(envcheck, tmp_path):
    """The table of a run that tested version 1.1 of ``subject``, after the index was asked."""

    def run(index: IndexServer, requirement: str, *words: str) -> str:
        cell = runs.cell(
            "3.12-slim", test=Subject(requirements=[requirement]), index=Index(url=index.url)
        )
        found = runs.installed("subject", "1.1", requested=True)
        file = tmp_path / "run.json"
        run = runs.run(runs.passed(cell=cell, distributions=[found]))
        file.write_text(load("json").render(run, View()), encoding="utf-8")
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"))
        done = envcheck("matrix", "show", str(file), *words, env=proxies)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_newer_release_makes_it_stale(show):
    files = [wheel("subject", "1.1"), wheel("subject", "1.2"), wheel("subject", "2.0rc1")]
    with IndexServer(*files) as index:
        assert "1.2" not in show(index, "subject")
        assert not index.requests
        assert "subject 1.2 was released since; 1.1 was the newest" in show(
            index, "subject", "--check"
        )
        pinned = show(index, "subject==1.1", "--check")
    assert "`subject==1.1` leaves it out" in pinned
    assert "STALE" not in pinned.split("Remarks")[0]


def test_nothing_newer_is_nothing_to_be_said(show):
    with IndexServer(wheel("subject", "1.1"), wheel("subject", "2.0rc1")) as index:
        text = show(index, "subject", "--check")
    assert "released since" not in text
    assert "not known" not in text


def test_an_index_that_does_not_answer_is_not_taken_for_no_news(show):
    with IndexServer() as index:
        text = show(index, "subject", "--check")
    assert "the index did not say which release of subject is the newest" in text
