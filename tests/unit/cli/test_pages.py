"""explain, list, completion and diff, as a user calls them."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from envcheck import checks
from envcheck.cli import COMMANDS, completion
from envcheck.cli.listing import LISTS
from envcheck.cli.main import main
from envcheck.report import json as json_report
from envcheck.report.base import Options

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

Capture = pytest.CaptureFixture[str]


def test_explain_shows_every_section(capsys: Capture) -> None:
    assert main(["explain", "PY001"]) == 0
    written = capsys.readouterr().out
    assert written.startswith("PY001  ")
    for heading in ("Why it matters", "Causes", "Remedy", "Sources"):
        assert f"\n{heading}\n" in written


def test_explain_in_any_case_and_several(capsys: Capture) -> None:
    assert main(["explain", "py001", "PY002", "--format", "markdown"]) == 0
    written = capsys.readouterr().out
    assert written.count("\n# PY") + written.startswith("# PY") == 2
    assert main(["explain", "PY001", "--format", "json"]) == 0
    (page,) = json.loads(capsys.readouterr().out)
    assert set(page["sections"]) == {"Why it matters", "Causes", "Remedy", "Sources"}


def test_explain_lists_a_family(capsys: Capture) -> None:
    assert main(["explain", "PY"]) == 0
    written = capsys.readouterr().out
    assert all(check.code in written for check in checks.load(("PY",)))
    assert main(["explain", "py00"]) == 0
    written = capsys.readouterr().out
    assert "PY001" in written
    assert "PY101" not in written


def test_explain_suggests(capsys: Capture) -> None:
    assert main(["explain", "PY0O1"]) == 2
    assert "did you mean `PY" in capsys.readouterr().err
    assert main(["explain"]) == 2


def test_every_page_can_be_explained(capsys: Capture) -> None:
    assert main(["explain", *(check.code for check in checks.load())]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("what", LISTS)
def test_every_list(what: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert max(map(len, lines)) <= 100
    assert main(["list", what, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    names = [str(next(iter(row.values()))) for row in rows]
    assert len(set(names)) == len(names)
    for name in names:
        assert any(line.startswith(name) for line in lines)


def test_a_list_from_a_prefix(capsys: Capture) -> None:
    assert main(["list", "facts", "host.libc"]) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} >= {
        "host.libc.family",
        "host.libc.version",
    }
    assert main(["list", "facts", "nothing.of.this.name"]) == 2


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_completions_are_current(shell: str, capsys: Capture) -> None:
    """Write them with ``python -m envcheck.cli.completion``."""
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == completion.generate(shell)


def test_completion_offers_every_command() -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("only on machines with bash")
    script = f"source {completion.path('bash')}; COMP_WORDS=(envcheck ''); COMP_CWORD=1; "
    script += "_shtab_envcheck; printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True)
    assert set(COMMANDS) <= set(done.stdout.split()), done.stderr


def test_diff(tmp_path: Path, reports: ModuleType, capsys: Capture) -> None:
    files = []
    for version in ("2.12.0", "2.13.0"):
        facts = {**reports.FACTS, "torch.version": reports.known(version)}
        file = tmp_path / f"{version}.json"
        file.write_text(json.dumps(reports.sheet(facts).document))
        files.append(str(file))
    assert main(["diff", files[0], files[0]]) == 0
    assert "No differences" in capsys.readouterr().out
    assert main(["diff", *files, "--format", "json"]) == 1
    (difference,) = json.loads(capsys.readouterr().out)["differences"]
    assert difference == {"fact": "torch.version", "subject": "", "a": "2.12.0", "b": "2.13.0"}


def test_a_report_with_facts_can_be_judged_again(
    tmp_path: Path, reports: ModuleType, capsys: Capture
) -> None:
    file, bare = tmp_path / "report.json", tmp_path / "bare.json"
    report = reports.report(reports.RUNS)
    file.write_text(json_report.render(report, Options(verbose=2)))
    bare.write_text(json_report.render(report, Options()))
    sheet = tmp_path / "sheet.json"
    sheet.write_text(json.dumps(reports.sheet().document))
    assert main(["diff", str(file), str(sheet)]) == 0
    assert main(["diff", str(bare), str(sheet)]) == 2
    assert "`-vv`" in capsys.readouterr().err


def test_facts_of_a_saved_sheet(tmp_path: Path, reports: ModuleType, capsys: Capture) -> None:
    file, copy = tmp_path / "a.json", tmp_path / "b.json"
    file.write_text(json.dumps(reports.sheet().document))
    assert main(["facts", "--facts", str(file), "-o", str(copy)]) == 0
    assert "ann" not in copy.read_text()
    assert main(["diff", str(file), str(copy)]) == 0
    capsys.readouterr()
    assert main(["facts", "torch.", "--facts", str(file), "--format", "text"]) == 0
    assert capsys.readouterr().out.startswith("torch.installed = yes\ntorch.version = 2.13.0+cu130")
    assert main(["facts", "no.such", "--facts", str(file)]) == 2
