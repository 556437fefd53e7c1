"""The agent's wheel tags are those of the ``packaging`` library, under every interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import packaging
import pytest

pytestmark = pytest.mark.interpreters

ASK = """
import json, sys
sys.path.insert(0, {folder!r})
from packaging import tags
print(json.dumps([str(tag) for tag in tags.sys_tags()]))
"""
VENDORED = "import json\nfrom pip._vendor.packaging import tags\n" + ASK.splitlines()[-1]


def minor(interpreter):
    code = "import sys; print('%d %d' % sys.version_info[:2])"
    out = subprocess.check_output([interpreter, "-E", "-c", code], text=True)
    return tuple(int(word) for word in out.split())


def ours(document):
    facts = document["facts"]
    platforms = facts["host.tags"]["value"]
    found = []
    for pair in facts["interpreter.tags"]["value"]:
        found += [pair] if pair.endswith("-any") else [f"{pair}-{name}" for name in platforms]
    return found


def theirs(interpreter, code, env=None):
    done = subprocess.run(
        [interpreter, "-c", code], capture_output=True, text=True, env={**os.environ, **(env or {})}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_same_tags_in_the_same_order(facts, interpreter):
    if minor(interpreter) < (3, 7):
        pytest.skip("only on Python 3.7 and newer does the agent look at anything")
    found = ours(facts(python=interpreter))
    if minor(interpreter) >= (3, 9):
        folder = os.path.dirname(os.path.dirname(packaging.__file__))
        assert found == theirs(interpreter, ASK.format(folder=folder))
    else:  # pip's old copy has another order, and not yet the last tag
        own = "cp{}{}-none-any".format(*minor(interpreter))
        assert set(found) == set(theirs(interpreter, VENDORED)) | {own}


@pytest.mark.parametrize(
    "module",
    [
        "manylinux_compatible = lambda major, minor, arch: False",
        "manylinux_compatible = lambda major, minor, arch: minor < 28",
        "manylinux_compatible = lambda major, minor, arch: None",
        "manylinux2014_compatible = False",
    ],
)
def test_a_veto_is_heard(facts, tmp_path, monkeypatch, module):
    """Scenario 39: a ``_manylinux`` module on the path decides."""
    (tmp_path / "_manylinux.py").write_text(module + "\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    document = facts(python=sys.executable)
    folder = os.path.dirname(os.path.dirname(packaging.__file__))
    assert ours(document) == theirs(sys.executable, ASK.format(folder=folder))
    assert document["facts"]["host.tags.veto"]["value"] == str(tmp_path / "_manylinux.py")


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("import time; time.sleep(600)", "did not answer"),
        ("raise ValueError('odd')", "odd"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
    ],
)
def test_a_veto_that_does_not_answer_leaves_the_tags_unknown(
    facts, tmp_path, monkeypatch, module, words
):
    (tmp_path / "_manylinux.py").write_text(module + "\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    document = facts(python=sys.executable)
    tags = document["facts"]["host.tags"]
    assert tags["status"] == "unknown"
    assert words in tags["reason"]
    assert document["probes"]["host"]["status"] == "ok"


@pytest.mark.docker
@pytest.mark.parametrize("image", ["envcheck-base:3.11-musl", "envcheck-base:3.13-slim"])
def test_same_tags_in_containers(facts, image):
    folder = os.path.dirname(packaging.__file__)
    done = subprocess.run(
        [
            *("docker", "run", "--rm", "-v", f"{folder}:/ref/packaging:ro", image),
            *("python3", "-c", ASK.format(folder="/ref")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    document = facts(image=image)
    assert ours(document) == json.loads(done.stdout)
    assert document["facts"]["host.libc.family"]["value"] == (
        "musl" if "musl" in image else "glibc"
    )
