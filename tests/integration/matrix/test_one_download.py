"""Every file comes from the index once, however many cells and runs use it."""

from __future__ import annotations

import pytest
from index_server import IndexServer
from wheels import sdist, wheel

MATRIX = """
schema = "envcheck.matrix/1"
[test]
requirements = ["one", "made"]
[axes]
python = {pythons}
os = {systems}
"""
FILES = [wheel("one", requires=["two"]), wheel("two"), sdist("made")]


@pytest.mark.docker
def test_no_file_is_fetched_twice_by_containers(workplace):
    text = MATRIX.format(pythons=["3.11"], systems=["slim", "alpine"])
    once(workplace, text, "docker", 2)


@pytest.mark.interpreters
def test_no_file_is_fetched_twice_by_interpreters(workplace):
    once(workplace, MATRIX.format(pythons=["3.10", "3.11"], systems=["slim"]), "interpreters", 2)


def once(workplace, text, backend, cells):
    with IndexServer(*FILES) as index:
        for state in ("cold", "warm"):
            ran = workplace.run(text, index=index, backend=backend)
            assert ran.code == 0, (state, ran.err)
            assert len(ran.run.results) == cells
            assert index.downloads() == {file.name: 1 for file in FILES}, state
            fetched = [result.download.upstream for result in ran.run.results]
            assert any(result.cold for result in ran.run.results) == (state == "cold"), fetched
            if state == "cold":
                assert sum(fetched) >= sum(len(file.data) for file in FILES)


@pytest.mark.interpreters
def test_without_hashes_on_the_index_a_file_is_fetched_once_in_a_run(workplace):
    """What the index does not say a hash of may have changed by the next run."""
    text = MATRIX.format(pythons=["3.10", "3.11"], systems=["slim"])
    with IndexServer(*FILES, hashes=False) as index:
        for run in (1, 2):
            assert workplace.run(text, index=index, backend="interpreters").code == 0
            assert index.downloads() == {file.name: run for file in FILES}
