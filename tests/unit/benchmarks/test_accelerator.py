"""The arithmetic of the comparison of training loops, and that every case has its programs."""

import ast
import itertools
from pathlib import Path

import pytest

from benchmarks import accelerator_cases as cases
from benchmarks.accelerator import costs, costs_table, goals_table, imports_table, steps_table
from benchmarks.accelerator_run import Trained
from benchmarks.paired import confidence, middle, order, overhead

TINY = next(case for case in cases.CASES if case.title == "tiny, fp32")
MEDIUM = next(case for case in cases.CASES if case.title == "medium, fp32")
TWO = next(case for case in cases.CASES if case.processes == 2)


def trained(plain, ours, theirs, weights=("a", "a", "a")):
    times = dict(zip(cases.VARIANTS, (plain, ours, theirs), strict=True))
    walls = {name: [[2 * t for t in blocks] for blocks in rounds] for name, rounds in times.items()}
    return Trained(times, walls, dict(zip(cases.VARIANTS, weights, strict=True)))


def constant(milliseconds, rounds=3):
    return [[milliseconds / 1e3] * 5] * rounds


def cells(text, first):
    row = next(line for line in text.splitlines() if line.startswith(f"| {first}"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_what_slows_both_down_alike_cancels():
    drift = [1.0, 1.5, 3.0, 2.0, 1.1]
    found = overhead([drift, drift], [[t + 0.1 for t in drift], [t + 0.1 for t in drift]])
    assert found.typical == pytest.approx(0.1)
    assert found.low == pytest.approx(found.high)
    assert found.least == pytest.approx(0.1)
    assert found.share == pytest.approx(0.1 / 1.5)


def test_one_block_that_was_disturbed_changes_nothing():
    plain = [[1.0] * 5]
    assert overhead(plain, [[1.1, 1.1, 9.0, 1.1, 1.1]]).typical == pytest.approx(0.1)
    assert overhead([[1.0, 9.0, 1.0]], [[1.1, 1.1, 1.1]]).typical == pytest.approx(0.1)


def test_the_range_is_that_of_the_rounds():
    found = overhead([[1.0] * 3] * 3, [[1.1] * 3, [1.4] * 3, [1.2] * 3])
    assert (found.low, found.typical, found.high) == pytest.approx((0.1, 0.2, 0.4))


def test_what_is_not_paired_is_refused():
    with pytest.raises(ValueError):
        overhead([[1.0, 1.0]], [[1.0]])
    with pytest.raises(ValueError):
        overhead([[1.0]], [[1.0], [1.0]])


def test_the_middle_is_of_all_blocks():
    assert middle([[1.0, 5.0], [2.0]]) == 2.0


def test_confidence_of_the_range_is_that_of_counting_all_signs():
    for rounds in (1, 2, 6):
        signs = list(itertools.product((-1, 1), repeat=rounds))
        held = sum(min(drawn) < 0 < max(drawn) for drawn in signs) / len(signs)
        assert confidence(rounds) == pytest.approx(held)


def test_every_order_comes_equally_often():
    seen = [tuple(order("abc", turn)) for turn in range(12)]
    assert sorted(seen) == sorted(list(itertools.permutations("abc")) * 2)
    assert sorted(order("ab", turn)[0] for turn in range(4)) == list("aabb")


def test_tables_say_speed_cost_and_whether_the_weights_agree():
    results = {
        TINY: trained(constant(1.0), constant(1.02), constant(1.15)),
        MEDIUM: trained(constant(30.0), constant(30.1), constant(30.2), weights=("a", "b", "a")),
        TWO: trained(constant(2.0), constant(2.1), constant(2.2), weights=("a", "b", "c")),
    }
    speed = steps_table(results)
    assert cells(speed, "tiny, fp32")[1:] == ["2.000", "500.0", "490.2", "434.8", "yes"]
    assert cells(speed, "medium, fp32")[-1] == "**no**"
    assert cells(speed, "tiny, two processes")[-1] == "–"
    found = costs(results, "cpu")
    row = cells(costs_table(found), "tiny, fp32")
    assert row[1:4] == ["+20.0 [+20.0, +20.0]", "+2.0%", "+20.0"]
    assert row[4:] == ["+150.0 [+150.0, +150.0]", "+15.0%", "+150.0"]
    assert costs(results, "cuda")[TINY][cases.OURS].typical == pytest.approx(40e-6)


def test_goals_are_judged_by_the_worst_case():
    results = {
        TINY: trained(constant(1.0), constant(1.02), constant(1.15)),
        next(c for c in cases.CASES if c.title == "tiny, bf16"): trained(
            constant(1.0), constant(1.05), constant(1.04)
        ),
    }
    loaded = {cases.PLAIN: [1.0] * 4, cases.OURS: [0.021, 0.020, 0.019, 0.030, 0.010]}
    text = goals_table(costs(results, "cpu"), loaded)
    row = cells(text, "tiny, one process: over the plain loop, worst case (bf16)")
    assert row[1:] == ["≤ 3 %", "5 %", "**not reached**"]
    row = cells(text, "tiny, one process: over Accelerate, worst case (bf16)")
    assert row[1:] == ["≤ 0 µs", "10 µs", "**not reached**"]
    assert cells(text, "medium: over the plain loop")[2:] == ["–", "not measured"]
    assert cells(text, "import: envcheck, over")[1:] == ["≤ 30 ms", "20 ms", "reached"]
    assert cells(text, "import: envcheck, made")[2:] == ["–", "not measured"]
    row = cells(imports_table(loaded), "after it: envcheck")
    assert row[1:] == ["20.0 [19.0, 21.0]", "10.0"]


def test_titles_name_one_case_each():
    titles = [case.title for case in cases.CASES]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.title)
def test_every_case_has_its_two_programs(case):
    source = Path(cases.__file__).with_name("accelerator_loops.py").read_text()
    present = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    assert cases.program(cases.PLAIN, case) in present
    assert cases.program(cases.OURS, case) in present
    assert cases.program(cases.OURS, case) == cases.program(cases.ACCELERATE, case)
