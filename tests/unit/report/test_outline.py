"""What is shown, what is folded, and what is left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.model.finding import Finding, Remedy, Report
from envcheck.report import github, sarif, text
from envcheck.report.base import Options
from envcheck.report.outline import outline, summary

if TYPE_CHECKING:
    from types import ModuleType


def shown(report: Report, verbose: int = 0, width: int = 100) -> str:
    return text.render(report, Options(verbose=verbose, width=width))


def test_first_line_says_what_was_examined_and_why(reports: ModuleType) -> None:
    cases = reports.cases()
    first = shown(cases["healthy"]).splitlines()[0]
    assert first == "Examined /home/ann/proj/.venv (CPython 3.11.7, chosen by VIRTUAL_ENV)"
    assert shown(cases["image"]).startswith("Examined image python:3.12-slim (Python 3.12.1")


def test_last_line_has_the_counts(reports: ModuleType) -> None:
    cases = reports.cases()
    assert shown(cases["healthy"]).splitlines()[-1] == (
        "Ready: no problems found (2 passed, 1 skipped) in 0.11 s"
    )
    last = summary(cases["broken"])
    assert last.startswith("3 errors, 1 warning, 1 note, 2 passed")
    assert last.endswith("; 2 of these explained by others in 0.11 s")
    assert summary(cases["unknown"]) == "Inconclusive: 1 passed, 2 unknown in 0.11 s"


def test_ready_only_if_everything_could_be_judged(reports: ModuleType) -> None:
    report = reports.report(reports.RUNS, reports.TOKEN)
    assert summary(report).startswith("No problems found, as far as could be judged (1 passed")
    assert summary(reports.report()).startswith("Nothing was checked")


def test_quiet_about_what_is_fine(reports: ModuleType) -> None:
    healthy = reports.cases()["healthy"]
    assert "PY001" not in shown(healthy)
    assert "PY001 passed" in shown(healthy, 1)
    assert "add --online" in shown(healthy, 1)
    assert "Python" not in "\n".join(shown(healthy, -1).splitlines()[1:])
    assert shown(healthy, -2) == ""


def test_what_does_not_apply_is_not_shown(reports: ModuleType) -> None:
    report = reports.report(reports.RUNS, reports.OFFLINE)
    assert "Network" not in shown(report)
    assert "Network" in shown(report, 1)
    assert "1 skipped" in shown(report).splitlines()[-1]


def test_a_consequence_is_shown_under_its_cause_only(reports: ModuleType) -> None:
    lines = shown(reports.cases()["folded"]).splitlines()
    cause = next(i for i, line in enumerate(lines) if "GPU101 error" in line)
    for code in ("GPU110", "DTYPE201", "IMP102"):
        (where,) = [i for i, line in enumerate(lines) if code in line]
        assert where > cause
        assert lines[where].lstrip().startswith("explains: ")


def test_causes_in_a_circle_or_that_passed_hide_nothing(reports: ModuleType) -> None:
    written = shown(reports.cases()["folded"])
    for code in ("RES301", "RES302", "DST301"):
        assert f"{code} warning: " in written


def test_a_waived_cause_explains_nothing(reports: ModuleType) -> None:
    waived = reports.DRIVER._replace(waiver=reports.SHM.waiver)
    written = shown(reports.report(waived, reports.NO_DEVICE))
    assert "GPU110 error: " in written


def test_commands_are_never_wrapped(reports: ModuleType) -> None:
    for width in (20, 40, 80):
        lines = [line.strip() for line in shown(reports.cases()["broken"], 0, width).splitlines()]
        assert reports.ACCELERATE.remedy.commands[0] in lines
        assert reports.DRIVER.remedy.commands[0] in lines


def test_nothing_else_is_wider_than_the_page(reports: ModuleType) -> None:
    commands = [
        c for f in reports.cases()["broken"].findings if f.remedy for c in f.remedy.commands
    ]
    for width in (40, 60, 80, 100):
        for line in shown(reports.cases()["broken"], 2, width).splitlines():
            assert len(line) <= width or line.strip() in commands


def test_many_findings_of_one_code_are_counted(reports: ModuleType) -> None:
    many = reports.cases()["many"]
    assert shown(many).count("PKG201 error: ") == 6
    assert "and 6 more of PKG201" in shown(many)
    assert shown(many, 1).count("PKG201 error: ") == 12


def test_a_waiver_is_shown_with_its_reason(reports: ModuleType) -> None:
    written = shown(reports.cases()["waived"])
    assert (
        "RES101 waived: /dev/shm has 64 MiB (reason: one worker only, until 2027-01-01)" in written
    )
    assert written.splitlines()[-1] == "Ready: no problems found (1 passed, 2 waived) in 0.11 s"


def test_a_line_of_the_log_is_never_a_workflow_command(reports: ModuleType) -> None:
    finding = Finding(
        "A1", "fail", "error", "a " + "x" * 70 + " ::error::a", remedy=Remedy("b", ("::error::c",))
    )
    for width in (40, 80):
        written = shown(reports.report(finding), 0, width)
        assert not re.search(r"^\s*::", written, re.MULTILINE)


def test_worst_first(reports: ModuleType) -> None:
    report = reports.report(reports.DUPLICATE, reports.ACCELERATE)
    heads = [line.head for line in outline(report) if line.role == "finding"]
    assert heads == ["PKG201 error: ", "PKG105 warning: "]


def test_at_most_ten_annotations_of_a_kind_and_the_last_counts_the_rest(
    reports: ModuleType,
) -> None:
    warnings = [reports.DUPLICATE._replace(title=f"warning {n}") for n in range(11)]
    report = reports.report(*reports.cases()["many"].findings, *warnings)
    lines = github.render(report, Options()).splitlines()
    errors = [line for line in lines if line.startswith("::error ")]
    assert len(errors) == 10
    assert "and 3 more errors" in errors[-1]
    assert lines.index(errors[-1]) == 9
    assert sum(line.startswith("::warning ") for line in lines) == 10
    ten = reports.report(*warnings[:10])
    assert "more" not in github.render(ten, Options())


def test_an_annotation_stays_on_its_line() -> None:
    written = github.command("error", "50% of a\nb\r", title="a:b,c\nd", file="x,y:z")
    assert written == "::error title=a%3Ab%2Cc d,file=x%2Cy%3Az::50%25 of a%0Ab%0D"


def test_a_summary_is_smaller_than_a_mebibyte(reports: ModuleType) -> None:
    big = reports.ACCELERATE._replace(detail="é" * 100_000)
    report = reports.report(*(big._replace(subject=str(n)) for n in range(60)))
    assert len(github.summary(report, Options()).encode()) < 1 << 20


def test_fingerprints_know_neither_version_nor_line(reports: ModuleType) -> None:
    import json

    def fingerprint(finding: Finding) -> str:
        written = json.loads(sarif.render(reports.report(finding), Options()))
        return written["runs"][0]["results"][0]["partialFingerprints"]["envcheck/v1"]

    finding = reports.ACCELERATE
    moved = finding._replace(anchor=finding.anchor._replace(line=99), title="accelerate 0.21.0 …")
    assert fingerprint(finding) == fingerprint(moved)
    assert fingerprint(finding) != fingerprint(finding._replace(subject="peft"))


def test_places_outside_the_project_become_the_manifest(reports: ModuleType) -> None:
    anchor = reports.ACCELERATE.anchor
    options = Options(root="/home/ann/proj")
    for path, expected in {
        "profiles/training.toml": ("profiles/training.toml", 12),
        "./pyproject.toml": ("pyproject.toml", 12),
        "/home/ann/proj/a b/p.toml": ("a b/p.toml", 12),
        "/usr/lib/python3/site-packages/envcheck/profiles/torch.toml": ("pyproject.toml", 1),
        "~/other/p.toml": ("pyproject.toml", 1),
        "../p.toml": ("pyproject.toml", 1),
        "C:\\x\\p.toml": ("pyproject.toml", 1),
        "": ("pyproject.toml", 1),
    }.items():
        finding = reports.ACCELERATE._replace(anchor=anchor._replace(path=path))
        assert sarif.location(finding, options) == expected
