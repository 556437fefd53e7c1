"""The agent's arguments and its answer, noise included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.agent import main as agent
from envcheck.errors import AgentError, UsageError
from envcheck.targets import TARGETS, choose
from envcheck.targets.base import AgentRequest, as_sheet, find_sheet

LINE = b'{"schema": "envcheck.facts/1", "agent": {"status": "ok"}, "facts": {}}'


def test_the_agent_understands_every_argument():
    request = AgentRequest(
        deep=True,
        online=True,
        versions=True,
        timeout=7.5,
        paths=(("output", "/data/a=b"),),
        modules=("torch", "numpy"),
        variables=("HF_TOKEN",),
        prefix="/opt/env with space",
    )
    read = agent.parse(request.argv())
    assert (read.deep, read.online, read.versions, read.timeout) == (True, True, True, 7.5)
    assert read.paths == {"output": "/data/a=b"}
    assert read.modules == ["torch", "numpy"]
    assert read.variables == ["HF_TOKEN"]
    assert read.prefix == "/opt/env with space"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_noise_around_a_sheet_is_ignored(before, after):
    document = find_sheet(before + LINE + after)
    assert document is not None
    assert document["agent"] == {"status": "ok"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Welcome!\n{}",
        LINE[:-1],
        b"\xff" + LINE[:20],
        LINE[:60] + b"[" * 100_000,
    ],
)
def test_what_is_no_sheet_is_none(data):
    assert find_sheet(data) is None


def test_a_newer_major_version_is_refused():
    with pytest.raises(AgentError, match=r"envcheck\.facts/2"):
        as_sheet({"schema": "envcheck.facts/2"}, {})


def test_two_targets_are_one_too_many():
    with pytest.raises(UsageError, match="more than one target: --venv, --ssh"):
        choose(venv="x", ssh="y")
    with pytest.raises(UsageError, match="more than one target: --python, --venv"):
        choose(python="x", venv="y")


@pytest.mark.parametrize("option", TARGETS)
def test_an_empty_name_is_refused(option):
    with pytest.raises(UsageError, match=f"--{option} names nothing"):
        choose(**{option: ""})
