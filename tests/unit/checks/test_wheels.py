"""Which wheels fit a target."""

from __future__ import annotations

import pytest

from envcheck.agent.tags import interpreter_tags, linux_platforms
from envcheck.checks.base import Context
from envcheck.checks.wheels import fits, supported
from envcheck.model.facts import FactSheet, UnknownFact


def target(pairs, platforms):
    facts = {
        "interpreter.tags": {"status": "known", "value": pairs},
        "host.tags": {"status": "known", "value": platforms},
    }
    return supported(Context(FactSheet({"facts": facts})))


PY311 = interpreter_tags("cpython", (3, 11), "")
GLIBC = linux_platforms("x86_64", 64, "glibc", (2, 36))


@pytest.mark.parametrize(
    ("tag", "answer"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        ("py2-none-any", False),
        ("cp311-cp311-manylinux_2_28_x86_64", True),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp38-abi3-manylinux_2_28_x86_64", True),
        ("cp312-abi3-manylinux_2_28_x86_64", False),
        ("cp312-cp312-manylinux_2_28_x86_64", False),
        ("cp311-cp311-manylinux_2_39_x86_64", False),
        ("cp311-cp311-manylinux_2_28_aarch64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311t-manylinux_2_28_x86_64", False),
        ("cp310-none-any", False),
        ("py3-none-linux_x86_64", True),
        ("py310-none-any", True),
        ("cp311-cp311", None),
        ("", None),
        ("a-b-c-d", None),
        ("--", None),
    ],
)
def test_fits(tag, answer):
    assert fits(tag, target(PY311, GLIBC)) is answer


def test_free_threaded_loads_no_abi3():
    threaded = target(interpreter_tags("cpython", (3, 13), "t"), GLIBC)
    assert fits("cp38-abi3-manylinux_2_28_x86_64", threaded) is False
    assert fits("cp313-cp313t-manylinux_2_28_x86_64", threaded) is True


def test_unknown_tags_are_not_guessed():
    with pytest.raises(UnknownFact):
        supported(Context(FactSheet({"facts": {}})))
