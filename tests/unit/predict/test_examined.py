"""Targets of fact sheets: what they say, and nothing that they do not."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import sys_tags
from wheel_tags import differences

from envcheck.errors import DataError
from envcheck.model.facts import FactSheet
from envcheck.predict import targets
from envcheck.predict.environment import marker_environment
from envcheck.predict.tags import platforms, ranks

KNOWN = {
    "interpreter.version": "3.12.1",
    "interpreter.implementation": "CPython",
    "interpreter.free_threaded": False,
    "interpreter.bits": 64,
    "interpreter.soabi": "cpython-312-x86_64-linux-gnu",
    "host.os": "linux",
    "host.arch": "x86_64",
    "host.libc.family": "glibc",
    "host.libc.version": "2.36",
    "host.distribution.id": "debian",
    "toolchain.tools": [],
}


def sheet(target=None, **changed):
    """With ``key=value``, dots as ``__``; None: not observed."""
    values = {**KNOWN, **{key.replace("__", "."): value for key, value in changed.items()}}
    facts = {
        key: {"status": "unknown", "reason": "no"} if value is None else known(value)
        for key, value in values.items()
    }
    return FactSheet({"schema": "envcheck.facts/1", "target": target or {}, "facts": facts})


def known(value):
    return {"status": "known", "value": value}


def test_a_plain_sheet():
    target = targets.of_facts(sheet({"kind": "image", "name": "mine:1"}))
    assert target.id == "mine:1"
    assert (target.python, target.libc, target.architecture) == ("3.12.1", "glibc 2.36", "x86_64")
    assert (target.image, target.distribution) == ("mine:1", "debian")
    assert target.compilers == frozenset()
    assert target.platforms == ()
    assert targets.of_facts(sheet(), "there").id == "there"
    assert targets.of_facts(sheet({"kind": "ssh", "name": "box"})).image == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"host__libc__family": None},
        {"host__libc__version": None},
        {"host__libc__version": "unheard of"},
        {"host__libc__family": "bionic"},
        {"host__libc__version": 2.36},
    ],
)
def test_an_unknown_c_library_stays_unknown(changed):
    target = targets.of_facts(sheet(**changed))
    assert target.libc == ""
    assert platforms(target) == ()


def test_unknown_compilers_stay_unknown():
    assert targets.of_facts(sheet(toolchain__tools=None)).compilers is None


def test_compilers():
    tools = [
        {"tool": "c", "path": "/usr/bin/cc"},
        {"tool": "c++", "path": "/usr/bin/c++", "compiles": False},
        {"tool": "rust", "path": None, "error": "RUSTC names nothing"},
        {"tool": "nvcc", "path": "/usr/local/cuda/bin/nvcc"},
        {"tool": "cmake", "path": "/usr/bin/cmake"},
        {"tool": "make", "path": "/usr/bin/make"},
    ]
    assert targets.of_facts(sheet(toolchain__tools=tools)).compilers == {"c", "cuda", "cmake"}


@pytest.mark.parametrize(
    ("changed", "tag"),
    [
        ({}, "cp312-cp312-manylinux_2_36_x86_64"),
        ({"interpreter__free_threaded": True}, "cp312-cp312t-manylinux_2_36_x86_64"),
        ({"interpreter__bits": 32}, "cp312-cp312-manylinux_2_36_i686"),
        ({"host__arch": "aarch64"}, "cp312-cp312-manylinux_2_36_aarch64"),
        (
            {"host__libc__family": "musl", "host__libc__version": "1.2.5"},
            "cp312-cp312-musllinux_1_2_x86_64",
        ),
        (
            {
                "host__os": "darwin",
                "host__arch": "arm64",
                "host__distribution__version": "15.3",
                "host__libc__family": None,
            },
            "cp312-cp312-macosx_15_0_arm64",
        ),
        (
            {"host__os": "windows", "host__arch": "ARM64", "host__tags": ["win_amd64"]},
            "cp312-cp312-win_amd64",
        ),
        (
            {
                "interpreter__implementation": "PyPy",
                "interpreter__version": "3.11.16",
                "interpreter__soabi": "pypy311-pp80-x86_64-linux-gnu",
            },
            "pp311-pypy311_pp80-manylinux_2_36_x86_64",
        ),
    ],
)
def test_tags(changed, tag):
    assert ranks(targets.of_facts(sheet(**changed))).best == tag


@pytest.mark.parametrize(
    ("said", "python"), [("3.14.0rc1", "3.14.0rc1"), ("3.13.0+", "3.13.0"), ("3.13", "3.13.0")]
)
def test_versions(said, python):
    target = targets.of_facts(sheet(interpreter__version=said))
    assert marker_environment(target)["python_full_version"] == python


def test_a_veto_of_the_target_is_heard():
    """Scenario 39: a ``_manylinux`` module forbids what its glibc would allow."""
    allowed = ["linux_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]
    target = targets.of_facts(sheet(host__tags=allowed, host__tags__veto="/x/_manylinux.py"))
    assert platforms(target) == tuple(allowed)
    assert ranks(target).rank("x-1-cp312-cp312-manylinux_2_28_x86_64.whl") is None
    assert "_manylinux" in target.note


@pytest.mark.parametrize(
    "changed",
    [
        {"interpreter__version": None},
        {"interpreter__version": "three"},
        {"interpreter__implementation": "GraalVM"},
        {"host__os": "freebsd14"},
        {"host__os": None},
    ],
)
def test_what_cannot_be_predicted_for(changed):
    with pytest.raises(DataError) as caught:
        targets.of_facts(sheet(**changed))
    assert len(caught.value.context) == 3


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*KNOWN, "host.tags", "host.tags.veto"]), _ANY, max_size=5))
def test_hostile_sheets(changed):
    found = FactSheet(
        {"facts": {**sheet().document["facts"], **{k: known(changed[k]) for k in changed}}}
    )
    try:
        target = targets.of_facts(found)
    except DataError:
        return
    assert targets.describe(target).isprintable()
    assert ranks(target).best


def test_here_takes_what_this_interpreter_takes():
    target = targets.here()
    assert not differences(target, [str(tag) for tag in sys_tags()])
    assert target.python == sys.version.split()[0].rstrip("+")
