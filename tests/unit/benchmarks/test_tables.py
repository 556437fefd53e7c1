"""Tables, goals and the reports made of them."""

from benchmarks.candidates import BARE, CANDIDATES, DOCTOR
from benchmarks.doctor import Measured, goals_table, speed_table
from benchmarks.environment import Environment
from benchmarks.fault import Fault, nothing
from benchmarks.fault_report import markdown
from benchmarks.tables import table, write_report
from benchmarks.tools import TOOLS
from benchmarks.verdicts import Expectation


def measured(cpu, peak=10.0):
    return Measured([cpu, cpu * 1.1, cpu * 1.5], [cpu * 2] * 3, peak, peak, 0)


def cells(text, first):
    row = next(line for line in text.splitlines() if line.startswith(f"| {first}"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_a_cell_cannot_break_the_table():
    text = table([["a|b\nc\x1b[31m", "1.0"]], ["x", "y"])
    assert len(text.splitlines()) == 3
    assert "a\\|b c" in text
    assert "\x1b" not in text
    assert "1.0" in text


def test_ratios_are_of_the_smallest_processor_time():
    text = speed_table({BARE: measured(0.010), DOCTOR: measured(0.060)}, {})
    assert cells(text, f"`{DOCTOR}`  ")[1:3] == ["60.0", "66.0"]
    assert cells(text, f"`{DOCTOR}`  ")[7:9] == ["6.00", "1.00"]


def test_a_peer_that_is_not_installed_is_in_the_table_with_the_reason():
    text = speed_table(
        {BARE: measured(0.010)}, {"cuda-doctor diagnose": "cuda-doctor is not installed"}
    )
    assert "cuda-doctor is not installed" in text


def test_goals_are_reached_missed_or_not_measured():
    text = goals_table({BARE: measured(0.010), DOCTOR: measured(0.095, peak=21.0)}, None)
    assert cells(text, "`doctor`, CPU against bare Python")[2:] == ["9.5×", "**not reached**"]
    assert cells(text, "`doctor` to a pipe")[2:] == ["21 MiB", "reached"]
    assert cells(text, "`doctor`, CPU against pip check")[2:] == ["–", "not measured"]


def test_deep_is_compared_with_importing_torch():
    text = goals_table({"python -c 'import torch'": measured(2.0)}, 2.2)
    assert cells(text, "`doctor --deep`")[2:] == ["1.1×", "reached"]


def test_candidates_run_from_the_environment_and_say_what_they_miss(tmp_path):
    env = Environment(str(tmp_path / "bin" / "python"), "3.11.7", {"uv": "0.13"}, 0)
    by_name = {candidate.name: candidate for candidate in CANDIDATES}
    assert by_name["uv pip check"].command(env)[0] == str(tmp_path / "bin" / "uv")
    assert by_name["uv pip check"].missing(env) == "not installed"
    assert by_name["accelerate env"].missing(env) == "accelerate is not installed"


def test_a_report_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "reports" / "table.md"
    for text in ("old and longer\n", "new\n"):
        write_report(str(path), text)
    assert path.read_text() == "new\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["table.md"]


def test_the_fault_table_has_every_tool_and_marks_controls():
    faults = (
        Fault("healthy", "nothing", nothing, Expectation(healthy=True)),
        Fault("gone", "something", nothing, Expectation(("x",))),
    )
    right = {"verdict": "right", "exit": 1, "seconds": 0.1, "said": "x | `y`"}
    hang = {"verdict": "hang", "exit": None, "seconds": 30.0, "said": ""}
    found = {"healthy": {TOOLS[0].name: right}, "gone": {TOOLS[0].name: right, TOOLS[2].name: hang}}
    text = markdown(
        {"date": "2026-01-02", "versions": {"uv": "1"}, "faults": found}, faults, TOOLS, 30
    )
    assert "right · exit 1 · 0.1 s" in text
    assert "**hang** · killed · 30 s" in text
    assert "○ **healthy**" in text
    assert "1 of 1" in cells(text, TOOLS[0].name)
    assert "`x | 'y'`" in text
