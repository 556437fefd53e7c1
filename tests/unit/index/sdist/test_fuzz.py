"""Whatever an sdist holds: no exception, and bounded."""

from __future__ import annotations

import contextlib
import gzip

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sdists import pyproject, tar

from envcheck.index.sdist import calls
from envcheck.index.sdist.archive import Archive, read_tar, read_zip, unpacked
from envcheck.index.sdist.seeking import Middle
from envcheck.index.sdist_signs import classify, summary

LINES = st.sampled_from(
    [
        "import os, sys, torch",
        "from setuptools import *",
        "from setuptools import setup, Extension as E",
        "from .a import b",
        "from one import two as three",
        "import winreg",
        "x = [1] * 10**9",
        "x = 'a' * 10**9",
        "x = '%1000000000d' % 1",
        "x = '{:1000000000}'.format(1)",
        "x = x + x if 'x' in dir() else 'x'",
        "x = [x, x, x]",
        "x = {'a': x, **x}",
        "y = 10 ** 10 ** 10",
        "x.append(x)",
        "x.extend(x)",
        "x += x",
        "x = x.replace('', x)",
        "x = x.join(x)",
        "def f(*a, **k): return f(*a, **k)",
        "def f(x=f): global x; x = f; return x",
        "def g(): yield from g()",
        "f(f)(f)",
        "class C(E): f = f",
        "x = C('x', ['x.c'])",
        "setup(ext_modules=x, cmdclass={'a': C}, **x)",
        "setup(**{'ext_modules': [E(n, [n]) for n in x]})",
        "setup(ext_modules=[E('a', ['a.pyx'])], packages=x)",
        "while True: pass",
        "for x in range(10**9): f(x)",
        "for i in x: x.append(i)",
        "[a for a in x for b in x for c in x for d in x]",
        "lambda: f",
        "if sys.platform == x: raise SystemExit(x)",
        "if sys.version_info < x: sys.exit()",
        "assert x, x",
        "try: f()\nexcept x as e: raise\nelse: f()\nfinally: x = 1",
        "with open(x) as x: x = x.read()",
        "match x:\n  case 1: f()",
        "raise x",
        "del x",
        "return",
        "break",
        "continue",
        "async def h(): await h()",
        "os.environ[x] = x",
        "x[x] = x",
        "x, *y = x",
        "(x := x)",
        "print 'two'",
        "\0",
        "x = sys.argv[99]",
        "x = dict(x)",
        "x = getattr(os, x)(x)",
        "sys.platform.startswith(x)",
    ]
)


def judged(files, complete=True):
    archive = Archive()
    read_tar(iter([tar(files)]), archive)
    archive.complete = complete
    facts = classify(archive)
    assert len(summary(facts)) <= 100
    assert all(len(text) <= 200 for text in facts.evidence)
    assert len(facts.evidence) <= 20
    return facts


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=14), st.booleans())
def test_scripts(lines, complete):
    judged({"setup.py": "\n".join(lines), "one/a.c": "#include <x.h>"}, complete)


@settings(max_examples=80, deadline=None)
@given(st.lists(LINES, max_size=8), st.lists(LINES, max_size=8))
def test_scripts_of_several_files(one, two):
    files = {"setup.py": "from one import *\nimport one.a\n" + "\n".join(two)}
    files |= {"one/__init__.py": "from setuptools import Extension\n" + "\n".join(one)}
    files |= {"one/a.py": "from one import *\nfrom setuptools import Extension\nimport setup\n"}
    judged(files)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
@example("]", "project(", "[tool")
@example("[build-system]\nrequires = [1, []]\nbuild-backend = 5\nbackend-path = {}", "", "")
@example("[build-system]\nbuild-backend = '.'\nbackend-path = ['']", "", "")
@example(
    "[tool.hatch.build]\nhooks = 3\n[tool.setuptools]\next-modules = [3, {sources = 4}]", "", ""
)
@example("[tool]\npoetry = 5\npdm = []\nscikit-build = 1", "", "")
def test_other_texts(project, cmake, cargo):
    for backend in ("scikit_build_core.build", "mesonpy", "maturin", "hatchling.build", "own"):
        for text in (project, pyproject(backend, more=project)):
            judged(
                {
                    "pyproject.toml": text,
                    "CMakeLists.txt": cmake,
                    "meson.build": cmake,
                    "Cargo.toml": cargo,
                    "PKG-INFO": project,
                    "x.c": cmake,
                }
            )


NESTED = {
    "brackets": "(" * 50_000,
    "lists": "x = " + "[" * 190 + "]" * 190,
    "a sum": "x = " + "+".join(["1"] * 60_000),
    "attributes": "x = a" + ".b" * 60_000,
    "calls": "x = a" + "()" * 60_000,
    "signs": "x = " + "-" * 100_000 + "1",
    "lambdas": "x = " + "lambda: " * 20_000 + "1",
    "branches": "if 1: pass\n" + "elif 2: pass\n" * 30_000,
    "statements": "".join(" " * depth + "if 1:\n" for depth in range(99)) + " " * 99 + "pass",
    "one long line": "x = '" + "a" * 400_000 + "'",
    "strings": "x = " + "'a' " * 60_000,
    "comparisons": "x = " + "<".join(["1"] * 60_000),
    "alternatives": "x = " + "1 if 2 else " * 20_000 + "3",
    "decorators": "@a\n" * 60_000 + "def f(): pass",
    "formats": "f'" + "{" * 100 + "'",
    "code pages": "# coding: utf-7\n+AG8-",
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_deep_scripts(text):
    judged({"setup.py": text})
    judged({"setup.py": "import one", "one.py": text + "\n# Extension"})


def test_a_text_that_cannot_be_read_in_this_process_is_asked_about_in_another(monkeypatch):
    monkeypatch.setattr(calls, "_UNSAFE", (9, 9))
    assert calls.parsed("x = 1\n" * 3000) is not None
    assert calls.parsed("x = (\n" * 3000) is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3000), st.sampled_from([".tar.gz", ".tar.bz2", ".tar.xz", ".tgz"]))
def test_archives(data, ending):
    with contextlib.suppress(ValueError):
        read_tar(unpacked(data, f"one{ending}"), Archive())
    with contextlib.suppress(ValueError):
        read_tar(unpacked(gzip.compress(data), "one.tar.gz"), Archive())
    assert list(Middle(data).stretches()) == []


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 6000), st.binary(min_size=1, max_size=40), st.sampled_from(["tar", "gz", "zip"])
)
def test_damaged_archives(at, damage, kind):
    files = {f"d/{n}.py": f"x = {n}" for n in range(5)} | {"PKG-INFO": "x" * 900, "setup.py": "y"}
    archive = Archive()
    if kind == "zip":
        from sdists import zipped

        data = bytearray(zipped(files))
    else:
        data = bytearray(tar(files) if kind == "tar" else gzip.compress(tar(files)))
    at %= len(data)
    data[at : at + len(damage)] = damage
    with contextlib.suppress(ValueError):
        if kind == "zip":
            whole = bytes(data)
            read_zip(lambda start, length: whole[start : start + length], len(whole), True, archive)
        elif kind == "tar":
            read_tar(iter([bytes(data)]), archive)
        else:
            read_tar(unpacked(bytes(data), "one.tar.gz"), archive)
    classify(archive)
