"""Sdists on targets: what stands in the way of a build."""

from __future__ import annotations

import pytest

from envcheck.model.artifact import SdistFacts
from envcheck.model.cell import CAUSES
from envcheck.model.target import Target
from envcheck.predict.building import prospect

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
def test_prospect(found, target, cause):
    pure, languages, words, said, problem, _ = prospect(found, target)
    assert said == cause
    assert said in ("", *CAUSES)
    assert bool(problem) == bool(cause)
    assert words
    assert (pure, list(languages)) == ((found.pure, found.languages) if found else (None, []))


def test_sentences():
    assert prospect(PSYCOPG, SLIM).problem == "its build runs pg_config, which is not in 3.12-slim"
    needs = "its build needs a C compiler, which is not in 3.12-slim"
    assert prospect(COMPILED, SLIM).problem == needs
    assert prospect(CASES["macOS only"][0], FULL).problem == "it builds on macOS only"


ALPINE = SLIM._replace(id="3.12-alpine", libc="musl 1.2", distribution="alpine")
DEBIAN = SLIM._replace(distribution="debian")


@pytest.mark.parametrize(
    ("found", "target", "remedy"),
    [
        (PSYCOPG, DEBIAN,
         "to build it: `apt-get update && apt-get install -y gcc libc6-dev libpq-dev`"),
        (PSYCOPG, DEBIAN._replace(distribution="ubuntu", compilers=frozenset({"c"})),
         "to build it: `apt-get update && apt-get install -y libpq-dev`"),
        (PSYCOPG, ALPINE, "to build it: `apk add build-base libpq-dev`"),
        (facts(pure=False, languages=["c", "c++", "rust"]), DEBIAN,
         "to build it: `apt-get update && apt-get install -y g++ cargo`"),
        (facts(pure=False, languages=["c"], headers=["nobody-knows.h"]), ALPINE,
         "to build it: `apk add build-base`; what brings nobody-knows.h is not known here"),
        (facts(pure=False, languages=["c"], programs=["pkg-config", "pkg-config cairo"]), ALPINE,
         "to build it: `apk add build-base pkgconf cairo-dev`"),
        (COMPILED, MAC, ""),
        (facts(pure=False, languages=["zig"]), DEBIAN, ""),
    ],
)  # fmt: skip
def test_the_remedy_names_packages(found, target, remedy):
    assert prospect(found, target).remedy == remedy


def test_where_the_distribution_is_not_known_all_commands_are_told():
    remedy = prospect(COMPILED, UNKNOWN).remedy
    assert "`apk add build-base`" in remedy
    assert "apt-get install -y gcc" in remedy
    assert "`dnf install -y gcc`" in remedy
