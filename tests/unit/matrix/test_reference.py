"""A published table against runs of our own: each difference with its reason."""

from __future__ import annotations

import runs

from envcheck.matrix.reference import answers, load

PAGE = load("accelerate-page")


def row(run, python="3.12", os="slim"):
    found = answers(PAGE, run)
    return next(r for r in found.rows if (r.row.python, r.row.os) == (python, os))


def told(answer):
    return dict(answer.explanations)


def test_the_transcription_has_the_ten_rows_of_the_page():
    assert len(PAGE.rows) == 10
    assert {r.python for r in PAGE.rows} == {"3.9", "3.10", "3.11", "3.12", "3.13"}
    assert {r.values["disk"] for r in PAGE.rows} == {"-", "4.7G"}
    said = {r.python: r.values["import"] for r in PAGE.rows if r.values["import"] != "-"}
    assert said == {"3.10": "4.00s", "3.11": "6.93s", "3.12": "7.68s", "3.13": "5.69s"}


def test_where_nothing_works_in_both_our_reason_is_told():
    answer = row(runs.as_the_seed(), "3.12", "alpine")
    assert answer.agrees
    assert "works in neither" in told(answer)["status"]
    assert "none for musllinux" in told(answer)["status"]


def test_the_size_is_compared_as_du_rounds():
    for mebibytes, agrees in ((4762, True), (4812, True), (5400, False), (850, False)):
        result = runs.passed("3.12-slim", disk=runs.usage(mebibytes))
        assert row(runs.run(result)).agrees is agrees, mebibytes


def test_a_build_for_cpus_explains_a_small_size():
    torch = runs.installed("torch", "2.13.0+cpu", size=800)
    result = runs.passed("3.12-slim", disk=runs.usage(1000), distributions=[torch])
    answer = row(runs.run(result))
    assert not answer.agrees
    assert "the build for CPUs" in told(answer)["disk"]


def test_a_release_after_the_table_explains_a_larger_size():
    torch = runs.installed("torch", "2.15.0", size=2000)
    result = runs.passed("3.12-slim", disk=runs.usage(5400), distributions=[torch])
    said = told(row(runs.run(result)))["disk"]
    assert "torch 2.15.0 was released on 2026-10-02, after the table" in said


def test_the_import_is_placed_between_ours_or_beyond():
    run = runs.as_the_seed()
    assert "lies between" in told(row(run, "3.10"))["import"]
    assert "1.9 times our slowest" in told(row(run, "3.12"))["import"]


def test_contradictions_do_not_agree():
    assert not row(runs.run(runs.failed("3.12-slim", "crash", "import"))).agrees
    works = row(runs.run(runs.passed("3.12-alpine")), os="alpine")
    assert not works.agrees
    assert "here it works" in told(works)["status"]


def test_a_cell_that_is_not_there_or_was_not_judged_says_so():
    assert told(row(runs.run())) == {"": "this run has no such cell"}
    skipped = runs.failed("3.12-slim", "unavailable", status="skipped")
    assert "could not be judged" in told(row(runs.run(skipped)))["status"]
