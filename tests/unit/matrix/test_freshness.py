"""When a table is stale, when it is not, and when nobody can tell."""

from __future__ import annotations

import pytest
import runs
from index_releases import recorded

from envcheck.errors import TargetError
from envcheck.matrix.freshness import assess, known_releases, newest_of, subjects
from envcheck.model.matrix import Subject

NOW = "2026-11-25T12:00:00Z"


def asks_for(*requirements: str, newest: str = "1.15.0"):
    cell = runs.cell("3.12-slim", test=Subject(requirements=list(requirements)))
    found = runs.installed("accelerate", "1.13.0", requested=True, newest=newest)
    return runs.run(runs.passed("3.12-slim", cell=cell, distributions=[found]))


def test_a_table_of_this_week_is_fresh_as_far_as_is_known():
    found = assess(runs.as_the_seed(), NOW)
    assert (found.state, found.tested, found.age) == ("fresh", "2026-11-20", 5)
    assert found.remarks == ("whether newer releases exist is not known: the index was not asked",)


@pytest.mark.parametrize(("now", "state"), [("2026-12-20", "fresh"), ("2026-12-21", "stale")])
def test_it_is_stale_after_the_days_that_the_matrix_states(now, state):
    found = assess(runs.as_the_seed(), f"{now}T00:00:00Z", index={})
    assert found.state == state
    assert len(found.cells) == (10 if state == "stale" else 0)


def test_only_the_cells_that_are_old_are_marked():
    old = runs.passed("3.11-slim", started="2026-10-01T00:00:00Z")
    found = assess(runs.run(old, runs.passed("3.12-slim")), NOW)
    assert found.tested == "2026-10-01 to 2026-11-20"
    assert found.cells == {"3.11-slim"}
    assert found.reasons == ("1 of 2 cells were tested more than 30 days ago",)


def test_a_newer_release_that_the_requirement_allows_makes_it_stale():
    found = assess(asks_for("accelerate>=1.10"), NOW, index={"accelerate": "1.16.0"})
    assert found.state == "stale"
    assert found.reasons == ("accelerate 1.16.0 was released since; 1.15.0 was the newest",)


def test_so_does_one_that_a_later_run_saw_though_nobody_asked():
    newest = known_releases([asks_for("accelerate", newest="1.16.0")])
    assert assess(asks_for("accelerate"), NOW, newest).state == "stale"


def test_a_pinned_matrix_is_not_stale_because_newer_ones_exist():
    found = assess(asks_for("accelerate==1.13.0"), NOW, index={"accelerate": "1.16.0"})
    assert found.state == "fresh"
    assert found.remarks == (
        "accelerate 1.16.0 was released since; `accelerate==1.13.0` leaves it out",
    )


def test_what_was_the_newest_when_it_was_tested_makes_nothing_stale():
    found = assess(asks_for("accelerate"), NOW, index={"accelerate": "1.15.0"})
    assert (found.state, found.remarks) == ("fresh", ())


def test_a_pre_release_is_not_newer():
    seen = asks_for("accelerate", newest="1.16.0rc1")
    assert known_releases([seen]) == {"accelerate": "1.13.0", }  # fmt: skip


def test_an_index_that_says_nothing_is_said_to():
    found = assess(asks_for("accelerate"), NOW, index={})
    assert found.remarks == ("the index did not say which release of accelerate is the newest",)


@pytest.mark.parametrize("started", ["", "nonsense", "9999-99-99"])
def test_a_time_that_cannot_be_read_is_unknown(started):
    result = runs.passed(started=started)
    found = assess(runs.run(result, started=started), NOW)
    assert (found.state, found.age, found.tested) == ("unknown", None, "")


def test_a_test_in_the_future_is_not_believed():
    found = assess(runs.run(runs.passed(started="2027-05-01T00:00:00Z")), NOW)
    assert found.state == "unknown"
    assert "in the future" in found.remarks[0]


def test_a_clock_that_is_a_few_hours_off_does_no_harm():
    found = assess(runs.run(runs.passed(started="2026-11-26T00:10:00Z")), NOW)
    assert (found.state, found.age) == ("fresh", 0)


def test_projects_and_addresses_are_not_asked_for():
    run = asks_for("accelerate", "Tok_Enizers[x]>=1; python_version > '3'", "a @ file:///x", "-e .")
    assert set(subjects(run)) == {"accelerate", "tok-enizers"}


def test_the_newest_final_release_is_taken_and_trouble_is_passed_over():
    def releases(name):
        if name == "gone":
            raise TargetError("no answer")
        if name == "none":
            return None
        versions = ("1.9", "1.10", "2.0rc1")
        return recorded((v, "", None, "", [f"a-{v}-py3-none-any.whl"]) for v in versions)

    assert newest_of(["a", "gone", "none"], releases) == {"a": "1.10"}
