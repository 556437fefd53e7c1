"""What forks answer, and who is named if one does not."""

from __future__ import annotations

import os
import signal
import time

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def in_forks(function, seconds=10.0):
    from envcheck.smoke import forks

    return forks.in_forks(function, 2, seconds)


def failure(function, seconds=10.0):
    from envcheck.smoke.trials import Failed

    with pytest.raises(Failed) as caught:
        in_forks(function, seconds)
    return str(caught.value)


def killed(rank):
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    raise ConnectionError("the other is gone")


def test_long_answers_come_whole():
    assert in_forks(lambda rank: [rank] * 100_000) == [[0] * 100_000, [1] * 100_000]


def test_the_one_that_was_killed_is_named_not_the_one_that_missed_it():
    assert failure(killed) == "rank 1 was killed by SIGKILL"


def test_what_was_raised():
    assert failure(lambda rank: 1 / rank) == "rank 0: ZeroDivisionError: division by zero"


def test_an_end_without_an_answer():
    assert failure(lambda rank: os._exit(7 * rank)).startswith("rank 0 ended with status 0")


def test_who_is_late_is_killed():
    started = time.monotonic()
    assert (
        failure(lambda rank: rank and time.sleep(60), 0.5) == "rank 1 did not answer within 0.5 s"
    )
    assert time.monotonic() - started < 30


def test_half_an_answer_is_none():
    from envcheck.smoke import forks

    fork = object.__new__(forks._Fork)
    fork.rank, fork.closed, fork.status = 1, True, signal.SIGKILL
    fork.answer = b'{"value": [1, 2'
    assert fork.problems(1.0) == ("rank 1 was killed by SIGKILL", "", "")
    fork.answer += b"]}\n"
    assert fork.problems(1.0) == ("", "", "")
