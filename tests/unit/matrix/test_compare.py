"""What counts as worse between two runs, and above all what does not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import runs
from msgspec.structs import replace

from envcheck.matrix.compare import compare, exit_status
from envcheck.matrix.history import history
from envcheck.matrix.measures import judged

if TYPE_CHECKING:
    from envcheck.model.cell import CellResult, Run

OTHER = [runs.installed("accelerate", "1.14.0", requested=True)]


def changes(old: CellResult, new: CellResult, **header: Any) -> list[tuple[str, str]]:
    found = compare(runs.run(old), runs.run(new, **header))
    return [(change.what, change.kind) for change in found.changes]


def imports(*settled: float, first: float = 4.12) -> dict[str, Any]:
    return {"imports": [runs.imported("accelerate", first, *settled)]}


@pytest.mark.parametrize("case", runs.cases())
def test_a_run_is_like_itself(case):
    run = runs.cases()[case]
    found = compare(run, run)
    assert found.changes == ()
    assert (found.same, exit_status(found)) == (len(run.results), 0)


@pytest.mark.parametrize(
    ("old", "new", "kind", "status"),
    [
        ("pass", "fail", "worse", 1),
        ("pass", "warn", "worse", 1),
        ("warn", "fail", "worse", 1),
        ("fail", "pass", "better", 0),
        ("warn", "pass", "better", 0),
        ("pass", "error", "open", 3),
        ("fail", "skipped", "open", 3),
        ("pass", "inconclusive", "open", 3),
        ("error", "pass", "note", 0),
        ("error", "skipped", "note", 0),
    ],
)
def test_status(old, new, kind, status):
    found = compare(runs.run(runs.passed(status=old)), runs.run(runs.passed(status=new)))
    assert [(change.what, change.kind) for change in found.changes] == [("status", kind)]
    assert exit_status(found) == status


def test_a_regression_outranks_what_cannot_be_told():
    old = runs.run(runs.passed("3.11-slim"), runs.passed("3.12-slim"))
    new = runs.run(runs.passed("3.11-slim", status="error"), runs.failed("3.12-slim", "crash"))
    assert exit_status(compare(old, new)) == 1


def test_another_cause_of_the_same_failure_is_a_note():
    old, new = runs.failed("3.12-slim", "no-wheel"), runs.failed("3.12-slim", "conflict")
    assert changes(old, new) == [("cause", "note")]


def test_a_wheel_that_became_an_sdist():
    assert changes(runs.passed(), runs.passed(wheel="sdist")) == [("wheel", "worse")]
    assert changes(runs.passed(wheel="sdist"), runs.passed()) == [("wheel", "better")]
    assert changes(runs.passed(), runs.passed(wheel="")) == []
    failing = [runs.failed("3.12-slim", "crash", wheel=wheel) for wheel in ("none", "wheel")]
    assert changes(*failing) == [("wheel", "note")]


def test_a_version_that_goes_back_is_a_finding_unless_it_was_asked_for():
    assert changes(runs.passed(), runs.passed(version="1.14.0")) == [("version", "note")]
    assert changes(runs.passed(), runs.passed(version="0.0.1")) == [("version", "worse")]
    test = replace(runs.passed().cell.test, requirements=["accelerate<1"])
    asked = replace(runs.passed().cell, test=test)
    assert changes(runs.passed(), runs.passed(version="0.0.1", cell=asked)) == [("version", "note")]
    assert changes(runs.passed(version="odd"), runs.passed()) == [("version", "note")]


def test_cells_that_only_one_run_has():
    old = runs.run(runs.passed("3.11-slim"), missing=("3.10-slim",))
    new = runs.run(runs.passed("3.10-slim"), runs.passed("3.13-slim"))
    found = compare(old, new)
    assert [(c.cell, c.before, c.after, c.kind) for c in found.changes] == [
        ("3.10-slim", "missing", "pass", "note"),
        ("3.13-slim", "-", "pass", "note"),
        ("3.11-slim", "pass", "-", "note"),
    ]
    assert exit_status(found) == 0


def test_a_cell_that_was_not_done_is_open():
    found = compare(runs.run(runs.passed()), runs.run(missing=("3.12-slim",)))
    assert [(c.kind, c.after) for c in found.changes] == [("open", "missing")]
    assert exit_status(found) == 3


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ([1.9, 1.95, 2.0], [3.0, 3.05, 3.1], "worse"),
        ([3.0, 3.05, 3.1], [1.9, 1.95, 2.0], "better"),
        ([1.9, 1.95, 2.0], [2.1, 2.15, 2.2], None),  # less than a fifth
        ([1.9, 1.95, 2.0], [1.95, 3.0, 3.1], None),  # one sample was as fast
        ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], None),  # the samples spread as much
        ([0.02, 0.021, 0.02], [0.06, 0.061, 0.06], None),  # less than a tenth of a second
        ([2.0], [2.1], None),
        ([2.0], [3.0], "worse"),  # all that there is to go by
        ([0.0, 0.0], [0.0, 0.0], None),
    ],
)
def test_settled_imports(old, new, verdict):
    assert judged(old, new) == verdict


def test_an_import_that_became_slower():
    new = runs.passed(**imports(3.1, 3.15, 3.2), distributions=OTHER)
    assert changes(runs.passed(), new) == [("import", "worse")]
    assert changes(new, runs.passed()) == [("import", "better")]


def test_the_same_files_must_be_much_slower():
    """1.6 of 1.0 is not called worse if nothing that was imported differs; twice as slow is."""
    assert changes(runs.passed(), runs.passed(**imports(2.7, 2.71, 2.72))) == []
    assert changes(runs.passed(), runs.passed(**imports(4.0, 4.05, 4.1))) == [("import", "worse")]


def test_imports_under_other_conditions_are_not_compared():
    slow = runs.imported("accelerate", 9.0, 6.0, 6.1)
    for other in (replace(slow, bytecode="none"), replace(slow, threads=1)):
        found = compare(runs.run(runs.passed()), runs.run(runs.passed(imports=[other])))
        (change,) = found.changes
        assert (change.what, change.kind) == ("import", "note")
        assert "conditions differ" in change.why


def test_a_slower_machine_is_taken_out_by_the_cells_with_the_same_files():
    names = [f"3.{minor}-slim" for minor in range(9, 14)]
    old = runs.run(*(runs.passed(name) for name in names))
    slow = [runs.passed(name, **imports(4.0, 4.1, 4.05)) for name in names]
    found = compare(old, runs.run(*slow))
    assert exit_status(found) == 0
    assert "2.08 times" in found.notes[0]
    slow[0] = runs.passed(names[0], **imports(9.0, 9.1, 9.05))
    found = compare(old, runs.run(*slow))
    assert [(change.cell, change.what) for change in found.changes] == [(names[0], "import")]


@pytest.mark.parametrize("field", ["machine", "backend"])
def test_times_of_two_machines_are_not_compared_but_sizes_are(field):
    new = runs.passed(**imports(9.0, 9.1, 9.2), disk=runs.usage(9000))
    found = compare(runs.run(runs.passed()), runs.run(new, **{field: "another"}))
    assert [change.what for change in found.changes] == ["disk"]
    assert "times are not compared" in found.notes[0]


def test_one_sample_never_counts():
    steps = [replace(step, seconds=9.0 if step.name == "install" else step.seconds)
             for step in runs.passed().steps]  # fmt: skip
    assert changes(runs.passed(), runs.passed(steps=steps)) == [("install", "note")]
    assert changes(runs.passed(), runs.passed(**imports(first=12.0))) == [("import", "note")]
    assert changes(runs.passed(), runs.passed(**imports(first=5.0))) == []


def test_cold_and_warm_installations_are_not_compared():
    steps = [replace(step, seconds=90.0) for step in runs.passed().steps]
    assert changes(runs.passed(), runs.passed(steps=steps, cold=True)) == []
    assert changes(runs.passed(), runs.passed(steps=steps, installer="pip 26.3")) == []


def test_disk_without_bytecode_and_who_grew():
    assert changes(runs.passed(), runs.passed(disk=runs.usage(4700))) == []
    assert changes(runs.passed(), runs.passed(disk=runs.usage(4650, bytecode=0.02001))) == []
    grown = [runs.installed("torch", "2.15.0", size=5200)]
    new = runs.passed(disk=runs.usage(5200), distributions=grown)
    (change,) = compare(runs.run(runs.passed()), runs.run(new)).changes
    assert (change.what, change.kind) == ("disk", "worse")
    assert change.why.startswith("torch +")
    assert changes(runs.passed(disk=runs.usage(10)), runs.passed(disk=runs.usage(10.5))) == []


def test_noise_is_not_called_a_change():
    """200 reruns of ten cells whose samples jitter by 15 %, first ones more: none is worse."""
    chance = random.Random(20261120)

    def noisy() -> Run:
        busy = chance.uniform(1, 1.3)
        results = []
        for minor in range(9, 14):
            settled = [1.9 * busy * chance.uniform(1, 1.15) for _ in range(3)]
            results.append(
                runs.passed(f"3.{minor}-slim", **imports(*settled, first=chance.uniform(3, 9)))
            )
        return runs.run(*results)

    assert not any(exit_status(compare(noisy(), noisy())) for _ in range(200))


def test_history_compares_each_run_with_the_one_before_it_of_its_matrix():
    first = runs.run(runs.passed())
    other = runs.run(runs.passed(), id="numpy-1", matrix="numpy")
    second = runs.run(runs.failed("3.12-slim", "crash"), missing=("3.13-slim",), id="accelerate-8")
    past = list(history([first, other, second]))
    assert [entry.since is None for entry in past] == [True, True, False]
    assert past[2].counts == {"fail": 1, "missing": 1}
    assert past[2].since is not None
    assert past[2].since.count("worse") == 1
    assert past[0].versions == ("1.13.0",)
