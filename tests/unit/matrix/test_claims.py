"""Runs that live and runs that are dead, told apart by locks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from envcheck.matrix import claims

ROOT = Path(__file__).parents[3]
HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
from envcheck.matrix.claims import Claim
claim = Claim(sys.argv[2], "other-1")
print(claim.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """A process that holds a claim: (process, name)."""
    words = [sys.executable, "-c", HOLD, str(ROOT), str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        yield child, child.stdout.readline().strip()
        child.kill()


def dead(cache):
    with claims.of_the_dead(str(cache)) as names:
        return names


def test_a_claim_lives_until_it_is_released(tmp_path):
    claim = claims.Claim(str(tmp_path), "numpy-1")
    assert claim.name.startswith("numpy-1.")
    assert claims.alive(str(tmp_path), claim.name)
    assert dead(tmp_path) == []
    claim.release()
    claim.release()
    assert not claims.alive(str(tmp_path), claim.name)
    assert dead(tmp_path) == []


def test_a_killed_process_is_dead_at_once_and_told_once(tmp_path, other):
    child, name = other
    assert claims.alive(str(tmp_path), name)
    assert dead(tmp_path) == []
    child.kill()
    child.wait()
    assert not claims.alive(str(tmp_path), name)
    assert dead(tmp_path) == [name]
    assert dead(tmp_path) == []


def test_what_could_not_be_removed_is_told_again(tmp_path, other):
    child, name = other
    child.kill()
    child.wait()
    with pytest.raises(RuntimeError), claims.of_the_dead(str(tmp_path)):
        raise RuntimeError
    assert dead(tmp_path) == [name]


def test_two_who_reclaim_do_not_get_the_same(tmp_path, other):
    child, name = other
    child.kill()
    child.wait()
    with claims.of_the_dead(str(tmp_path)) as first, claims.of_the_dead(str(tmp_path)) as second:
        assert (first, second) == ([name], [])


def test_claims_are_made_while_others_reclaim(tmp_path):
    """None of the living is ever taken for dead, whatever the moment."""
    wrong, stop = [], threading.Event()
    mine: set[str] = set()

    def reclaim():
        while not stop.is_set():
            with claims.of_the_dead(str(tmp_path)) as names:
                wrong.extend(mine.intersection(names))

    thread = threading.Thread(target=reclaim)
    thread.start()
    try:
        held = []
        for _ in range(300):
            claim = claims.Claim(str(tmp_path), "a-1")
            mine.add(claim.name)
            held.append(claim)
        assert all(claims.alive(str(tmp_path), claim.name) for claim in held)
        for claim in held:
            mine.discard(claim.name)
            claim.release()
    finally:
        stop.set()
        thread.join()
    assert not wrong
    assert dead(tmp_path) == []
    assert os.listdir(tmp_path / "claims") == []


def test_nothing_is_known_of_a_name_that_was_never_claimed(tmp_path):
    assert not claims.alive(str(tmp_path), "numpy-1.00000000")
    assert dead(tmp_path / "missing") == []
