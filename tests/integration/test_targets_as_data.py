"""Targets take the wheels that packaging says under every interpreter and in containers."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess

import packaging
import pytest
from wheel_tags import differences

from envcheck.model.facts import FactSheet
from envcheck.predict import targets

ASK = """
import json, sys
sys.path.insert(0, {folder!r})
from packaging import tags
print(json.dumps([str(tag) for tag in tags.sys_tags()]))
"""
VENDORED = "import json\nfrom pip._vendor.packaging import tags\n" + ASK.splitlines()[-1]


def tags_of(argv, code):
    done = subprocess.run([*argv, code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def minor_of(interpreter):
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.check_output([interpreter, "-E", "-c", code], text=True).strip()


@pytest.mark.interpreters
def test_an_interpreter_takes_what_packaging_says(facts, interpreter):
    minor = minor_of(interpreter)
    if minor in ("2.7", "3.6"):
        pytest.skip("only on Python 3.7 and newer does the agent look at anything")
    target = targets.of_facts(FactSheet(facts(python=interpreter)))
    assert target.platforms == ()  # they follow from its C library
    assert target.minor == minor
    if minor in ("3.7", "3.8"):  # too old for today's packaging; pip's copy has another order
        own = f"cp{minor.replace('.', '')}-none-any"
        expected = {*tags_of([interpreter, "-c"], VENDORED), own}
        assert not [
            one for one in differences(target, sorted(expected)) if "come before" not in one
        ]
        return
    folder = os.path.dirname(os.path.dirname(packaging.__file__))
    assert not differences(target, tags_of([interpreter, "-c"], ASK.format(folder=folder)))


@pytest.mark.docker
@pytest.mark.parametrize(
    ("image", "libc", "word"),
    [
        ("envcheck-base:3.9-slim", "glibc 2.36", "{minor}-slim-bookworm"),
        ("envcheck-base:3.12-slim", "glibc 2.36", "{minor}-slim-bookworm"),
        ("envcheck-base:3.13-slim", "glibc 2.36", "{minor}-glibc=2.36"),
        ("envcheck-base:3.9-musl", "musl 1.2.5", "{minor}-alpine"),
        ("envcheck-base:3.11-musl", "musl 1.2.5", "{minor}-musl=1.2"),
        ("envcheck-base:3.13-musl", "musl 1.2.5", "{minor}-alpine3.22"),
    ],
)
def test_an_image_that_was_looked_into(facts, image, libc, word):
    """… has the C library that it has, and takes the same wheels as the word for one like it."""
    target = targets.of_facts(FactSheet(facts(image=image)))
    assert (target.image, target.libc, target.platforms) == (image, libc, ())
    assert target.compilers == frozenset()
    assert re.fullmatch(r"3\.\d+\.\d+", target.python)
    folder = os.path.dirname(packaging.__file__)
    run = ["docker", "run", "--rm", "-v", f"{folder}:/ref/packaging:ro", image, "python3", "-c"]
    expected = tags_of(run, ASK.format(folder="/ref"))
    assert not differences(target, expected)
    said = targets.parse(word.format(minor=target.minor), today=dt.date(2026, 11, 20))
    assert not differences(said, expected)


@pytest.mark.docker
def test_compilers_of_an_image(facts):
    target = targets.of_facts(FactSheet(facts(image="envcheck-base:3.11-musl-cc")))
    assert {"c", "c++"} <= (target.compilers or set())
