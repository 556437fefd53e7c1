"""Sdists on targets: what stands in the way of a build."""

from __future__ import annotations

import pytest

from envcheck.model.artifact import SdistFacts
from envcheck.model.cell import CAUSES
from envcheck.model.target import Target
from envcheck.predict.building import obstacle

SLIM = Target("3.12-slim", "3.12.1", "glibc 2.36")
FULL = SLIM._replace(id="3.12", compilers=frozenset({"c", "c++", "fortran"}))
UNKNOWN = SLIM._replace(compilers=None)
MAC = Target("3.12-macos", "3.12.1", system="macos", compilers=None)


def facts(**more):
    return SdistFacts(backend="setuptools.build_meta", complete=True, **more)


COMPILED = facts(pure=False, languages=["c"])
PSYCOPG = facts(pure=False, languages=["c"], programs=["pg_config"], headers=["libpq-fe.h"])
CASES = {
    "pure": (facts(pure=True), SLIM, ""),
    "optional": (facts(pure=True, optional=["c"]), SLIM, ""),
    "no compiler": (COMPILED, SLIM, "no-compiler"),
    "a compiler": (COMPILED, FULL, ""),
    "another one": (facts(pure=False, languages=["rust"]), FULL, "no-compiler"),
    "not known": (COMPILED, UNKNOWN, ""),
    "a program that is asked": (PSYCOPG, SLIM, "missing-header"),
    "it may be there": (PSYCOPG, FULL, ""),
    "torch": (facts(pure=None, languages=["cuda"], needs=["torch"]), FULL, "build-failed"),
    "macOS only": (facts(pure=False, systems=["macos"]), FULL, "build-failed"),
    "macOS": (facts(pure=False, systems=["macos"]), MAC, ""),
    "a placeholder": (facts(pure=True, refuses="its setup.py ends with: no"), MAC, "build-failed"),
    "nothing known": (facts(), SLIM, ""),
    "not read": (None, SLIM, ""),
}


@pytest.mark.parametrize(("found", "target", "cause"), CASES.values(), ids=CASES)
def test_obstacle(found, target, cause):
    pure, languages, words, said, problem = obstacle(found, target)
    assert said == cause
    assert said in ("", *CAUSES)
    assert bool(problem) == bool(cause)
    assert words
    assert (pure, languages) == ((found.pure, found.languages) if found else (None, []))


def test_sentences():
    assert obstacle(PSYCOPG, SLIM)[4] == "its build asks pg_config, and 3.12-slim has none"
    assert obstacle(COMPILED, SLIM)[4] == "it needs a compiler for C, and 3.12-slim has none"
    assert obstacle(CASES["macOS only"][0], FULL)[4] == "it builds on macOS only"
